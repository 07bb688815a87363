"""The rim of a visible surface: where it ends, measured between pixels, and what lies beyond."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spatialgen.geometry.crops import Crop
from spatialgen.geometry.frames import View
from spatialgen.records import F32, I32, U8, Bool

OPEN, HIDDEN, CONTACT = 0, 1, 2
"""What lies beyond a rim pixel: something farther or nothing, something nearer, or the same depth."""

_JUMP = 0.012
"""Relative difference of inverse depth, beyond what the surface's own slope explains, that parts two surfaces."""

_STEEPEST = 0.05
"""Largest relative change of inverse depth from pixel to pixel that counts as slope of one surface."""

_OUT_U, _OUT_V = (1, -1, 0, 0), (0, 0, 1, -1)
_MOST_LOST = 200
_DEEPEST_PX = 4
"""How far inside the mask a reading is looked for where the outermost ones bleed."""


@dataclass(frozen=True, slots=True, eq=False)
class Rim:
    """M rim points in canonical metres: the border pixels of a mask, each with the direction it is left in.

    `end_m` (3, M): the surface drawn on to the border, half a pixel beyond the last pixel (on that pixel where
    something nearer covers it); `step_m` (3, M): from the pixel's centre to the border; `kind` (M,): OPEN, HIDDEN or
    CONTACT; `px` (2, M): the pixel; `beyond_id` (M,): who owns the next one; `blur_m` (M,): how much
    farther or nearer the surface may be there, where its slope is unsteady or too steep to follow; `is_read` (M,):
    whether the last pixel was read, and not drawn on from farther inside; `step_length_m` (M,): half a pixel;
    `is_covered` (M,): whether the object goes on there, since something nearer hides it or stands on its level top;
    `line` (M,): which line between pixels, of all upright and level ones, the border lies on there. `lost_m` (3, K):
    border of the mask with no reading anywhere near, as far away as the nearest that has one.
    """

    end_m: F32
    step_m: F32
    kind: U8
    px: I32
    beyond_id: I32
    blur_m: F32
    is_read: Bool
    step_length_m: F32
    is_covered: Bool
    line: I32
    lost_m: F32


def find_rim(crop: Crop, view: View, look_px: int) -> Rim:
    """Return the rim of a crop's mask. What lies beyond is read `look_px` pixels out: 1 where edges are clean."""
    mask, width = crop.mask, crop.mask.shape[1]
    at, du, dv = borders(mask)
    shift = dv * width + du
    readings, depth = crop.readings.ravel(), crop.depth_m.ravel()
    skipped, known = _skipped(readings, at, shift)
    lost = np.zeros((3, 0), np.float32)
    if not known.all():
        lost = _lost(crop, view, (at, du, dv), known, skipped)
        at, du, dv, shift, skipped = at[known], du[known], dv[known], shift[known], skipped[known]
    source = at - skipped * shift
    here = 1 / depth[source]
    slope, doubt = _slope(readings, depth, source, shift, here)
    row, column = np.divmod(at, width)
    out_row = np.minimum(np.maximum(row + dv * look_px, 0), mask.shape[0] - 1)
    out_column = np.minimum(np.maximum(column + du * look_px, 0), width - 1)
    with np.errstate(divide="ignore"):
        beyond = 1 / crop.depth_m[out_row, out_column]
    kind = _kind((beyond - here - (skipped + look_px) * slope) / here, look_px)
    u, v = crop.u0 + column, crop.v0 + row
    steps_out = np.array([skipped, skipped + 0.5])
    both = view.points(np.array([u, u + 0.5 * du]), np.array([v, v + 0.5 * dv]), 1 / (here + steps_out * slope))
    inner, outer = both[:, 0], both[:, 1]
    step = outer - inner
    length = np.sqrt((step * step).sum(axis=0))
    owner = crop.ids[out_row, out_column].astype(np.int32)
    stood_on = (kind == CONTACT) & (np.abs(step[2]) < 0.2 * length) & (owner > 0)
    return Rim(
        end_m=np.where(kind == HIDDEN, inner, outer),
        step_m=step,
        kind=kind,
        px=np.array([u, v], np.int32),
        beyond_id=owner,
        blur_m=doubt / (here * here) * (1 + skipped),
        is_read=skipped == 0,
        step_length_m=length,
        is_covered=(kind == HIDDEN) | stood_on,
        line=np.where(du != 0, 4 * (2 * u + du), 4 * (2 * v + dv) + 2).astype(np.int32),
        lost_m=lost,
    )


def _lost(
    crop: Crop,
    view: View,
    border: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]],
    known: Bool,
    skipped: NDArray[np.intp],
) -> F32:
    """Return the border points (3, K) that are not `known`, drawn at the depth of known ones next to them."""
    if not known.any():
        return np.zeros((3, 0), np.float32)
    at, du, dv = border
    width = crop.mask.shape[1]
    row, column = np.divmod(at, width)
    some, none = _some(np.flatnonzero(known)), _some(np.flatnonzero(~known))
    apart = (row[none, None] - row[some]) ** 2 + (column[none, None] - column[some]) ** 2
    source = some[apart.argmin(axis=1)]
    depth = crop.depth_m.ravel()[at[source] - skipped[source] * (dv[source] * width + du[source])]
    u, v = crop.u0 + column[none] + 0.5 * du[none], crop.v0 + row[none] + 0.5 * dv[none]
    return np.asarray(view.points(u, v, depth), np.float32)


def _some(index: NDArray[np.intp]) -> NDArray[np.intp]:
    return index[:: -(-len(index) // _MOST_LOST)]


def borders(mask: Bool) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return the flat index of every border pixel and the step du, dv out of the mask, once a direction.

    The mask (h, w) is False all around its own edge.
    """
    flat, width = mask.ravel(), mask.shape[1]
    across, down = np.flatnonzero(flat[1:] != flat[:-1]), np.flatnonzero(flat[width:] != flat[:-width])
    leaves_right, leaves_down = flat[across], flat[down]
    at = [across[leaves_right], across[~leaves_right] + 1, down[leaves_down], down[~leaves_down] + width]
    counts = [len(index) for index in at]
    return np.concatenate(at), np.repeat(_OUT_U, counts), np.repeat(_OUT_V, counts)


def _skipped(readings: Bool, at: NDArray[np.intp], shift: NDArray[np.intp]) -> tuple[NDArray[np.intp], Bool]:
    """Return how many pixels inwards the first reading of each border pixel lies, and whether there is one."""
    readable = readings[at]
    if readable.all():
        return np.zeros(len(at), np.intp), readable
    inwards = np.clip(at[:, None] - np.arange(_DEEPEST_PX + 1) * shift[:, None], 0, len(readings) - 1)
    readable = readings[inwards]
    return np.argmax(readable, axis=1), readable.any(axis=1)


def _slope(readings: Bool, depth: F32, source: NDArray[np.intp], shift: NDArray[np.intp], here: F32) -> tuple[F32, F32]:
    """Return the change of inverse depth a pixel outwards, 0 where unknown, and how doubtful it is.

    A slope that differs from the one a pixel farther inside crosses an edge of the surface: the gentler of the two
    is taken, and their difference is the doubt. Too steep a slope is not followed at all.
    """
    inwards = np.minimum(np.maximum(source - np.array([[1], [2]]) * shift, 0), len(depth) - 1)
    before = np.where(readings[inwards], 1 / depth[inwards], np.float32(np.nan))
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
