"""FastDepth (Wofk et al. 2019): metric depth of rooms, learned from NYU Depth v2, in 20 ms on one CPU core.

What it says is trusted little. On photos of rooms its readings are off by a fifth after their common scale is
taken out, all pixels of a thing alike, and that scale by two fifths: the network has learned one kind of room and one
camera, and takes a close-up or a landscape for such a room. So it can tell what is nearer, but no lengths.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from spatialgen.perception import weights
from spatialgen.perception.onnx_session import cpu_session
from spatialgen.records import F32, U8, Camera, DepthMap, ModelUse

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SIDE = 224
NEAR_M, FAR_M = 0.3, 10.0  # what it can print beyond is no reading
MEDIAN_PX = 5  # of the 224 x 224 map: takes out zeros and spikes


class Config(BaseModel):
    """`sigma` and `scale_sigma`: relative one-sigma errors of single readings and of the whole map's scale."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: Literal["fastdepth"] = "fastdepth"
    sigma: float = Field(0.2, gt=0)
    scale_sigma: float = Field(0.4, gt=0)


class Backend:
    """The depth estimator; see the module."""

    version = "1"
    uses_gpu = False
    batch_size = 16
    weights = ("fastdepth",)

    def __init__(self, config: Config) -> None:
        self._config = config
        self._session: InferenceSession | None = None

    def setup(self, device: str) -> None:
        """Load the network; it runs on the CPU whatever `device` says. Raises WeightsError."""
        self._session = cpu_session(weights.path("fastdepth"))

    def models(self) -> tuple[ModelUse, ...]:
        """Return the network with the licence of its weights."""
        return (weights.use("fastdepth"),)

    def close(self) -> None:
        """Let the network go."""
        self._session = None

    def estimate(self, images: Sequence[U8], cameras: Sequence[Camera | None]) -> list[DepthMap]:
        """Return a (224, 224) map, metres, of each image (H, W, 3) uint8 RGB; NaN where it is not believable."""
        return [self._estimate(image) for image in images]

    def _estimate(self, image: U8) -> DepthMap:
        return DepthMap(self._run(image), "model:fastdepth", self._config.sigma, self._config.scale_sigma)

    def _run(self, image: U8) -> F32:
        import cv2

        if self._session is None:
            raise AssertionError("setup comes before estimate")
        small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        batch = small.astype(np.float32).transpose(2, 0, 1)[None] / 255.0
        raw = self._session.run(None, {self._session.get_inputs()[0].name: batch})[0][0, 0]
        smooth = np.asarray(cv2.medianBlur(np.ascontiguousarray(raw, np.float32), MEDIAN_PX), np.float32)
        return np.where((smooth >= NEAR_M) & (smooth <= FAR_M), smooth, np.float32(np.nan))
