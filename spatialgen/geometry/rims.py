"""The rim of a visible surface: where it ends, measured between pixels, and what lies beyond."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spatialgen.geometry.crops import Strip
from spatialgen.geometry.frames import View
from spatialgen.records import F32, F64, I32, U8, Bool

OPEN, HIDDEN, CONTACT = 0, 1, 2
"""What lies beyond a rim pixel: something farther or nothing, something nearer, or the same depth."""

_JUMP = 0.012
"""Relative difference of inverse depth, beyond what the surface's own slope explains, that parts two surfaces."""

_STEEPEST = 0.05
"""Largest relative change of inverse depth from pixel to pixel that counts as slope of one surface."""

_MOST_LOST = 200
_DEEPEST_PX = 4
"""How far inside the mask a reading is looked for where the outermost ones bleed."""


@dataclass(frozen=True, slots=True, eq=False)
class Rim:
    """M rim points in canonical metres: the border pixels of a mask, each with the direction it is left in.

    `end_m` (3, M): the surface drawn on to the border, half a pixel beyond the last pixel (on that pixel where
    something nearer covers it); `step_m` (3, M): from the pixel's centre to the border; `kind` (M,): OPEN, HIDDEN or
    CONTACT; `px` (2, M): the pixel; `blur_m` (M,): how much farther or nearer the surface may be there, where its slope
    is unsteady or too steep to follow, and `blur_step_m` (3, M) the same along the ray; `is_read` (M,): whether the
    last pixel was read, and not drawn on from farther inside; `step_length_m` (M,): half a pixel; `is_covered` (M,):
    whether the object goes on there, since something nearer hides it or stands on its level top; `line` (M,): which
    line between pixels, of all upright and level ones, the border lies on there; `across_m` (M,): how wide the mask is
    there, along its row. `lost_m` (3, K): border of the mask with no reading anywhere near, as far away as the nearest
    that has one.
    """

    end_m: F32
    step_m: F32
    kind: U8
    px: I32
    blur_m: F64
    blur_step_m: F64
    is_read: Bool
    step_length_m: F32
    is_covered: Bool
    line: I32
    across_m: F32
    lost_m: F32

    def part(self, span: slice) -> Rim:
        """Return some of the rim points."""
        return Rim(*(np.ascontiguousarray(getattr(self, name)[..., span]) for name in Rim.__slots__))


@dataclass(frozen=True, slots=True, eq=False)
class Borders:
    """Where masks in a strip end, crop by crop: `at` (B,) the border pixels' index in the strip, once a direction;
    `crop` (B,) whose they are; the steps `du` and `dv` (B,) out of the mask, and the same in the strip, `shift`; how
    many pixels `wide` (B,) the mask is there along its row."""

    at: NDArray[np.intp]
    crop: NDArray[np.intp]
    du: NDArray[np.intp]
    dv: NDArray[np.intp]
    shift: NDArray[np.intp]
    wide: NDArray[np.intp]

    def some(self, chosen: Bool | NDArray[np.intp]) -> Borders:
        """Return the chosen ones."""
        return Borders(
            self.at[chosen], self.crop[chosen], self.du[chosen], self.dv[chosen], self.shift[chosen], self.wide[chosen]
        )


def find_rims(strip: Strip, mask: Bool, readings: Bool, view: View, look_px: int) -> list[Rim]:
    """Return the rims of masks (P,) laid out in a strip, of which `readings` (P,) are the objects' own.

    What lies beyond is read `look_px` pixels out: 1 where edges are clean.
    """
    edge, depth = borders(mask, strip), strip.depth_m
    skipped, known = _skipped(readings, edge, strip)
    lost: dict[int, F32] = {}
    if not known.all():
        lost = {k: _lost(strip, k, view, edge, known, skipped) for k in set(edge.crop[~known].tolist())}
        edge, skipped = edge.some(known), skipped[known]
    crop, du, dv = edge.crop, edge.du, edge.dv
    source = edge.at - skipped * edge.shift
    here = np.float32(1) / depth[source]
    slope, doubt = _slope(readings, strip, source, edge, here)
    start, width = strip.start[crop], strip.width[crop]
    row, column = np.divmod(edge.at - start, width)
    out_row = np.minimum(np.maximum(row + dv * look_px, 0), strip.height[crop] - 1)
    out_column = np.minimum(np.maximum(column + du * look_px, 0), width - 1)
    with np.errstate(divide="ignore"):
        beyond = 1 / depth[start + out_row * width + out_column]
    kind = _kind((beyond - here - (skipped + look_px) * slope) / here, look_px)
    corners = np.array([(c.u0, c.v0) for c in strip.crops], np.intp).reshape(-1, 2)
    u, v = corners[crop, 0] + column, corners[crop, 1] + row
    steps_out = np.array([skipped, skipped + 0.5])
    both = view.points(np.array([u, u + 0.5 * du]), np.array([v, v + 0.5 * dv]), 1 / (here + steps_out * slope))
    inner, outer = both[:, 0], both[:, 1]
    step = outer - inner
    length = np.sqrt((step * step).sum(axis=0))
    ends = np.cumsum(np.bincount(crop, minlength=len(strip.crops)))
    spans = [slice(*span) for span in itertools.pairwise([0, *ends.tolist()])]
    beyond_ids = [c.ids[out_row[own], out_column[own]] for c, own in zip(strip.crops, spans, strict=True)]
    is_level = np.abs(step[2]) < 0.2 * length
    stood_on = (kind == CONTACT) & is_level & (np.concatenate(beyond_ids) > 0)
    end = np.where(kind == HIDDEN, inner, outer)
    blur = doubt / (here * here) * (1 + skipped)
    ray = end - np.array([[0.0], [0.0], [view.height_m]], np.float32)
    rims = Rim(
        end_m=end,
        step_m=step,
        kind=kind,
        px=np.array([u, v], np.int32),
        blur_m=blur,
        blur_step_m=ray * (blur / np.sqrt((ray * ray).sum(axis=0))),
        is_read=skipped == 0,
        step_length_m=length,
        is_covered=(kind == HIDDEN) | stood_on,
        line=np.where(du != 0, 4 * (2 * u + du), 4 * (2 * v + dv) + 2).astype(np.int32),
        across_m=(edge.wide / (here * np.float32(view.camera.fx))).astype(np.float32),
        lost_m=np.zeros((3, 0), np.float32),
    )
    parts = [rims.part(own) for own in spans]
    return [replace(part, lost_m=lost[k]) if k in lost else part for k, part in enumerate(parts)]


def _lost(strip: Strip, k: int, view: View, edge: Borders, known: Bool, skipped: NDArray[np.intp]) -> F32:
    """Return the border points (3, K) of crop `k` that are not `known`, drawn at the depth of known ones near them."""
    own = edge.crop == k
    some, none = _some(np.flatnonzero(own & known)), _some(np.flatnonzero(own & ~known))
    if not len(some):
        return np.zeros((3, 0), np.float32)
    row, column = np.divmod(edge.at - strip.start[k], strip.width[k])
    apart = (row[none, None] - row[some]) ** 2 + (column[none, None] - column[some]) ** 2
    source = some[apart.argmin(axis=1)]
    depth = strip.depth_m[edge.at[source] - skipped[source] * edge.shift[source]]
    u = strip.crops[k].u0 + column[none] + 0.5 * edge.du[none]
    v = strip.crops[k].v0 + row[none] + 0.5 * edge.dv[none]
    return view.points(u, v, depth)


def _some(index: NDArray[np.intp]) -> NDArray[np.intp]:
    return index[:: -(-len(index) // _MOST_LOST)] if len(index) else index


def borders(mask: Bool, strip: Strip) -> Borders:
    """Return the border pixels of masks (P,) laid out in a strip, each False all around its own edge.

    Crop by crop; in each those left to the right, then those left to the left, down and up.
    """
    below = np.zeros_like(mask)
    for start, stop, width in zip(strip.start.tolist(), strip.stop.tolist(), strip.width.tolist(), strict=True):
        np.not_equal(mask[start + width : stop], mask[start : stop - width], out=below[start : stop - width])
    across, down = np.flatnonzero(mask[1:] != mask[:-1]), np.flatnonzero(below)
    crop = np.concatenate([_crops_of(across, strip), _crops_of(down, strip)])
    before = np.concatenate([across, down])
    enters, is_down = ~mask[before], np.arange(len(before)) >= len(across)
    step, out = np.where(is_down, strip.width[crop], 1), 1 - 2 * enters
    order = np.argsort(
        (4 * crop + 2 * is_down + enters).astype(np.min_scalar_type(4 * len(strip.width))), kind="stable"
    )
    at = before + enters * step
    runs = across[1::2] - across[::2]  # a row's changes are first pixels and last ones in turn
    wide = runs[across[::2].searchsorted(at) - 1] if len(runs) else runs
    edge = Borders(at, crop, np.where(is_down, 0, out), np.where(is_down, out, 0), out * step, wide)
    return edge.some(order)


def _crops_of(ascending: NDArray[np.intp], strip: Strip) -> NDArray[np.intp]:
    """Return whose crop each of some ascending indices (N,) into a strip belongs to."""
    counts = ascending.searchsorted(strip.stop)
    counts[1:] -= counts[:-1].copy()
    return np.repeat(np.arange(len(counts)), counts)


def _skipped(readings: Bool, edge: Borders, strip: Strip) -> tuple[NDArray[np.intp], Bool]:
    """Return how many pixels inwards the first reading of each border pixel lies, and whether there is one."""
    readable = readings[edge.at]
    if readable.all():
        return np.zeros(len(edge.at), np.intp), readable
    inwards = edge.at[:, None] - np.arange(_DEEPEST_PX + 1) * edge.shift[:, None]
    readable = readings[within_crop(inwards, edge.crop[:, None], strip)]
    return np.argmax(readable, axis=1), np.asarray(readable.any(axis=1))


def within_crop(index: NDArray[np.intp], crop: NDArray[np.intp], strip: Strip) -> NDArray[np.intp]:
    """Return indices into a strip held to the pixels of one crop each."""
    return np.minimum(np.maximum(index, strip.start[crop]), strip.stop[crop] - 1)


def _slope(readings: Bool, strip: Strip, source: NDArray[np.intp], edge: Borders, here: F32) -> tuple[F32, F32]:
    """Return the change of inverse depth a pixel outwards, 0 where unknown, and how doubtful it is.

    A slope that differs from the one a pixel farther inside crosses an edge of the surface: the gentler of the two
    is taken, and their difference is the doubt. Too steep a slope is not followed at all.
    """
    inwards = within_crop(source - np.array([[1], [2]], np.intp) * edge.shift, edge.crop, strip)
    before = np.where(readings[inwards], 1 / strip.depth_m[inwards], np.float32(np.nan))
    slope, earlier = here - before[0], before[0] - before[1]
    slope = np.where(np.isfinite(slope), slope, np.float32(0))
    earlier = np.where(np.isfinite(earlier), earlier, slope)
    steepness = np.abs(slope)
    gentle = np.where(np.abs(earlier) < steepness, earlier, slope)
    steep = steepness > _STEEPEST * here
    doubt = np.where(steep, steepness, np.float32(0.5) * np.abs(earlier - slope))
    return np.where(steep, np.float32(0), gentle), doubt


def _kind(step: F32, look_px: int) -> U8:
    jump = _JUMP * look_px**0.8
    kind = np.where(step > jump, HIDDEN, np.where(step > -jump, CONTACT, OPEN))
    return kind.astype(np.uint8)
