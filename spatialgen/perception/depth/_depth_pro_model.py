"""Running Depth Pro (arXiv:2410.02073): canonical inverse depth and the field of view of each picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spatialgen.errors import WeightsError
from spatialgen.perception.checkpoints import Checkpoint
from spatialgen.perception.pretrained import chunks, load_model, load_processor
from spatialgen.records import F32, U8


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """`inverse` (h, w) float32: width in pixels over (focal length in pixels times metres); `fov_x_deg`."""

    inverse: F32
    fov_x_deg: float


class DepthPro:
    """The network, loaded. All pictures are squeezed to one square (1536 pixels), so any can share a batch."""

    def __init__(self, checkpoint: Checkpoint, dtype: str, device: str) -> None:
        from transformers import AutoImageProcessor, DepthProForDepthEstimation

        folder = checkpoint.fetch()
        self._model: Any = load_model(DepthProForDepthEstimation, folder, dtype, device)
        self._processor = load_processor(AutoImageProcessor, folder)
        if not self._model.config.use_fov_model:
            raise WeightsError(f"weights {checkpoint.reference}: Depth Pro without its field-of-view head")

    def predict(self, images: Sequence[U8], batch_size: int) -> list[Prediction]:
        """Return what the network says of each image (H, W, 3) uint8."""
        return [one for part in chunks(images, batch_size) for one in self._batch(part)]

    def _batch(self, images: Sequence[U8]) -> list[Prediction]:
        import torch

        pixels = self._processor(images=list(images), return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            output = self._model(pixel_values=pixels.to(self._model.device, self._model.dtype))
        inverse = output.predicted_depth.float().cpu().numpy().astype(np.float32)
        fov = output.field_of_view.float().cpu().numpy()
        return [Prediction(i, float(f)) for i, f in zip(inverse, fov, strict=True)]


def focal_px(fov_x_deg: float, width: int) -> float:
    """Return the focal length in pixels of an image `width` pixels wide with this horizontal field of view."""
    return float(0.5 * width / np.tan(np.deg2rad(fov_x_deg) / 2))
