"""Segment Anything 2 (arXiv:2408.00714) in transformers, on single images: the mask of the thing in each box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from spatialgen.perception.pretrained import load_model, load_processor
from spatialgen.perception.segmenters._masks import PromptedConfig, PromptedSegmenter
from spatialgen.records import F32, U8, Bool

if TYPE_CHECKING:
    import torch


class Config(PromptedConfig):
    """See `PromptedConfig`; `model` is a checkpoint in the format of transformers."""

    backend: Literal["sam2"] = "sam2"
    model: str = "facebook/sam2.1-hiera-small"


class Backend(PromptedSegmenter[Config]):
    """The segmenter; see `PromptedSegmenter`. Images are squeezed to the network's square."""

    def setup(self, device: str) -> None:
        """Load the network. Raises WeightsError."""
        from transformers import Sam2ImageProcessor, Sam2Model

        folder = self.checkpoint.fetch()
        self._model = load_model(Sam2Model, folder, self.config.dtype, device)
        self._processor = load_processor(Sam2ImageProcessor, folder)

    def _encode(self, images: Sequence[U8]) -> Sequence[list[torch.Tensor]]:
        """Return the feature maps (1, C, h, w) of all levels, for each image."""
        pixels = self._processor(images=list(images), return_tensors="pt")["pixel_values"]
        levels = self._model.get_image_embeddings(pixels.to(self._model.device, self._model.dtype))
        return [[level[k : k + 1] for level in levels] for k in range(len(images))]

    def _low_resolution(
        self, embedding: list[torch.Tensor], boxes_px: F32, size_hw: tuple[int, int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        height, width = size_hw
        rows, columns = self._model.prompt_encoder.image_embedding_size
        patch = self._model.config.prompt_encoder_config.patch_size
        scale = np.array([columns * patch / width, rows * patch / height] * 2, np.float32)
        # the prompt encoder adds half a pixel: it takes indices of pixels, not edges
        prompts = torch.as_tensor(boxes_px * scale - 0.5, device=self._model.device, dtype=self._model.dtype)
        output = self._model(image_embeddings=embedding, input_boxes=prompts[None], multimask_output=True)
        return output.pred_masks[0], output.iou_scores[0]

    def _full_size(self, logits: torch.Tensor, size_hw: tuple[int, int]) -> Bool:
        from torch.nn.functional import interpolate

        full = interpolate(logits[None, None].float(), size_hw, mode="bilinear", align_corners=False)
        mask: Bool = (full[0, 0] > 0).cpu().numpy()
        return mask
