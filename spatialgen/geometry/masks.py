"""Masks a little too small or too large, and depth that bleeds at edges: found in the scene, and undone.

A depth map and a mask draw the same silhouettes. Where they disagree by the same step all around, the mask is off;
where depth changes over several pixels instead of one, readings at edges belong to neither side.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from spatialgen.geometry.crops import Crop
from spatialgen.records import F32, I32, Bool

SEARCH_PX = 4
"""How far from a mask's border its silhouette is looked for."""

_OFFSETS = ((1, 0), (-1, 0), (0, 1), (0, -1))
_STRONG = 0.06
"""Relative change of inverse depth across a border that makes it a silhouette beyond doubt."""

_ENOUGH = 60
_MOST_BORDERS = 150
_CORE_PX = 2
_NEAR_CORE_PX = 3
_SAME_SURFACE = 0.02


@dataclass(frozen=True, slots=True)
class EdgeQuality:
    """`offset_px`: by how much masks must grow (negative: shrink) to meet the silhouettes in the depth map;
    `bleeds`: whether readings next to silhouettes lie between the two sides."""

    offset_px: int = 0
    bleeds: bool = False

    @property
    def is_clean(self) -> bool:
        """Whether masks and depth can be taken at their word, pixel by pixel."""
        return self.offset_px == 0 and not self.bleeds


def edge_quality(crops: Iterable[Crop]) -> EdgeQuality:
    """Return how well masks and depth agree, over all objects of a scene."""
    found = [_silhouettes(crop) for crop in crops]
    places = np.concatenate([place for place, _ in found]) if found else np.zeros(0, np.intp)
    if len(places) < _ENOUGH:
        return EdgeQuality()
    split = float(np.concatenate([share for _, share in found]).mean())
    middle = int(np.median(places))
    agreed = float((np.abs(places - middle) <= 1).mean())
    return EdgeQuality(middle if agreed > 0.5 else 0, split > 0.2)


def _silhouettes(crop: Crop) -> tuple[I32, Bool]:
    """Return for the strong silhouettes of a crop where depth jumps, in pixels beyond the mask's border, and
    whether it jumps in more than one step."""
    height, width = crop.mask.shape
    inner = crop.mask.copy()
    inner[:SEARCH_PX] = inner[-SEARCH_PX - 1 :] = False
    inner[:, :SEARCH_PX] = inner[:, -SEARCH_PX - 1 :] = False
    with np.errstate(divide="ignore"):
        inverse = 1 / crop.depth_m.ravel()
    steps = np.arange(-SEARCH_PX, SEARCH_PX + 2)
    lines = []
    for du, dv in _OFFSETS:
        shift = dv * width + du
        border = np.flatnonzero(inner & ~np.roll(crop.mask, (-dv, -du), axis=(0, 1)))
        border = border[:: -(-len(border) // _MOST_BORDERS) or 1]
        lines.append(np.clip(border[:, None] + steps * shift, 0, height * width - 1))
    profile = inverse[np.concatenate(lines)]
    drop = (profile[:, :-1] - profile[:, 1:]) / profile[:, :1]
    total = drop.sum(axis=1)
    strong = total > _STRONG
    drop, total = drop[strong], total[strong]
    place = np.argmax(drop, axis=1) if len(drop) else np.zeros(0, np.intp)
    largest = drop[np.arange(len(drop)), place]
    return (place - SEARCH_PX).astype(np.int32), np.asarray(largest < 0.75 * total)


def restored(crop: Crop, quality: EdgeQuality) -> Crop:
    """Return the crop with its mask grown or shrunk to the silhouette, and readings that bleed marked as such.

    Growing keeps off what other objects surely own.
    """
    if quality.is_clean:
        return crop
    mask = crop.mask
    if quality.offset_px:
        reach = abs(quality.offset_px)
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
        change = cv2.dilate if quality.offset_px > 0 else cv2.erode
        mask = change(mask.astype(np.uint8), disc) > 0
        mask &= crop.mask | (crop.ids <= 0) if quality.offset_px > 0 else crop.mask
    return replace(crop, mask=mask, trusted=_own_readings(crop.depth_m, mask))


def _own_readings(depth_m: F32, mask: Bool) -> Bool:
    """Return where a mask's readings (h, w) are like those of its inner part close by.

    Thin parts have no inner part: there a reading counts if it is among the nearest around.
    """
    finite = mask & np.isfinite(depth_m)
    box = np.ones((3, 3), np.uint8)
    core = cv2.erode(mask.astype(np.uint8), box, iterations=_CORE_PX).astype(bool) & finite
    window = np.ones((2 * _NEAR_CORE_PX + 1, 2 * _NEAR_CORE_PX + 1), np.uint8)
    far = cv2.dilate(np.where(core, depth_m, np.float32(0)), window)
    near = cv2.erode(np.where(core, depth_m, np.float32(np.inf)), window)
    like_core = (depth_m < far * (1 + _SAME_SURFACE)) & (depth_m > near * (1 - _SAME_SURFACE))
    nearest = cv2.erode(np.where(finite, depth_m, np.float32(np.inf)), window)
    return np.asarray(finite & np.where(far > 0, core | like_core, depth_m < nearest * (1 + _SAME_SURFACE)))
