"""From masks that may overlap to one owner a pixel, and from a given map to the detections that fit it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spatialgen.perception.duplicates import pairwise_mask_overlap, pairwise_overlap
from spatialgen.records import F32, F64, I32, Bool, DepthMap, InstanceMap

CONTAINED = 0.8  # a mask with this share inside a larger one lies on it or in front of it
SURE_SCORE = 0.5
MATCH_IOU = 0.5  # between a detected box and the bounds of a given instance


@dataclass(frozen=True, slots=True, eq=False)
class Owners:
    """`map` of the kept objects and `kept`, the ascending indices of the masks that own at least a pixel."""

    map: InstanceMap
    kept: I32


def depth_at_pixels(depth: DepthMap, size_wh: tuple[int, int]) -> F32:
    """Return the depth (H, W), metres, at the pixels of an image: nearest reading, never interpolated."""
    width, height = size_wh
    rows, cols = depth.depth_m.shape
    if (rows, cols) == (height, width):
        return depth.depth_m
    v = np.clip(np.rint((np.arange(height) + 0.5) * rows / height - 0.5), 0, rows - 1).astype(np.int64)
    u = np.clip(np.rint((np.arange(width) + 0.5) * cols / width - 0.5), 0, cols - 1).astype(np.int64)
    nearest: F32 = depth.depth_m[v[:, None], u[None, :]]
    return nearest


def unsure_yield(masks: Bool, scores: F32) -> Bool:
    """Return masks (N, H, W) in which those scored under 0.5 leave the pixels to those that are not.

    A thing that is perhaps there must not cut a hole into one that is.
    """
    sure = scores >= SURE_SCORE
    if sure.all() or not sure.any():
        return masks
    return masks & (sure[:, None, None] | ~masks[sure].any(axis=0))


def resolve_overlaps(masks: Bool, depth: DepthMap) -> Owners:
    """Give each pixel of masks (N, H, W) one owner: the nearer object, and what lies on a thing before it.

    Nearer is by the median depth of the mask; a mask that is mostly inside a larger one wins over it (a mug in
    the mask of its table, whose median may be nearer). Masks left without a pixel are dropped, and the others
    are renumbered, so that map value k + 1 is always `kept[k]`.
    """
    height, width = masks.shape[1:]
    ids = np.zeros((height, width), np.int32)
    for i in _far_to_near(masks, depth):
        ids[masks[i]] = i + 1
    counts = np.bincount(ids.ravel(), minlength=len(masks) + 1)[1:]
    kept = np.flatnonzero(counts[: len(masks)]).astype(np.int32)
    return Owners(InstanceMap(_renumbered(ids, kept, len(masks))), kept)


def match_instances(ids: I32, boxes_px: F32) -> tuple[I32, I32]:
    """Match detected boxes (N, 4), best first, to the instances of a given map `ids` (H, W), one to one.

    Returns `(kept, map)`: the ascending indices of the boxes that fit an instance (box over bounds with an
    intersection over union of at least 0.5), and the map in which value k + 1 is box `kept[k]` and the other
    instances, unnamed things, follow.
    """
    values = np.unique(ids[ids > 0])
    partner = _greedy_partners(boxes_px, _bounds(ids, values))
    kept = np.flatnonzero(partner >= 0).astype(np.int32)
    named = [int(values[partner[i]]) for i in kept]
    others = [int(v) for v in values if int(v) not in set(named)]
    lookup = np.zeros(int(ids.max(initial=0)) + 1, np.int32)
    lookup[named + others] = np.arange(1, len(values) + 1)
    return kept, lookup[np.maximum(ids, 0)]


def _far_to_near(masks: Bool, depth: DepthMap) -> list[int]:
    areas = masks.reshape(len(masks), -1).sum(axis=1)
    distance = _median_depths(masks, depth)
    _, contained = pairwise_mask_overlap(masks)
    for inner in np.argsort(-areas, kind="stable"):
        around = [o for o in np.flatnonzero(contained[inner] >= CONTAINED) if areas[o] > areas[inner]]
        for outer in around:
            distance[inner] = min(distance[inner], np.nextafter(distance[outer], -np.inf))
    return sorted(range(len(masks)), key=lambda i: (-distance[i], -areas[i], i))


def _median_depths(masks: Bool, depth: DepthMap) -> F64:
    seen = depth_at_pixels(depth, (masks.shape[2], masks.shape[1]))
    valid = np.isfinite(seen)
    readings = [seen[mask & valid] for mask in masks]
    return np.array([np.median(r) if len(r) else np.inf for r in readings], np.float64)


def _renumbered(ids: I32, kept: I32, count: int) -> I32:
    lookup = np.zeros(count + 1, np.int32)
    lookup[kept + 1] = np.arange(1, len(kept) + 1)
    return lookup[ids]


def _bounds(ids: I32, values: I32) -> F32:
    bounds = np.zeros((len(values), 4), np.float32)
    for k, value in enumerate(values):
        rows, cols = np.nonzero(ids == value)
        bounds[k] = (cols.min(), rows.min(), cols.max() + 1, rows.max() + 1)
    return bounds


def _greedy_partners(boxes_px: F32, bounds: F32) -> I32:
    iou = pairwise_overlap(np.concatenate([boxes_px, bounds]))[0][: len(boxes_px), len(boxes_px) :]
    partner = np.full(len(boxes_px), -1, np.int32)
    free = np.ones(len(bounds), bool)
    for i in range(len(boxes_px)):
        fit = np.where(free, iou[i], -1.0)
        if len(fit) and fit.max() >= MATCH_IOU:
            partner[i] = int(fit.argmax())
            free[partner[i]] = False
    return partner
