"""One thing, one object: which of several boxes of a thing stays.

The rule, over boxes from the best score down (ties: the order given). A box is dropped if a box that stays
overlaps it with an intersection over union of at least `SAME_IOU`, whatever the labels (a sofa that is also
called a couch, or a chair), or, **with the same label**, covers or is covered by at least `SAME_CONTAINED` of the
smaller one (a box around a whole and one around its part; a box around two and one around each).
Boxes of different labels inside one another stay: a mug is on a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from spatialgen.records import F32, F64, I32, Bool, Detections

SAME_IOU = 0.65
SAME_CONTAINED = 0.85
SAME_MASK_IOU = 0.75


def pairwise_overlap(boxes_px: F32) -> tuple[F64, F64]:
    """Return the intersections over union and over the smaller area, each (N, N), of boxes (N, 4)."""
    boxes = boxes_px.astype(np.float64)
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=-1)
    return _ratios(shared, np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1))


def pairwise_mask_overlap(masks: Bool) -> tuple[F64, F64]:
    """Return the intersections over union and over the smaller area, each (N, N), of masks (N, H, W)."""
    bounds = [_bounds(mask) for mask in masks]
    areas = np.array([np.count_nonzero(mask) for mask in masks], np.float64)
    shared = np.diag(areas)
    for i, a in enumerate(bounds):
        for j, b in enumerate(bounds[:i]):
            v0, u0, v1, u1 = max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])
            if v0 < v1 and u0 < u1:
                both = masks[i, v0:v1, u0:u1] & masks[j, v0:v1, u0:u1]
                shared[i, j] = shared[j, i] = np.count_nonzero(both)
    return _ratios(shared, areas)


def distinct_boxes(boxes_px: F32, scores: F32, labels: Sequence[str]) -> I32:
    """Return the indices of the boxes that stay, best score first, by the rule above."""
    iou, contained = pairwise_overlap(boxes_px)
    same_label = np.array([[a == b for b in labels] for a in labels], bool).reshape(iou.shape)
    return _suppress((iou >= SAME_IOU) | (same_label & (contained >= SAME_CONTAINED)), scores)


def distinct_masks(masks: Bool, scores: F32) -> I32:
    """Return the indices of the masks that stay, ascending: twins by mask are one thing under two names."""
    iou, _ = pairwise_mask_overlap(masks)
    return np.sort(_suppress(iou >= SAME_MASK_IOU, scores))


def take(found: Detections, indices: I32) -> Detections:
    """Return the detections at `indices`, every field of theirs together."""
    keep = [int(i) for i in indices]
    return Detections(
        boxes_px=found.boxes_px[keep].reshape(-1, 4),
        scores=found.scores[keep],
        labels=tuple(found.labels[i] for i in keep),
        object_ids=tuple(found.object_ids[i] for i in keep),
        names=tuple(found.names[i] for i in keep),
        fronts=None if found.fronts is None else found.fronts[keep].reshape(-1, 3),
    )


def numbered(found: Detections) -> Detections:
    """Return the detections with object ids "1", "2", ... in their order."""
    return replace(found, object_ids=tuple(str(k + 1) for k in range(len(found))))


def make_detections(
    boxes_px: F32, scores: F32, labels: Sequence[str], size_wh: tuple[int, int], min_side_px: float = 2.0
) -> Detections:
    """Return detections from raw boxes: clipped to the image, slivers dropped, best score first, ids "1", "2"...

    `boxes_px` (N, 4), edge coordinates, may reach over the border; `scores` (N,); `labels` N class names.
    """
    width, height = size_wh
    raw = np.asarray(boxes_px, np.float32).reshape(-1, 4)
    boxes = np.clip(raw, 0, np.array([width, height, width, height], np.float32))
    shorter_side = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf)
    kept = np.asarray(scores, np.float32).reshape(-1)
    order = [int(i) for i in np.argsort(-kept, kind="stable") if shorter_side[i] >= min_side_px]
    return Detections(
        boxes_px=boxes[order].reshape(-1, 4),
        scores=np.clip(kept[order], 0, 1),
        labels=tuple(labels[i].strip().lower() for i in order),
        object_ids=tuple(str(k + 1) for k in range(len(order))),
        names=(None,) * len(order),
    )


def _bounds(mask: Bool) -> tuple[int, int, int, int]:
    """Return the first row and column of `mask` and those after its last, all 0 for an empty one."""
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (int(rows[0]), int(cols[0]), int(rows[-1]) + 1, int(cols[-1]) + 1) if len(rows) else (0, 0, 0, 0)


def _ratios(shared: F64, areas: F64) -> tuple[F64, F64]:
    union = areas[:, None] + areas[None, :] - shared
    smaller = np.minimum(areas[:, None], areas[None, :])
    return shared / np.maximum(union, 1e-12), shared / np.maximum(smaller, 1e-12)


def _suppress(same: Bool, scores: F32) -> I32:
    kept: list[int] = []
    for i in np.argsort(-scores, kind="stable"):
        if not any(same[i, k] for k in kept):
            kept.append(int(i))
    return np.array(kept, np.int32)
