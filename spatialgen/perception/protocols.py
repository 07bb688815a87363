"""What a backend of each role must do. Constructed on the driver, `setup` in the worker, then batches.

A backend is a file `spatialgen/perception/<role>/<name>.py` that defines `Config`, a frozen pydantic model with
`backend: Literal["<name>"]`, and `Backend`, a class made from it; or an entry point `spatialgen.<role>` that names
such a module. Heavy packages are imported in `setup`, never at the top of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from spatialgen.records import (
    F32,
    U8,
    Bool,
    Camera,
    DepthMap,
    Detections,
    Frame,
    Gravity,
    ModelUse,
    ObjectText,
)


class Backend(Protocol):
    """What all roles share. `weights` names entries of the model list, so that they can be fetched and hashed.

    `uses_gpu`: whether it runs on the device that `setup` is given, and so takes a share of a GPU.
    """

    version: str
    uses_gpu: bool
    batch_size: int
    weights: tuple[str, ...]

    def setup(self, device: str) -> None: ...

    def models(self) -> tuple[ModelUse, ...]: ...

    def close(self) -> None: ...


class Detector(Backend, Protocol):
    """Finds objects by their names."""

    def detect(self, images: Sequence[U8]) -> list[Detections]:
        """Return the detections of each upright RGB image (H, W, 3) uint8, best score first."""


class DepthEstimator(Backend, Protocol):
    """Estimates metric z-depth."""

    def estimate(self, images: Sequence[U8], cameras: Sequence[Camera | None]) -> list[DepthMap]:
        """Return a depth map of each image, with honest `sigma` and `scale_sigma`."""


class Segmenter(Backend, Protocol):
    """Cuts objects out, prompted by their boxes."""

    def segment(self, images: Sequence[U8], boxes_px: Sequence[F32], depths: Sequence[DepthMap]) -> list[Bool]:
        """Return for each image the masks (N, H, W) bool of its N boxes (N may be 0). Empty masks are allowed."""


class Captioner(Backend, Protocol):
    """Says in words what an object is."""

    def describe(self, frames: Sequence[Frame]) -> list[tuple[ObjectText, ...]]:
        """Return one text an object of each frame; frames have detections and instances."""


class CameraEstimator(Backend, Protocol):
    """Estimates intrinsics where a source gives none; works with what the frame has (EXIF, depth)."""

    def intrinsics(self, frames: Sequence[Frame]) -> list[Camera]:
        """Return a camera for each frame."""


class GravityEstimator(Backend, Protocol):
    """Estimates the up direction from the picture, before the floor fit refines or rejects it."""

    def up(self, frames: Sequence[Frame]) -> list[Gravity | None]:
        """Return a prior for each frame, or None where nothing can be said; frames have camera and depth."""
