"""Finding the floor as a floor: low, horizontal, large, seen from above; never a wall, a table or one stray pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spatialgen.geometry.boxes import middle
from spatialgen.geometry.grid import Grid
from spatialgen.records import F32, Bool

MIN_SAMPLES = 30
MIN_CAMERA_HEIGHT_M = 0.05
_BIN = 0.01  # of the logarithm of the height below the camera
_PEAK_HALF_WIDTH = 4  # bins


@dataclass(frozen=True, slots=True, eq=False)
class FloorFit:
    """The floor plane, horizontal, `camera_height_m` below the camera.

    `ratio` (h, w) is measured depth over the plane's depth at the samples that show floor, NaN elsewhere: 1 plus the
    depth map's own error.
    """

    camera_height_m: float
    ratio: F32


def find_floor(grid: Grid, points_m: F32, free: Bool | None = None) -> FloorFit | None:
    """Return the floor among `points_m` (3, h, w), canonical with the camera at the origin, or None.

    Only samples that no object owns count. Walls drop out because they are not level between neighbours, tables
    because something large and level lies below them; if much lies below the lowest level surface that is large
    enough, that surface is no floor either.
    """
    free = grid.free if free is None else free
    level = level_samples(points_m) & free & (points_m[2] < -MIN_CAMERA_HEIGHT_M)
    if level.sum() < MIN_SAMPLES:
        return None
    below_m = -points_m[2]
    guess = _lowest_peak(below_m[level])
    if guess is None or _much_below(below_m, free, guess):
        return None
    near = level & (np.abs(below_m / guess - 1) < _BIN * 2 * _PEAK_HALF_WIDTH)
    depths = below_m[near]
    height = middle(depths)
    spread = 1.4826 * middle(np.abs(depths / height - 1))
    inside = near & (np.abs(below_m / height - 1) < max(4 * spread, 2e-3))
    height = middle(below_m[inside])
    ratio = np.where(inside, below_m / np.float32(height), np.float32(np.nan))
    return FloorFit(height, ratio)


def level_samples(points_m: F32) -> Bool:
    """Return (h, w) where the surface between a sample and its neighbours is within about 20 degrees of level."""
    with np.errstate(invalid="ignore"):
        rows = _level(points_m[:, :, 1:] - points_m[:, :, :-1])
        columns = _level(points_m[:, 1:] - points_m[:, :-1])
    beside = np.zeros(points_m.shape[1:], bool)
    along = np.zeros_like(beside)
    beside[:, 1:] |= rows
    beside[:, :-1] |= rows
    along[1:] |= columns
    along[:-1] |= columns
    return beside & along


def _level(step: F32) -> Bool:
    return np.asarray(step[2] ** 2 < 0.13 * (step[0] ** 2 + step[1] ** 2))


def _lowest_peak(below_m: F32) -> float | None:
    """Return the greatest depth below the camera at which many level samples gather."""
    counts = np.bincount((np.log(below_m / MIN_CAMERA_HEIGHT_M) / _BIN).astype(np.intp))
    wide = np.convolve(counts, np.ones(2 * _PEAK_HALF_WIDTH + 1), mode="same")
    enough = wide >= max(MIN_SAMPLES, 0.15 * wide.max())
    if not enough.any():
        return None
    last = int(np.flatnonzero(enough)[-1])
    first = max(last - 4 * _PEAK_HALF_WIDTH, 0)
    peak = first + int(np.argmax(wide[first : last + 1]))
    return MIN_CAMERA_HEIGHT_M * float(np.exp((peak + 0.5) * _BIN))


def _much_below(below_m: F32, free: Bool, height_m: float) -> bool:
    """Return whether more than a few samples lie well under a floor `height_m` below the camera."""
    return int(((below_m > 1.15 * height_m) & free).sum()) > max(MIN_SAMPLES, 0.01 * below_m.size)
