"""What each object stands on, and so where its bottom is: the floor, another object, or cannot be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from spatialgen.geometry.clouds import Cloud
from spatialgen.geometry.ends import SEEN
from spatialgen.geometry.whole import Whole

FLOOR = -1
"""Stands for the floor where an index of an object is expected."""

_TOUCH_M = 0.03
_FAR_BELOW_M = 0.3
"""A surface that far below the lowest visible point carries a thing only perhaps: another may lie between, unseen."""

_WIDER_BELOW = 0.1
"""Error of each side, relative to the longest, of a thing of which only the top is seen: it may be wider below."""


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """An object with its bottom settled: the whole, and the index of what it stands on (FLOOR, or None: unknown)."""

    whole: Whole
    support: int | None


def settle(
    wholes: Sequence[Whole],
    clouds: Sequence[Cloud],
    floor_sigma_m: float | None,
    noise_sigma: float,
    eye_z_m: float,
    parts_lost: bool = False,
) -> list[Standing]:
    """Return every object with its bottom on what carries it.

    An object stands on the floor if it reaches down to it, or if its lower part is hidden and nothing else lies
    under it; on another object if that has a surface at (or, hidden, below) its lowest visible point, under its
    middle. `floor_sigma_m` is None without a floor; `noise_sigma` the relative error of depth; with `parts_lost`
    (masks so small that legs vanish) nothing hangs in the air.
    """
    return [_settle(i, wholes, clouds, floor_sigma_m, noise_sigma, eye_z_m, parts_lost) for i in range(len(wholes))]


def _settle(
    index: int,
    wholes: Sequence[Whole],
    clouds: Sequence[Cloud],
    floor_sigma_m: float | None,
    noise_sigma: float,
    eye_z_m: float,
    parts_lost: bool,
) -> Standing:
    whole = wholes[index]
    low = float(whole.z_m[0])
    slack = _TOUCH_M + 2 * noise_sigma * abs(eye_z_m - low)
    if floor_sigma_m is not None and low < slack:
        return _on(whole, FLOOR, 0.0, floor_sigma_m)
    best = None
    for other, cloud in enumerate(clouds):
        if other != index and wholes[other].z_m[0] < low - slack:
            level = _level_under(whole, wholes[other], cloud, (low + slack, eye_z_m), slack)
            if level is not None and (best is None or level > best[1]):
                best = (other, level)
    hidden = whole.low_state != SEEN or parts_lost
    if whole.kind == "ball" and not hidden:
        best = best if best is not None and low - best[1] < slack else None
    if best is not None and (hidden or low - best[1] < slack):
        drop = low - best[1]
        sigma = 1e-3 if drop < slack else 0.1 if drop < _FAR_BELOW_M else drop
        return _on(whole, best[0], best[1], sigma)
    if hidden and floor_sigma_m is not None:
        return _on(whole, FLOOR, 0.0, max(floor_sigma_m, 0.0 if low < 0.3 else 0.05))
    return Standing(whole, None)


def _on(whole: Whole, support: int, z_m: float, sigma_m: float) -> Standing:
    z, sigma = whole.z_m.copy(), whole.z_sigma_m.copy()
    hidden = max(float(z[0] - z_m) - 2 * _TOUCH_M, 0.0) / max(float(z[1] - z_m), 1e-6)
    z[0], sigma[0] = z_m, sigma_m
    wider = _WIDER_BELOW * hidden * 2 * float(whole.rectangle.half_m.max())
    sides, lateral = whole.side_sigma_m + wider, whole.x_sigma_m + wider
    settled = replace(whole, z_m=z, z_sigma_m=sigma, side_sigma_m=sides, x_sigma_m=lateral)
    return Standing(settled, support)


def _level_under(whole: Whole, below: Whole, cloud: Cloud, bounds_m: tuple[float, float], slack: float) -> float | None:
    """Return the height of the highest level surface around a footprint, None where there is none.

    It must lie below the first of `bounds_m`; the second is the height of the eye: a top above it shows no surface,
    so that the top itself stands for it, as it does where it meets the lowest visible point within `slack`.
    """
    most, eye = bounds_m
    center, box = whole.rectangle.center_m, below.rectangle
    offset = center - box.center_m
    if abs(offset @ box.u) > box.half_m[0] or abs(offset @ box.v) > box.half_m[1]:
        return None
    if min(max(most - 0.3, eye - 0.1), most - 2 * slack) < below.z_m[1] < most:
        return float(below.z_m[1])
    points = cloud.points_m
    radius = float(np.hypot(*whole.rectangle.half_m))
    apart = np.hypot(points[0] - np.float32(center[0]), points[1] - np.float32(center[1]))
    with np.errstate(invalid="ignore"):
        level = (points[2] < most) & (cloud.normals[2] > 0.8)
    for reach in (radius + 0.05, radius + 0.2):
        near = level & (apart < reach)
        if near.sum() >= 5:
            return float(np.sort(points[2, near])[-3])
    return None
