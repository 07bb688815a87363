"""What promptable segmenters share: which of a box's masks counts, and where it may reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from spatialgen.perception.checkpoints import HubConfig
from spatialgen.records import F32, Bool

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
