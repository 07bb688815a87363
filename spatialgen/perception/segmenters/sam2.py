"""Segment Anything 2 (arXiv:2408.00714) in transformers, on single images: the mask of the thing in each box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from spatialgen.perception.pretrained import chunks, load_model, load_processor
from spatialgen.perception.segmenters._masks import PromptedConfig, best_masks, near_box
from spatialgen.records import F32, U8, Bool, DepthMap, ModelUse

if TYPE_CHECKING:
    import torch


class Config(PromptedConfig):
    """See `PromptedConfig`; `model` is a checkpoint in the format of transformers."""

    backend: Literal["sam2"] = "sam2"
    model: str = "facebook/sam2.1-hiera-small"


class Backend:
    """Each image is encoded once, in batches, squeezed to the network's square; then its boxes are decoded."""

    version = "1"
    uses_gpu = True

    def __init__(self, config: Config) -> None:
        self.config = config
        self.checkpoint = config.checkpoint()
        self.batch_size = config.batch_size
        self.weights = (self.checkpoint.key,)
        self._model: Any = None

    def setup(self, device: str) -> None:
        """Load the network. Raises WeightsError."""
        from transformers import Sam2ImageProcessor, Sam2Model

        folder = self.checkpoint.fetch()
        self._model = load_model(Sam2Model, folder, self.config.dtype, device)
        self._processor = load_processor(Sam2ImageProcessor, folder)

    def models(self) -> tuple[ModelUse, ...]:
        """Return the checkpoint with its licence."""
        return (self.checkpoint.use("segmenter"),)

    def close(self) -> None:
        """Let go of the network."""
        self._model = None

    def segment(self, images: Sequence[U8], boxes_px: Sequence[F32], depths: Sequence[DepthMap]) -> list[Bool]:
        """Return for each image (H, W, 3) uint8 the masks (N, H, W) bool of its boxes (N, 4), edge coordinates."""
        import torch

        masks: list[Bool] = [np.zeros((0, *image.shape[:2]), bool) for image in images]
        prompted = [i for i, boxes in enumerate(boxes_px) if len(boxes)]
        with torch.inference_mode():
            for batch in chunks(prompted, self.batch_size):
                levels = self._embeddings([images[i] for i in batch])
                for k, i in enumerate(batch):
                    masks[i] = self._decode([level[k : k + 1] for level in levels], boxes_px[i], images[i].shape[:2])
        return masks

    def _embeddings(self, images: Sequence[U8]) -> list[torch.Tensor]:
        """Return the feature maps (B, C, h, w) of all levels."""
        pixels = self._processor(images=list(images), return_tensors="pt")["pixel_values"]
        levels: list[torch.Tensor] = self._model.get_image_embeddings(pixels.to(self._model.device, self._model.dtype))
        return levels

    def _decode(self, embedding: list[torch.Tensor], boxes_px: F32, size_hw: tuple[int, int]) -> Bool:
        parts = []
        for boxes in chunks(list(boxes_px), self.config.boxes_per_pass):
            logits, scores = self._low_resolution(embedding, np.stack(boxes), size_hw)
            for one, score, box in zip(logits, scores, boxes, strict=True):
                seen = score >= self.config.min_predicted_iou
                parts.append(full_size(one, size_hw) & near_box(box, size_hw, self.config.clip_margin) & seen)
        return np.stack(parts)

    def _low_resolution(
        self, embedding: list[torch.Tensor], boxes_px: F32, size_hw: tuple[int, int]
    ) -> tuple[torch.Tensor, F32]:
        """Return the best of the three masks of each box, (N, h, w) logits, and its predicted overlap (N,)."""
        import torch

        height, width = size_hw
        rows, columns = self._model.prompt_encoder.image_embedding_size
        patch = self._model.config.prompt_encoder_config.patch_size
        scale = np.array([columns * patch / width, rows * patch / height] * 2, np.float32)
        # the prompt encoder adds half a pixel: it takes indices of pixels, not edges
        prompts = torch.as_tensor(boxes_px * scale - 0.5, device=self._model.device, dtype=self._model.dtype)
        output = self._model(image_embeddings=embedding, input_boxes=prompts[None], multimask_output=True)
        return best_masks(output.pred_masks[0], output.iou_scores[0])


def full_size(logits: torch.Tensor, size_hw: tuple[int, int]) -> Bool:
    """Return mask logits (h, w) as a mask (H, W) of the image."""
    import torch

    full = torch.nn.functional.interpolate(logits[None, None].float(), size_hw, mode="bilinear", align_corners=False)
    mask: Bool = (full[0, 0] > 0).cpu().numpy()
    return mask
