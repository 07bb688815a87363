"""Gravity from the verticals of a scene: M-LSD line segments (Gu et al. 2021) and their vanishing point.

Rooms have verticals at walls, doors and furniture; where too few agree, only the habit of people is left: a level
camera, with a large error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from spatialgen.perception import weights
from spatialgen.perception.gravity._vertical import fit_vertical
from spatialgen.perception.gravity.level import level_prior
from spatialgen.perception.onnx_session import cpu_session
from spatialgen.records import F64, U8, Frame, Gravity, ModelUse

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SIDE = 512
STRIDE = 2  # pixels of the input for one of the output


class Config(BaseModel):
    """`min_score` and `min_length` (of the image's longer side) of a segment; `min_support` segments must agree.

    `floor_sigma_deg` is the least error that is claimed; the habit is that of `level`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: Literal["mlsd"] = "mlsd"
    min_score: float = Field(0.2, gt=0, lt=1)
    min_length: float = Field(0.06, gt=0, lt=1)
    min_support: int = Field(4, ge=2)
    min_share: float = Field(0.5, ge=0, le=1)
    floor_sigma_deg: float = Field(1.5, gt=0)
    habit_pitch_deg: float = Field(8.0, gt=-90, lt=90)
    habit_sigma_deg: float = Field(14.0, gt=0)


class Backend:
    """The gravity estimator; see the module."""

    version = "1"
    uses_gpu = False
    batch_size = 16
    weights = ("mlsd-tiny",)

    def __init__(self, config: Config) -> None:
        self._config = config
        self._session: InferenceSession | None = None

    def setup(self, device: str) -> None:
        """Load the network; it runs on the CPU whatever `device` says. Raises WeightsError."""
        self._session = cpu_session(weights.path("mlsd-tiny"))

    def models(self) -> tuple[ModelUse, ...]:
        """Return the network with the licence of its weights."""
        return (weights.use("mlsd-tiny"),)

    def close(self) -> None:
        """Let the network go."""
        self._session = None

    def up(self, frames: Sequence[Frame]) -> list[Gravity | None]:
        """Return the up direction that the verticals of each frame agree on, else the prior of a level camera."""
        return [self._up(frame) for frame in frames]

    def _up(self, frame: Frame) -> Gravity:
        config = self._config
        prior = level_prior(config.habit_pitch_deg, config.habit_sigma_deg)
        if frame.camera is None:
            raise AssertionError("gravity comes after the camera")
        found = fit_vertical(self.segments(frame.rgb), frame.camera, config.habit_pitch_deg, config.habit_sigma_deg)
        if found is None or found.support < config.min_support or found.share < config.min_share:
            return prior
        sigma = max(found.sigma_deg, config.floor_sigma_deg)
        return Gravity(found.up_camera, sigma, "vertical_structure") if sigma < prior.sigma_deg else prior

    def segments(self, image: U8) -> F64:
        """Return the line segments (N, 4) u0, v0, u1, v1 of an image (H, W, 3), in its pixels."""
        import cv2

        if self._session is None:
            raise AssertionError("setup comes before up")
        height, width = image.shape[:2]
        small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
        batch = np.concatenate([small, np.ones((SIDE, SIDE, 1), np.float32)], axis=-1)[None]
        offsets, scores = self._session.run(["offsets", "scores"], {self._session.get_inputs()[0].name: batch})
        v, u = np.nonzero(scores[0, ..., 0] >= self._config.min_score)
        ends = (offsets[0, v, u] + np.stack([u, v, u, v], axis=1)) * STRIDE
        ends = (ends.astype(np.float64) + 0.5) * np.array([width, height, width, height]) / SIDE - 0.5
        length = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])
        long: F64 = ends[length >= self._config.min_length * max(width, height)]
        return long
