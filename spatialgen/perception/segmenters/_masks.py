"""What promptable segmenters share: which of a box's masks counts, and where it may reach."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pydantic import Field

from spatialgen.perception.checkpoints import HubConfig
from spatialgen.perception.network import NetworkBackend
from spatialgen.perception.pretrained import chunks
from spatialgen.records import F32, U8, Bool, DepthMap

if TYPE_CHECKING:
    import torch


class PromptedConfig(HubConfig):
    """Masks whose predicted intersection over union is below `min_predicted_iou` are returned empty.

    Masks are cut `clip_margin` of the box's sides outside of the box: what lies farther off is another thing.
    `boxes_per_pass` boxes of an image are decoded together.
    """

    batch_size: int = Field(2, ge=1)
    boxes_per_pass: int = Field(32, ge=1)
    min_predicted_iou: float = 0.5
    clip_margin: float = Field(0.1, ge=0)


PC = TypeVar("PC", bound=PromptedConfig)


class PromptedSegmenter(NetworkBackend[PC], ABC):
    """Each image is encoded once, in batches; then its boxes are decoded together."""

    role = "segmenter"

    def segment(self, images: Sequence[U8], boxes_px: Sequence[F32], depths: Sequence[DepthMap]) -> list[Bool]:
        """Return for each image (H, W, 3) uint8 the masks (N, H, W) bool of its boxes (N, 4), edge coordinates."""
        import torch

        masks: list[Bool] = [np.zeros((0, *image.shape[:2]), bool) for image in images]
        prompted = [i for i, boxes in enumerate(boxes_px) if len(boxes)]
        with torch.inference_mode():
            for batch in chunks(prompted, self.batch_size):
                embeddings = self._encode([images[i] for i in batch])
                for i, embedding in zip(batch, embeddings, strict=True):
                    masks[i] = self._decode(embedding, boxes_px[i], images[i].shape[:2])
        return masks

    @abstractmethod
    def _encode(self, images: Sequence[U8]) -> Sequence[Any]:
        """Return what decoding needs of each image (H, W, 3) uint8."""

    @abstractmethod
    def _low_resolution(
        self, embedding: Any, boxes_px: F32, size_hw: tuple[int, int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the masks of each box (N, C, h, w), logits, and their predicted overlaps (N, C)."""

    @abstractmethod
    def _full_size(self, logits: torch.Tensor, size_hw: tuple[int, int]) -> Bool:
        """Return mask logits (h, w) as a mask (H, W) of the image."""

    def _decode(self, embedding: Any, boxes_px: F32, size_hw: tuple[int, int]) -> Bool:
        parts = []
        for boxes in chunks(list(boxes_px), self.config.boxes_per_pass):
            logits, scores = best_masks(*self._low_resolution(embedding, np.stack(boxes), size_hw))
            for one, score, box in zip(logits, scores, boxes, strict=True):
                seen = score >= self.config.min_predicted_iou
                parts.append(self._full_size(one, size_hw) & near_box(box, size_hw, self.config.clip_margin) & seen)
        return np.stack(parts)


def best_masks(logits: torch.Tensor, predicted: torch.Tensor) -> tuple[torch.Tensor, F32]:
    """Return of masks (N, C, h, w) the one with the best predicted overlap (N, C): (N, h, w) and the overlaps (N,)."""
    import torch

    scores, best = predicted.float().max(dim=1)
    return logits[torch.arange(len(best), device=best.device), best], scores.cpu().numpy()


def near_box(box_px: F32, size_hw: tuple[int, int], margin: float) -> Bool:
    """Return (H, W) bool: pixels whose centre is in box (4,), edge coordinates, or within the margin around it."""
    beyond = margin * (box_px[2:] - box_px[:2])
    low, high = box_px[:2] - beyond - 0.5, box_px[2:] + beyond - 0.5
    u, v = np.arange(size_hw[1]), np.arange(size_hw[0])
    inside_u, inside_v = (u >= low[0]) & (u <= high[0]), (v >= low[1]) & (v <= high[1])
    near: Bool = inside_v[:, None] & inside_u[None, :]
    return near
