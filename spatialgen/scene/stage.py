"""The stage that lifts a frame into a scene: geometry only, on one CPU core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spatialgen.engine.stage import Resources
from spatialgen.records import Frame, Reject
from spatialgen.scene.build import build_scene
from spatialgen.scene.config import LiftConfig


class LiftStage:
    """Fills `Frame.scene` (see `scene.build.build_scene`)."""

    name = "lift"
    version = "13"
    resources = Resources(cpus=1.0)
    batch_size = 8
    reads = frozenset({"rgb", "camera", "depth", "detections", "instances", "texts", "gravity", "up_camera"})
    writes = frozenset({"scene"})

    def __init__(self, config: LiftConfig | None = None) -> None:
        self.config = config or LiftConfig()

    def setup(self) -> None:
        """Nothing to load."""

    def __call__(self, batch: Sequence[Frame]) -> list[Frame | Reject]:
        """Return the frames of `batch`, in order, each with its scene."""
        return [f if f.scene is not None else replace(f, scene=build_scene(f, self.config)) for f in batch]

    def close(self) -> None:
        """Nothing to let go of."""
