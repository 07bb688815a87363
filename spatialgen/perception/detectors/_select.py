"""From a detector's raw queries to the detections of an image: threshold, one class a query, one box a thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from spatialgen.perception.duplicates import distinct_boxes, make_detections, take
from spatialgen.records import F32, Detections

if TYPE_CHECKING:
    import torch

CANDIDATES = 300  # the best queries that are compared pair by pair


def select(
    boxes_px: F32,
    scores: F32,
    classes: Sequence[str],
    size_wh: tuple[int, int],
    *,
    threshold: float,
    max_detections: int,
) -> Detections:
    """Return the detections in boxes (Q, 4), edge coordinates, with class scores (Q, C) of `classes`.

    A query is what its best class says; queries at or above `threshold` stay, duplicates of one thing go by the
    rule of `spatialgen.perception.duplicates`, and of the rest the best `max_detections`.
    """
    best = scores.argmax(axis=1)
    top = scores[np.arange(len(scores)), best]
    order = np.argsort(-top, kind="stable")
    order = order[top[order] >= threshold][:CANDIDATES]
    found = make_detections(boxes_px[order], top[order], [classes[int(best[i])] for i in order], size_wh)
    kept = distinct_boxes(found.boxes_px, found.scores, found.labels)[:max_detections]
    return make_detections(*_raw(take(found, kept)), size_wh)


def pixel_boxes(cxcywh: torch.Tensor, size_wh: tuple[int, int]) -> F32:
    """Return boxes (Q, 4) [x0, y0, x1, y1) in edge pixels from (Q, 4) centres and sizes as shares of the image."""
    boxes = cxcywh.detach().float().cpu().numpy()
    scale = np.array([*size_wh, *size_wh], np.float32)
    half = boxes[:, 2:] / 2
    corners: F32 = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1) * scale
    return corners


def _raw(found: Detections) -> tuple[F32, F32, tuple[str, ...]]:
    return found.boxes_px, found.scores, found.labels
