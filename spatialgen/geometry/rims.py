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
    `is_covered` (M,): whether the object goes on there, since something nearer hides it or stands on its level top.
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


def find_rim(crop: Crop, view: View, look_px: int) -> Rim:
    """Return the rim of a crop's mask. What lies beyond is read `look_px` pixels out: 1 where edges are clean."""
    mask, width = crop.mask, crop.mask.shape[1]
    at, du, dv = borders(mask)
    shift = dv * width + du
    with np.errstate(divide="ignore"):
        inverse = np.where(crop.readings, 1 / crop.depth_m, np.float32(np.nan)).ravel()
    depth = crop.depth_m.ravel()
    skipped, known = _skipped(inverse, at, shift)
    at, du, dv, shift, skipped = at[known], du[known], dv[known], shift[known], skipped[known]
    source = at - skipped * shift
    here = inverse[source]
    slope, doubt = _slope(inverse, source, shift, here)
    blur = doubt / here**2 * (1 + skipped)
    row, column = at // width, at % width
    out_row = np.clip(row + dv * look_px, 0, mask.shape[0] - 1)
    out = out_row * width + np.clip(column + du * look_px, 0, width - 1)
    kind = _kind((1 / depth[out] - here - (skipped + look_px) * slope) / here, look_px)
    u, v = crop.u0 + column, crop.v0 + row
    inner = view.points(u, v, 1 / (here + skipped * slope))
    outer = view.points(u + 0.5 * du, v + 0.5 * dv, 1 / (here + (skipped + np.float32(0.5)) * slope))
    end = np.where(kind == HIDDEN, inner, outer)
    px = np.stack([u, v]).astype(np.int32)
    step = outer - inner
    length = np.sqrt((step**2).sum(axis=0))
    beyond = crop.ids.ravel()[out].astype(np.int32)
    stood_on = (kind == CONTACT) & (np.abs(step[2]) < 0.2 * length) & (beyond > 0)
    return Rim(end, step, kind, px, beyond, blur, skipped == 0, length, (kind == HIDDEN) | stood_on)


def borders(mask: Bool) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return the flat index of every border pixel and the step du, dv out of the mask, once a direction.

    The mask (h, w) is False all around its own edge.
    """
    flat, width = mask.ravel(), mask.shape[1]
    leaves_right, leaves_down = flat[:-1] & ~flat[1:], flat[:-width] & ~flat[width:]
    leaves_left, leaves_up = flat[1:] & ~flat[:-1], flat[width:] & ~flat[:-width]
    at = [
        np.flatnonzero(leaves_right),
        np.flatnonzero(leaves_left) + 1,
        np.flatnonzero(leaves_down),
        np.flatnonzero(leaves_up) + width,
    ]
    counts = [len(index) for index in at]
    return np.concatenate(at), np.repeat([1, -1, 0, 0], counts), np.repeat([0, 0, 1, -1], counts)


def _skipped(inverse: F32, at: NDArray[np.intp], shift: NDArray[np.intp]) -> tuple[NDArray[np.intp], Bool]:
    """Return how many pixels inwards the first reading of each border pixel lies, and whether there is one."""
    readable = np.isfinite(inverse[at])
    if readable.all():
        return np.zeros(len(at), np.intp), readable
    inwards = np.clip(at[:, None] - np.arange(_DEEPEST_PX + 1) * shift[:, None], 0, len(inverse) - 1)
    readable = np.isfinite(inverse[inwards])
    return np.argmax(readable, axis=1), readable.any(axis=1)


def _slope(inverse: F32, source: NDArray[np.intp], shift: NDArray[np.intp], here: F32) -> tuple[F32, F32]:
    """Return the change of inverse depth a pixel outwards, 0 where unknown, and how doubtful it is.

    A slope that differs from the one a pixel farther inside crosses an edge of the surface: the gentler of the two
    is taken, and their difference is the doubt. Too steep a slope is not followed at all.
    """
    last = len(inverse) - 1
    before = inverse[np.clip(source - shift, 0, last)]
    slope = here - before
    earlier = before - inverse[np.clip(source - 2 * shift, 0, last)]
    slope = np.where(np.isfinite(slope), slope, np.float32(0))
    earlier = np.where(np.isfinite(earlier), earlier, slope)
    gentle = np.where(np.abs(earlier) < np.abs(slope), earlier, slope)
    doubt = np.abs(earlier - slope)
    steep = np.abs(slope) > _STEEPEST * here
    return np.where(steep, np.float32(0), gentle), np.where(steep, np.abs(slope), np.float32(0.5) * doubt)


def _kind(step: F32, look_px: int) -> U8:
    kind = np.full(len(step), CONTACT, np.uint8)
    jump = _JUMP * look_px**0.8
    kind[~(step > -jump)] = OPEN
    kind[step > jump] = HIDDEN
    return kind
