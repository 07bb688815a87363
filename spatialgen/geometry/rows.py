"""Visible surfaces along directions: those of several clouds laid out in rows, for one call to work on all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialgen.geometry.clouds import Cloud
from spatialgen.geometry.rims import HIDDEN, Rim
from spatialgen.records import F32, F64, I32, Bool

UPWARDS = 0.99
"""From this z on a direction is up."""

_NOWHERE = np.float32(-1e30)
_STAIRS, _STEEPER = 2.0, 1.4
"""From one more line of pixels than these on that a slanted border crosses, its place is known better than to one."""

FRACTION_SIGMA = 0.29
"""One-sigma error, in pixels, of an edge known to lie between two neighbours."""


@dataclass(frozen=True, slots=True, eq=False)
class RimRows:
    """Rims in R rows of M: where they are `free` of what hides them, `is_read`, and the `line` they lie on (see `Rim`).

    `blocks`: rows of the same cloud, and how many points its rim has; beyond those rows are padded, not free.
    """

    free: Bool
    is_read: Bool
    line: I32
    blocks: Sequence[tuple[slice, int]]

    def sums(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the sums (..., R) of values (..., R, M), the padding left out: that they be rounded all the same."""
        return np.concatenate([values[..., rows, :count].sum(axis=-1) for rows, count in self.blocks], axis=-1)


def one_row(rim: Rim) -> RimRows:
    """Return a single rim as a row."""
    return RimRows((rim.kind != HIDDEN)[None], rim.is_read[None], rim.line[None], [(slice(0, 1), len(rim.kind))])


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Clouds along directions, a row each, R in all, metres: `on_points` (R, N) and `on_rim` (R, M); how much faces
    are turned to the direction, `facing` (R, N), NaN unknown; `half` (R, M) of a rim point's step and `blur` (R, M) of
    its blur; half the `step_length` (R, M) of it; whether it `is_covered`; whether points and rim points are low down,
    `low_points` (R, N) and `low_rim` (R, M); `lost` (R,): how far the farthest border without readings is.
    """

    rim: RimRows
    on_points: F32
    facing: F32
    on_rim: F32
    half: F32
    blur: F64
    half_length: F32
    across: F32
    is_covered: Bool
    low_points: Bool
    low_rim: Bool
    lost: F64


def lay_out(clouds: Sequence[Cloud], directions: Sequence[F64], foot: float) -> Rows:
    """Return clouds along the unit directions (D, 3) of each. Low is what lies in the lowest part `foot` of a cloud."""
    ends = np.cumsum([len(some) for some in directions]).tolist()
    blocks = [
        (slice(end - len(some), end), cloud.rim.end_m.shape[1])
        for end, some, cloud in zip(ends, directions, clouds, strict=True)
    ]
    points, rims = max(cloud.points_m.shape[1] for cloud in clouds), max(count for _, count in blocks)
    on_points, on_rim = np.full((ends[-1], points), _NOWHERE), np.full((ends[-1], rims), _NOWHERE)
    facing = np.full((ends[-1], points), np.float32(np.nan))
    half, half_length, across = np.zeros((3, ends[-1], rims), np.float32)
    blur, lost = np.zeros((ends[-1], rims)), np.full(ends[-1], -np.inf)
    low_points = np.zeros((ends[-1], points), bool)
    free, is_read, is_covered, low_rim = flags = np.zeros((4, ends[-1], rims), bool)
    line = np.zeros((ends[-1], rims), np.int32)
    for cloud, some, (rows, count) in zip(clouds, directions, blocks, strict=True):
        w, rim, own = some.astype(np.float32), cloud.rim, cloud.points_m.shape[1]
        on_points[rows, :own], facing[rows, :own] = w @ cloud.points_m, w @ cloud.normals
        on_rim[rows, :count], half[rows, :count] = w @ rim.end_m, w @ rim.step_m
        blur[rows, :count] = np.abs(w @ rim.blur_step_m)
        half_length[rows, :count] = 0.5 * rim.step_length_m
        line[rows, :count], across[rows, :count] = rim.line, rim.across_m
        heights = cloud.points_m[2]
        lowest, highest = float(heights.min()), float(heights.max())
        below = lowest + foot * (highest - lowest)
        low_points[rows, :own] = heights < below
        flags[:, rows, :count] = np.array([rim.kind != HIDDEN, rim.is_read, rim.is_covered, rim.end_m[2] < below])[
            :, None
        ]
        if rim.lost_m.shape[1]:
            lost[rows] = (w @ rim.lost_m).max(axis=1)
    rim_rows = RimRows(free, is_read, line, blocks)
    return Rows(
        rim_rows, on_points, facing, on_rim, half, blur, half_length, across, is_covered, low_points, low_rim, lost
    )


def counts(mask: Bool) -> I32:
    """Return how many of each row (R, N) are true."""
    found: I32 = mask.view(np.uint8).sum(axis=1, dtype=np.int32)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Where clouds end along coordinates, R rows: the `values` (R,); the rim points on an end, `band` (R, M), and the
    mean of their half steps, `half_pixel` (R,); the own pixels of the rim, `read` (R, M), and the outermost of these
    and all others, `least` (R,)."""

    values: F64
    band: Bool
    half_pixel: F64
    read: NDArray[np.floating]
    least: NDArray[np.floating]


def outermost(
    rim: RimRows, on_points: NDArray[np.floating], on_rim: NDArray[np.floating], half: NDArray[np.floating]
) -> Found:
    """Return the ends of clouds along some coordinates.

    `on_points` (R, N) and `on_rim` (R, M) are the coordinates of their points and rims, `half` (R, M) those of the
    rims' steps.
    """
    length = np.abs(half)
    inner = np.where(rim.free, on_rim - half, on_rim)
    read = inner if rim.is_read.all() else np.where(rim.is_read, inner, _NOWHERE)
    least = np.maximum(on_points.max(axis=1), read.max(axis=1))
    band = rim.free & (inner > least[:, None] - 2 * half - 1e-4) & (half > -1e-4)
    count = counts(band)
    shared = np.maximum(count, 1)
    mean, values = rim.sums(np.array([length, on_rim]) * band) / shared
    values = np.maximum(values, least)
    if not count.all():
        everywhere = np.concatenate([length[rows, :own].mean(axis=1) for rows, own in rim.blocks])
        mean = np.where(count == 0, everywhere, mean)
        values = np.where(count == 0, least, values)
    return Found(values.astype(np.float64), band, mean, read, least)


def lines_of(rim: RimRows, band: Bool) -> I32:
    """Return on how many lines between pixels the rim points of a `band` (R, M) lie, (R,)."""
    return np.array([lines_of_one(rim, k, row) for k, row in enumerate(band)], np.int32)


def lines_of_one(rim: RimRows, k: int, band: Bool) -> int:
    """Return on how many lines between pixels the rim points of a `band` (M,) of row `k` lie."""
    return len(set(rim.line[k].compress(band).tolist()))


def sigmas_of(half_pixel: F64, lines: I32) -> F64:
    """Return the sigmas (R,) of ends on rim points, as the half of a pixel (R,) and the lines (R,) of pixels that these
    lie on say."""
    shares = np.minimum(1.0, _STAIRS / np.maximum(lines - 1, 1)) ** _STEEPER
    return np.asarray(2 * FRACTION_SIGMA * half_pixel * shares, np.float64)
