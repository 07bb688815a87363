"""Depth Pro (arXiv:2410.02073) in transformers: sharp z-depth in metres, with a focal length of its own.

The weights are under Apple's research licence (apple-amlr).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from spatialgen.perception.checkpoints import HubConfig
from spatialgen.perception.depth._depth_pro_model import DepthPro, Prediction, focal_px
from spatialgen.perception.network import NetworkBackend
from spatialgen.records import U8, Camera, DepthMap

RANGE_M = (0.01, 200.0)
TRUSTED_FOCAL_SIGMA = 0.1  # a camera known better than this gives the scale; a mere prior does not


class Config(HubConfig):
    """`sigma`, of single readings, and `scale_sigma` are relative errors; set your own where you measured them.

    The paper's zero-shot shares of readings within a factor 1.25 (table 1) are 89 % on Sun-RGBD and 40 to 61 % on
    Booster, ETH3D, Middlebury, nuScenes and Sintel: lognormal errors of 0.14 and of 0.26 to 0.43. The default scale
    is between the two kinds. Single readings are not given apart; theirs is what comparable networks are left with
    after alignment (arXiv:2406.09414, table 2).
    """

    backend: Literal["depth_pro"] = "depth_pro"
    model: str = "apple/DepthPro-hf"
    batch_size: int = Field(1, ge=1)
    sigma: float = Field(0.06, ge=0)
    scale_sigma: float = Field(0.2, ge=0)


class Backend(NetworkBackend[Config]):
    """Maps keep the network's size (1536 x 1536), each axis with its own scale."""

    role = "depth"

    def setup(self, device: str) -> None:
        """Load the network. Raises WeightsError."""
        self._model = DepthPro(self.checkpoint, self.config.dtype, device)

    def estimate(self, images: Sequence[U8], cameras: Sequence[Camera | None]) -> list[DepthMap]:
        """Return a depth map of each image (H, W, 3) uint8; known focal lengths replace the network's own."""
        predictions = self._model.predict(images, self.batch_size)
        widths = [image.shape[1] for image in images]
        return [self._map(*one) for one in zip(predictions, widths, cameras, strict=True)]

    def _map(self, prediction: Prediction, width: int, camera: Camera | None) -> DepthMap:
        known = camera is not None and camera.sigma <= TRUSTED_FOCAL_SIGMA
        focal = camera.fx if camera is not None and known else focal_px(prediction.fov_x_deg, width)
        with np.errstate(divide="ignore", invalid="ignore"):
            depth_m = (focal / (width * prediction.inverse)).astype(np.float32)
            readable = (depth_m >= RANGE_M[0]) & (depth_m <= RANGE_M[1])
        source, sigma = "model:depth_pro", self.config.sigma
        return DepthMap(np.where(readable, depth_m, np.float32(np.nan)), source, sigma, self.config.scale_sigma)
