"""Depth Anything V2, metric (arXiv:2406.09414), in transformers: z-depth in metres from one picture.

Released in two kinds: indoor (trained on Hypersim, up to 20 m) and outdoor (Virtual KITTI 2, up to 80 m). The small
size is Apache-2.0, the base and large ones are CC-BY-NC-4.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from spatialgen.errors import WeightsError
from spatialgen.perception.checkpoints import HubConfig
from spatialgen.perception.network import NetworkBackend
from spatialgen.perception.pretrained import by_shape, load_model, load_processor
from spatialgen.records import F32, U8, Camera, DepthMap

if TYPE_CHECKING:
    import torch

NEAREST_M = 0.01
SATURATED = 0.99  # of the largest depth that the network can say: sky, or too far to tell


@dataclass(frozen=True, slots=True)
class PublishedError:
    """Relative one-sigma errors: of single readings once the scale is right, and of the scale."""

    sigma: float
    scale_sigma: float


# Single readings: AbsRel of the small size after alignment, 0.053 on NYU-D and 0.078 on KITTI (arXiv:2406.09414,
# table 2), a mean absolute error and so 0.8 of a sigma. Scale: zero-shot shares of readings within a factor 1.25
# (arXiv:2410.02073, table 1), 72 % on Sun-RGBD and 60 % on Booster indoors, 18 % on nuScenes outdoors; a lognormal
# error with those shares has a sigma of 0.20 to 0.27, and about 1.
INDOOR = PublishedError(sigma=0.07, scale_sigma=0.25)
OUTDOOR = PublishedError(sigma=0.10, scale_sigma=1.0)
INDOOR_RANGE_M = 20.0


class Config(HubConfig):
    """`sigma` and `scale_sigma` replace the published relative errors where you have measured your own."""

    backend: Literal["depth_anything_v2"] = "depth_anything_v2"
    model: str = "depth-anything/Depth-Anything-V2-Metric-Indoor-Small-hf"
    sigma: float | None = Field(None, ge=0)
    scale_sigma: float | None = Field(None, ge=0)


class Backend(NetworkBackend[Config]):
    """Maps keep the size at which the network sees the image (about 518 pixels on the shorter side).

    Resizing there and the convention for reading a smaller map, u_d = (u + 0.5) s - 0.5, agree, so depth is never
    interpolated over an edge.
    """

    role = "depth"

    def setup(self, device: str) -> None:
        """Load the network. Raises WeightsError, also for a checkpoint that gives relative depth only."""
        from transformers import AutoImageProcessor, DepthAnythingForDepthEstimation

        folder = self.checkpoint.fetch()
        self._model = load_model(DepthAnythingForDepthEstimation, folder, self.config.dtype, device)
        self._processor = load_processor(AutoImageProcessor, folder)
        if self._model.config.depth_estimation_type != "metric":
            raise WeightsError(f"weights {self.checkpoint.reference}: relative depth; take a metric checkpoint")

    def estimate(self, images: Sequence[U8], cameras: Sequence[Camera | None]) -> list[DepthMap]:
        """Return a depth map of each image (H, W, 3) uint8; the intrinsics are not used by this network."""
        pixels = [self._processor(images=image, return_tensors="pt")["pixel_values"][0] for image in images]
        maps: dict[int, F32] = {}
        for batch in by_shape(pixels, self.batch_size):
            maps |= zip(batch, self._run([pixels[i] for i in batch]), strict=True)
        return [self._depth_map(maps[i]) for i in range(len(images))]

    def _run(self, pixels: Sequence[torch.Tensor]) -> F32:
        """Return the depths (B, h, w), metres, of the network's size."""
        import torch

        stacked = torch.stack(list(pixels)).to(self._model.device, self._model.dtype)
        with torch.inference_mode():
            depth: F32 = self._model(pixel_values=stacked).predicted_depth.float().cpu().numpy()
        return depth

    def _depth_map(self, depth_m: F32) -> DepthMap:
        limit = float(self._model.config.max_depth)
        readable = (depth_m >= NEAREST_M) & (depth_m <= SATURATED * limit)
        published = INDOOR if limit <= INDOOR_RANGE_M else OUTDOOR
        own = self.config
        return DepthMap(
            np.where(readable, depth_m, np.float32(np.nan)),
            source="model:depth_anything_v2",
            sigma=published.sigma if own.sigma is None else own.sigma,
            scale_sigma=published.scale_sigma if own.scale_sigma is None else own.scale_sigma,
        )
