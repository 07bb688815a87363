"""Where an object ends in a direction: measured to a fraction of a pixel, and whether it truly ends there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spatialgen.geometry.clouds import Cloud
from spatialgen.geometry.rims import HIDDEN
from spatialgen.records import F32, F64, Bool

SEEN, COVERED, AWAY = "seen", "covered", "away"
"""The end is seen; something nearer covers it; its outer side faces away, so that a thickness is missing."""

_LEAST_REACH_M = 0.004
_A_LINE = 10
"""So many rim points in one line are a side of the object, and not a corner cut off by something nearer."""

_A_FACE = 12
"""So many points of a face turned towards the end are the end, whatever the rim around them says."""

_FACING = 0.9
_EXACT = 1e-3
"""Relative error of depth below which the outermost reading is the end, and not the luckiest one."""

_NEXT_PX = 3
_FRACTION_SIGMA = 0.29
"""One-sigma error, in pixels, of an edge known to lie between two neighbours."""


@dataclass(frozen=True, slots=True)
class End:
    """Where the visible surface ends in some direction, its one-sigma error, and its state.

    `grounded`: whether the foot of the object is seen to end there too, and not only something on top of it.
    """

    value_m: float
    sigma_m: float
    state: str
    grounded: bool


def find_end(cloud: Cloud, direction: F64, extent_m: float) -> End:
    """Return where a cloud ends along the unit `direction` (3,). `extent_m` is its size along it, to judge by.

    The true end lies between the last own pixel and the next one. Along a side many pixels end there, anywhere
    between, so the mean of the half-way points is the side; a corner is at least its outermost pixel.
    """
    w = direction.astype(np.float32)
    on_points, on_rim, half = w @ cloud.points_m, w @ cloud.rim.end_m, w @ cloud.rim.step_m
    value, sigma, band = outermost(cloud, on_points, on_rim, half)
    sigma += _blur(cloud, w, band)
    if cloud.edge_sigma_px and band.any():
        sigma += 2 * cloud.edge_sigma_px * float(np.abs(half[band]).mean())
    reach = max(0.02 * extent_m, _LEAST_REACH_M, 2 * float(half[band].max()) if band.any() else 0.0)
    body, rim = on_points > value - reach, on_rim > value - reach
    facing = w @ cloud.normals[:, body]
    with np.errstate(invalid="ignore"):
        face = on_points[body][facing > _FACING]
    if len(face) >= _A_FACE:
        value, sigma = float(face.max() if cloud.noise_sigma < _EXACT else np.median(face)), 1e-4 * extent_m
    across = rim & (half > 0.5 * cloud.rim.step_length_m)
    state = _state(cloud.rim.is_covered[across if across.any() else rim], facing[np.isfinite(facing)])
    if state == SEEN and int(band.sum()) < _A_LINE and _touches_cover(cloud, band, int(np.argmax(on_rim))):
        state = COVERED
    lowest, highest = float(cloud.points_m[2].min()), float(cloud.points_m[2].max())
    foot = lowest + 0.15 * (highest - lowest)
    low = (cloud.points_m[2, body] < foot).sum() + (cloud.rim.end_m[2, rim] < foot).sum()
    return End(value, sigma, state, bool(low >= 3))


def _blur(cloud: Cloud, w: F32, band: Bool) -> float:
    """Return the part along `w` of what is not known of the depth of rim points, half averaged out."""
    if not band.any():
        return 0.0
    rays = cloud.rim.end_m[:, band] - np.array([[0.0], [0.0], [cloud.eye_z_m]], np.float32)
    along = np.abs(w @ rays) / np.sqrt((rays**2).sum(axis=0))
    return 0.7 * float((along * cloud.rim.blur_m[band]).mean())


def _touches_cover(cloud: Cloud, band: Bool, outermost_rim: int) -> bool:
    """Return whether the outermost pixels lie next to where something nearer begins to cover the object."""
    if not cloud.rim.is_covered.any():
        return False
    ends = cloud.rim.px[:, band] if band.any() else cloud.rim.px[:, outermost_rim : outermost_rim + 1]
    covers = cloud.rim.px[:, cloud.rim.is_covered]
    apart = np.abs(ends[:, :, None] - covers[:, None, :]).max(axis=0).min(axis=1)
    return bool(2 * (apart <= _NEXT_PX).sum() > len(apart))


def outermost(
    cloud: Cloud, on_points: NDArray[np.floating], on_rim: NDArray[np.floating], half: NDArray[np.floating]
) -> tuple[float, float, Bool]:
    """Return the end of a cloud along some coordinate, its sigma, and the rim points (M,) that lie on that end.

    `on_points` (N,) and `on_rim` (M,) are the coordinate of its points and rim, `half` (M,) that of the rim's steps.
    """
    free = cloud.rim.kind != HIDDEN
    inner = np.where(free, on_rim - half, on_rim)
    least = float(on_points.max())
    if cloud.rim.is_read.any():
        least = max(least, float(inner[cloud.rim.is_read].max()))
    band = free & (inner > least - 2 * half - 1e-4) & (half > -1e-4)
    if not band.any():
        return least, _FRACTION_SIGMA * 2 * float(np.abs(half).mean()), band
    sigma = 2 * _FRACTION_SIGMA * float(np.abs(half[band]).mean()) / float(np.sqrt(band.sum() / 2))
    return max(float(on_rim[band].mean()), least), sigma, band


def _state(covered: Bool, facing: F32) -> str:
    """Return the state of an end from what lies beyond its rim and how its faces are turned to its direction."""
    outward = int((facing > 0.7).sum())
    inward = int((facing < -0.7).sum())
    if 2 * int(covered.sum()) > len(covered):
        return COVERED
    if outward > max(3, 0.1 * len(facing)):
        return SEEN
    if inward > 2 * (len(facing) - outward - inward) and inward > 3:
        return AWAY
    return SEEN


def missing_sigma(end: End, along_m: float, across_m: float, largest_m: float) -> float:
    """Return the sigma of an end with what may be missing beyond it.

    `along_m` and `across_m` are the visible extents along its direction and across it, `largest_m` the largest of
    all three. What is covered may go on; what faces away lacks a thickness, small where a depth was seen, unknown
    where only a front was.
    """
    if end.state == COVERED:
        return end.sigma_m + 0.3 * largest_m
    if end.state == AWAY:
        return end.sigma_m + (0.6 * across_m if along_m < 0.1 * across_m else 0.02)
    return end.sigma_m
