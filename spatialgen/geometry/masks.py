"""Masks a little too small or too large, and depth that bleeds at edges: found in the scene, and undone.

A depth map and a mask draw the same silhouettes. Where they disagree by the same step all around, the mask is off;
where depth changes over several pixels instead of one, readings at edges belong to neither side.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from spatialgen.geometry.boxes import middle
from spatialgen.geometry.crops import Crop, Strip
from spatialgen.geometry.rims import Borders, borders
from spatialgen.records import F32, I32, Bool

SEARCH_PX = 4
"""How far from a mask's border its silhouette is looked for."""

_STRONG = 0.06
"""Relative change of inverse depth across a border that makes it a silhouette beyond doubt."""

_ENOUGH = 60
_MOST_BORDERS = 250
_ASTRAY = 0.2
"""Share of silhouettes off the masks' borders, to either side, from which a depth map is too coarse for them."""

_AGREED_ASTRAY = 0.1
"""The same share, below which masks are taken to be right to the pixel."""

_CORE_PX = 2
_NEAR_CORE_PX = 5
_RESTORED_SIGMA_PX, _BLED_SIGMA_PX = 0.1, 0.6
_SAME_SURFACE = 0.015
_GOES_ON = 0.7
_ALIKE, _ENOUGH_ALIKE, _ENOUGH_PAIRS = 0.01, 3, 2
_HALF_AROUND = ((0, 1), (1, 0), (1, 1), (1, -1))
_GOES_ON_ALIKE = 0.012
_FAR_APART, _NEARLY_ALL = 1.15, 0.9
"""Readings of a thing do not leave out that much between them, relatively, where nearly all are on one side of it."""

_AROUND = tuple((s * dv, s * du) for dv, du in _HALF_AROUND for s in (1, -1))
_STEP, _STEP_BLED = 0.015, 0.003


@dataclass(frozen=True, slots=True)
class EdgeQuality:
    """`offset_px`: by how much masks must grow (negative: shrink) to meet the silhouettes in the depth map;
    `bleeds`: whether readings next to silhouettes lie between the two sides; `agrees`: whether masks and depth are
    seen to draw the same silhouettes to the pixel, nearly everywhere."""

    offset_px: int = 0
    bleeds: bool = False
    agrees: bool = False

    @property
    def is_clean(self) -> bool:
        """Whether masks and depth can be taken at their word, pixel by pixel."""
        return self.offset_px == 0 and not self.bleeds

    @property
    def sigma_px(self) -> float:
        """One-sigma error of a border that had to be set right, pixels."""
        if self.is_clean:
            return 0.0
        return _BLED_SIGMA_PX if self.bleeds else _RESTORED_SIGMA_PX

    @property
    def look_px(self) -> int:
        """How far beyond a mask's border to read what lies there: past what bleeds, past a neighbour's excess."""
        if self.is_clean:
            return 1
        return 1 + 2 * max(-self.offset_px, 0) + max(self.offset_px, 0) + (2 if self.bleeds else 0)


def edge_quality(strip: Strip) -> EdgeQuality:
    """Return how well masks and depth agree, over all objects of a scene."""
    places, is_split = _silhouettes(strip)
    if len(places) < _ENOUGH:
        return EdgeQuality()
    split = float(is_split.mean())
    offset = int(middle(places))
    agreed = float((np.abs(places - offset) <= 1).mean())
    bleeds = split > 0.2
    if agreed < 0.5 or (bleeds and abs(offset) < 2):
        offset = 0
    astray = float((places != 0).mean())
    bleeds |= offset == 0 and astray > _ASTRAY
    return EdgeQuality(offset, bleeds, offset == 0 and not bleeds and astray < _AGREED_ASTRAY)


def _silhouettes(strip: Strip) -> tuple[I32, Bool]:
    """Return for strong silhouettes where depth jumps, in pixels beyond the mask's border, and whether it jumps in
    more than one step."""
    edge = _sampled(borders(strip.without_edge(SEARCH_PX, SEARCH_PX + 1), strip), len(strip.crops))
    edge = edge.some(~strip.mask[edge.at + edge.shift])
    lines = edge.at[:, None] + np.arange(-SEARCH_PX, SEARCH_PX + 2) * edge.shift[:, None]
    with np.errstate(divide="ignore"):
        profile = 1 / strip.depth_m[lines]
    drop = (profile[:, :-1] - profile[:, 1:]) / profile[:, :1]
    total = drop.sum(axis=1)
    strong = total > _STRONG
    drop, total = drop[strong], total[strong]
    place = np.argmax(drop, axis=1) if len(drop) else np.zeros(0, np.intp)
    largest = drop[np.arange(len(drop)), place]
    inside, outside = (np.maximum(drop[:, end].mean(axis=1), 0) for end in (slice(None, 2), slice(-2, None)))
    slopes = place * inside + (drop.shape[1] - 1 - place) * outside  # of the surfaces themselves, seen at a slant
    return (place - SEARCH_PX).astype(np.int32), np.asarray(largest < 0.75 * (total - slopes))


def _sampled(edge: Borders, crops: int) -> Borders:
    """Return the borders of each crop, thinned to about _MOST_BORDERS or a few more."""
    counts = np.bincount(edge.crop, minlength=crops)
    rank = np.arange(len(edge.crop)) - (np.cumsum(counts) - counts)[edge.crop]
    return edge.some(rank % np.maximum(counts // _MOST_BORDERS, 1)[edge.crop] == 0)


def restored(
    crop: Crop, quality: EdgeQuality, owner: int = 0, thin: I32 | None = None, nearer: Bool | None = None
) -> Crop:
    """Return the crop with its mask grown or shrunk to the silhouette, and readings that bleed marked as such.

    Growing keeps off what other objects surely own. Where masks grew over each other, the nearer object's won as a
    rule: shrinking gives back what `nearer` objects (h, w) took, and what lies before those farther away that took it.
    The few readings far from all others are dropped. `thin` (h, w): whose the thin parts are (see `thin_parts`), the
    object's own being `owner`'s.
    """
    if quality.is_clean:
        return crop
    mask = crop.mask
    if quality.offset_px > 0:
        mask = _moved(mask, quality.offset_px) & (mask | (crop.ids <= 0))
    elif quality.offset_px < 0:
        others = np.zeros_like(mask) if nearer is None else nearer
        core = _moved(mask, quality.offset_px)
        core &= ~_astray(crop.depth_m, core)
        most = _moved(mask | others, quality.offset_px) & ~_moved(others, quality.offset_px)
        sure = core | (mask & most & _within(crop.depth_m, core))
        farther = (crop.ids > 0) & ~crop.mask & ~others
        if farther.any():
            taken = farther & _before(crop.depth_m, _moved(farther, quality.offset_px))
            most |= taken | (mask & _moved(taken, 1 - quality.offset_px))
        mask = _continued(sure, most, crop.depth_m, -2 * quality.offset_px)
    if thin is not None:
        mask = (mask & (thin == 0)) | (thin == owner)
    mask &= ~_astray(crop.depth_m, mask)
    return replace(crop, mask=mask, trusted=_own_readings(crop.depth_m, mask, quality.bleeds))


def _astray(depth_m: F32, mask: Bool) -> Bool:
    """Return the few pixels of a mask (h, w) that lie far before or behind all others: another thing's, or none's."""
    found = mask & np.isfinite(depth_m)
    depths = np.sort(depth_m[found])
    if len(depths) < 2:
        return np.zeros_like(mask)
    breaks = np.flatnonzero(depths[1:] > _FAR_APART * depths[:-1]) + 1
    starts, ends = np.append(0, breaks), np.append(breaks, len(depths))
    most = int(np.argmax(ends - starts))
    if ends[most] - starts[most] < _NEARLY_ALL * len(depths):
        return np.zeros_like(mask)
    return np.asarray(found & ((depth_m < depths[starts[most]]) | (depth_m > depths[ends[most] - 1])))


def _moved(mask: Bool, by_px: int) -> Bool:
    """Return a mask (h, w) whose border is moved outwards (negative: inwards)."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(by_px) + 1, 2 * abs(by_px) + 1))
    change = cv2.dilate if by_px > 0 else cv2.erode
    return np.asarray(change(mask.astype(np.uint8), disc) > 0)


def _within(depth_m: F32, core: Bool) -> Bool:
    """Return where depth (h, w) lies between the nearest and the farthest of a `core` (h, w)."""
    depths = depth_m[core & np.isfinite(depth_m)]
    return (depth_m >= depths.min()) & (depth_m <= depths.max()) if len(depths) else core


def _before(depth_m: F32, core: Bool) -> Bool:
    """Return where depth (h, w) is clearly smaller than that of a `core` (h, w) all around."""
    window = np.ones((2 * _NEAR_CORE_PX + 1, 2 * _NEAR_CORE_PX + 1), np.uint8)
    nearest = cv2.erode(np.where(core & np.isfinite(depth_m), depth_m, np.float32(np.inf)), window)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.isfinite(nearest) & (depth_m < nearest * (1 - _STEP)))


def _continued(mask: Bool, into: Bool, depth_m: F32, steps: int) -> Bool:
    """Return the mask (h, w) with what of `into` (h, w) its surface goes on to, as many pixels far."""
    height, width = depth_m.shape
    mask = mask.copy()
    inner = mask[1:-1, 1:-1]
    for _ in range(steps):
        found = np.zeros_like(inner)
        for dv, du in _AROUND:
            window = (slice(1 + dv, height - 1 + dv), slice(1 + du, width - 1 + du))
            with np.errstate(invalid="ignore"):
                found |= mask[window] & (np.abs(depth_m[window] / depth_m[1:-1, 1:-1] - 1) < _GOES_ON_ALIKE)
        inner |= found & into[1:-1, 1:-1]
    return mask


def _own_readings(depth_m: F32, mask: Bool, bleeds: bool) -> Bool:
    """Return where a mask's readings (h, w) are the object's own: inside, or as the inside close by goes on.

    Thin parts have no inside: there a reading counts if it is among the nearest around.
    """
    finite = mask & np.isfinite(depth_m)
    box = np.ones((3, 3), np.uint8)
    core = cv2.erode(mask.astype(np.uint8), box, iterations=_CORE_PX).astype(bool) & finite
    if bleeds:
        core &= _smooth(depth_m)
    window = np.ones((2 * _NEAR_CORE_PX + 1, 2 * _NEAR_CORE_PX + 1), np.uint8)
    far = cv2.dilate(np.where(core, depth_m, np.float32(0)), window)
    near = cv2.erode(np.where(core, depth_m, np.float32(np.inf)), window)
    nearest = cv2.erode(np.where(finite, depth_m, np.float32(np.inf)), window)
    with np.errstate(invalid="ignore", over="ignore"):
        slack = _GOES_ON * (far - near) + (_STEP_BLED if bleeds else _STEP) * depth_m
        as_inside = (depth_m < far + slack) & (depth_m > near - slack)
        thin = depth_m < nearest * (1 + _SAME_SURFACE)
    own = finite & (core | np.where(far > 0, as_inside, thin))
    return np.asarray(own & _in_company(depth_m, own) if bleeds else own)


def _in_company(depth_m: F32, own: Bool) -> Bool:
    """Return where neighbours go on alike (h, w): what bleeds lies anywhere between two sides.

    Enough of the eight read almost the same, or the reading lies between two pairs of opposite ones, as on a slant.
    """
    height, width = depth_m.shape
    middle = depth_m[1:-1, 1:-1]
    limit = _ALIKE * middle
    alike, between = np.zeros(middle.shape, np.int8), np.zeros(middle.shape, np.int8)
    for dv, du in _HALF_AROUND:
        one, other = ((slice(1 + s * dv, height - 1 + s * dv), slice(1 + s * du, width - 1 + s * du)) for s in (1, -1))
        with np.errstate(invalid="ignore"):
            alike += own[one] & (np.abs(depth_m[one] - middle) < limit)
            alike += own[other] & (np.abs(depth_m[other] - middle) < limit)
            pair = own[one] & own[other]
            between += pair & (np.abs(depth_m[one] + depth_m[other] - 2 * middle) < limit)
    found = np.zeros(own.shape, bool)
    found[1:-1, 1:-1] = (alike >= _ENOUGH_ALIKE) | (between >= _ENOUGH_PAIRS)
    return found


def _smooth(depth_m: F32) -> Bool:
    """Return where depth (h, w) bends little along rows and columns."""
    smooth = np.ones(depth_m.shape, bool)
    middle, limit = depth_m[1:-1, 1:-1], _SAME_SURFACE * depth_m[1:-1, 1:-1]
    with np.errstate(invalid="ignore"):
        bends = np.abs(depth_m[1:-1, 2:] + depth_m[1:-1, :-2] - 2 * middle) > limit
        bends |= np.abs(depth_m[2:, 1:-1] + depth_m[:-2, 1:-1] - 2 * middle) > limit
    smooth[1:-1, 1:-1] = ~bends
    return smooth
