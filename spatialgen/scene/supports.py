"""What each object stands on, and so where its bottom is: the floor, another object, or cannot be told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from spatialgen.geometry.bounds import EXACT, outer_level
from spatialgen.geometry.boxes import middle
from spatialgen.geometry.clouds import Cloud
from spatialgen.geometry.ends import SEEN
from spatialgen.geometry.hidden import SeenThrough
from spatialgen.geometry.noise import SENSOR_NOISE
from spatialgen.geometry.whole import Whole

FLOOR = -1
"""Stands for the floor where an index of an object is expected."""

_TOUCH_M = 0.03
_THINNEST_M = 2e-3
_MEETS_M = 0.008
"""A bottom that is seen to end farther above a surface does not meet it."""

_FOOT_SEEN, _FOOT_UNSEEN = 0.3, 0.4
"""Share of a column under an object that may be seen through while it can be its foot; error of a bottom that ends a
little above a surface, relative to that distance."""

_FAR_OUT_M, _FARTHEST_OUT_M = 0.05, 0.5
"""A side that errs by more than that may be elsewhere, with a foot below it, but not farther than so."""

_TALLER_THAN_SEEN = 1.2
"""Nobody takes a thing to reach down to the floor if that makes it so many times larger than what is seen of it."""

_OF_ITSELF = 0.3
"""What carries a thing is at most that share of its height above its lowest visible point, whatever depth errs."""

_HIDDEN_DROP, _MOST_HIDDEN_DROP_M = 0.15, 0.05
"""Error of a hidden bottom that is taken to be on the floor: relative to what is hidden, and at most."""

_FAR_BELOW_M = 0.3
"""A surface that far below the lowest visible point carries a thing only perhaps: another may lie between, unseen."""

_LEVEL_SIGMA_M = 1e-8
"""Error of a level surface that is read without noise, beyond that of readings: rounding."""

_HIGH = 0.9
"""Share of noisy level readings that lie below the highest level's upper ones."""

_LEVEL_NOISE = 0.5
"""Share of the depth's noise in which a level surface and what stands on it differ, as they are not read together."""

_FOREIGN = 0.2
"""At most this share of the readings of a level surface are not its own, where borders had to be set right."""

_WIDER_BELOW = 0.1
"""Error of each side, relative to the longest, of a thing of which only the top is seen: it may be wider below."""

_UNKNOWN_BELOW = 0.2
"""The same where nobody knows how far down it goes: a seat may be below a back."""


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
    seen_through: SeenThrough,
    parts_lost: bool = False,
) -> list[Standing]:
    """Return every object with its bottom on what carries it.

    An object stands on the floor if it reaches down to it, or if its lower part is hidden (by others, or by itself
    for one who looks down on it) and nothing else lies under it; on another object if that has a surface at (or,
    hidden, below) its lowest visible point, under its middle. `floor_sigma_m` is None without a floor;
    `noise_sigma` the relative error of depth; with `parts_lost` (masks so small that legs vanish) nothing hangs in
    the air. In depth that is smeared nothing is taken to stand on another object.
    """
    room = _Room(wholes, clouds, floor_sigma_m, noise_sigma, eye_z_m, seen_through, parts_lost)
    return [_settle(i, room) for i in range(len(wholes))]


@dataclass(frozen=True, slots=True, eq=False)
class _Room:
    """What `settle` is given."""

    wholes: Sequence[Whole]
    clouds: Sequence[Cloud]
    floor_sigma_m: float | None
    noise_sigma: float
    eye_z_m: float
    seen_through: SeenThrough
    parts_lost: bool


def _settle(index: int, room: _Room) -> Standing:
    whole = room.wholes[index]
    low = float(whole.z_m[0])
    reading = 2 * room.noise_sigma * abs(room.eye_z_m - low)
    slack = _TOUCH_M + reading
    stands_in = _stands_in(index, room)
    if room.floor_sigma_m is not None and low < slack:
        return _on(whole, FLOOR, 0.0, max(low, room.floor_sigma_m) if stands_in else room.floor_sigma_m)
    best = None if room.noise_sigma > SENSOR_NOISE else _best_level(index, room, slack)
    hidden = whole.low_state != SEEN or room.parts_lost
    if best is not None and low - best[1] < slack:
        if not hidden and low - best[1] > _MEETS_M + reading:
            return _hovering(whole, low - best[1])
        return _on(whole, best[0], best[1], best[2])
    if not hidden:
        floor = 0.0 if room.floor_sigma_m is not None else low - _largest(whole)
        base = floor if best is None else best[1]
        if not _hides_its_foot(whole, base, room.seen_through):
            return Standing(whole, None)
        if whole.kind == "ball" and low - base < float(whole.rectangle.half_m[0]):
            return _hovering(whole, low - base)
        return _somewhere_below(whole, base)
    if best is not None:
        drop = low - best[1]
        return _on(whole, best[0], best[1], 0.1 if drop < _FAR_BELOW_M else drop)
    if room.floor_sigma_m is None:
        return Standing(whole, None)
    if stands_in or low > _TALLER_THAN_SEEN * _largest(whole):
        return _somewhere_below(whole, 0.0)
    return _on(whole, FLOOR, 0.0, max(room.floor_sigma_m, min(_HIDDEN_DROP * low, _MOST_HIDDEN_DROP_M)))


def _largest(whole: Whole) -> float:
    return max(2 * float(whole.rectangle.half_m.max()), float(np.ptp(whole.z_m)))


def _best_level(index: int, room: _Room, slack: float) -> tuple[int, float, float] | None:
    """Return the object with the highest level surface under this one, that surface's height and its error."""
    low = float(room.wholes[index].z_m[0])
    best = None
    for other, cloud in enumerate(room.clouds):
        bottom, top = room.wholes[other].z_m
        if other != index and (bottom < low - _MEETS_M or top < min(low + slack, room.wholes[index].z_m[1] - slack)):
            above = min(slack, max(_OF_ITSELF * float(np.ptp(room.wholes[index].z_m)), _MEETS_M))
            bounds = (low + above, room.eye_z_m)
            level = _level_under(room.wholes[index], room.wholes[other], cloud, bounds, slack)
            if level is not None and (best is None or level[0] > best[1]):
                best = (other, *level)
    return best


def _stands_in(index: int, room: _Room) -> bool:
    """Return whether another object reaches lower, and higher, around an object's middle: it may carry it unseen."""
    whole = room.wholes[index]
    low = float(whole.z_m[0])
    return any(
        other is not whole and other.z_m[0] < low - _MEETS_M and other.z_m[1] > low and _covers(other, whole)
        for other in room.wholes
    )


def _covers(below: Whole, whole: Whole) -> bool:
    offset, box = whole.rectangle.center_m - below.rectangle.center_m, below.rectangle
    return bool(abs(offset @ box.u) <= box.half_m[0] and abs(offset @ box.v) <= box.half_m[1])


def _hides_its_foot(whole: Whole, base_m: float, seen_through: SeenThrough) -> bool:
    """Return whether a foot between an object's lowest visible point and `base_m` would be out of sight.

    It is looked for below the middle, and below where sides may be that are not seen.
    """
    box, low = whole.rectangle, float(whole.z_m[0])
    outwards = np.where(whole.side_sigma_m > _FAR_OUT_M, np.minimum(whole.side_sigma_m, _FARTHEST_OUT_M), 0.0)
    normals = np.array([-box.u, box.u, -box.v, box.v]) * (box.half_m.repeat(2) + outwards)[:, None]
    places = box.center_m + np.vstack([np.zeros((1, 2)), normals[outwards > 0]])
    heights = np.linspace(base_m + 0.1 * (low - base_m), low, 8)
    columns = np.vstack([np.repeat(places.T, len(heights), axis=1), np.tile(heights, len(places))])
    through = seen_through(columns).reshape(len(places), len(heights))
    return bool((through.mean(axis=1) < _FOOT_SEEN).any())


def _hovering(whole: Whole, drop_m: float) -> Standing:
    """Return an object that ends a little above what lies under it: something thin and unseen may carry it."""
    sigma = whole.z_sigma_m.copy()
    sigma[0] = max(sigma[0], _FOOT_UNSEEN * drop_m)
    return Standing(replace(whole, z_sigma_m=sigma), None)


def _somewhere_below(whole: Whole, base_m: float) -> Standing:
    """Return an object whose bottom is anywhere between its lowest visible point and `base_m`."""
    half = (float(whole.z_m[0]) - base_m) / 2
    z, sigma = whole.z_m.copy(), whole.z_sigma_m.copy()
    z[0], sigma[0] = base_m + half, max(half, float(sigma[0]))
    unknown = _WIDER_BELOW if whole.low_state == SEEN else _UNKNOWN_BELOW
    wider = max(unknown * 2 * float(whole.rectangle.half_m.max()), math.sqrt(2) * whole.flare[0] * half)
    sides, lateral = whole.side_sigma_m + wider, whole.x_sigma_m + wider
    return Standing(replace(whole, z_m=z, z_sigma_m=sigma, side_sigma_m=sides, x_sigma_m=lateral), None)


def _on(whole: Whole, support: int, z_m: float, sigma_m: float) -> Standing:
    z, sigma = whole.z_m.copy(), whole.z_sigma_m.copy()
    if z_m > z[1] - _THINNEST_M:  # what was taken for the surface below is the thing itself, or noise
        z_m, sigma_m = float(z[1]) - _THINNEST_M, max(sigma_m, _TOUCH_M)
    extended = max(float(z[0] - z_m), 0.0)
    drop = max(extended - 2 * _TOUCH_M, 0.0)
    hidden = drop / max(float(z[1] - z_m), 1e-6)
    z[0], sigma[0] = z_m, sigma_m
    flared = math.sqrt(2) * whole.flare[0] * extended if drop else 0.0  # both sides of a size err alike
    wider = max(_WIDER_BELOW * hidden * 2 * float(whole.rectangle.half_m.max()), flared)
    sides, lateral = whole.side_sigma_m + wider, whole.x_sigma_m + wider
    settled = replace(whole, z_m=z, z_sigma_m=sigma, side_sigma_m=sides, x_sigma_m=lateral)
    return Standing(settled, support)


def _level_under(
    whole: Whole, below: Whole, cloud: Cloud, bounds_m: tuple[float, float], slack: float
) -> tuple[float, float] | None:
    """Return the height of the highest level surface around a footprint and its error, None where there is none.

    It must lie below the first of `bounds_m`; the second is the height of the eye: a top above it shows no surface,
    so that the top itself stands for it, as it does where it meets the lowest visible point within `slack`.
    Where borders had to be set right, some of its readings may be of what stands on it.
    """
    most, eye = bounds_m
    center = whole.rectangle.center_m
    if not _covers(below, whole):
        return None
    if min(max(most - 0.3, eye - 0.1), most - 2 * slack) < below.z_m[1] < most:
        top, apart = float(below.z_m[1]), abs(float(whole.z_m[0] - below.z_m[1]))
        return top, max(min(float(below.z_sigma_m[1]), apart), _LEVEL_SIGMA_M, _level_noise_m(cloud, eye - top))
    points = cloud.points_m
    radius = float(np.hypot(*whole.rectangle.half_m))
    apart = np.hypot(points[0] - np.float32(center[0]), points[1] - np.float32(center[1]))
    with np.errstate(invalid="ignore"):
        level = (points[2] < most) & (cloud.normals[2] > 0.8)
    for reach in (radius + 0.05, radius + 0.2):
        near = np.sort(points[2, level & (apart < reach)])
        if len(near) >= 5:
            if cloud.noise_sigma > EXACT:  # the outermost of noisy readings is too high
                high = float(near[int(_HIGH * (len(near) - 1))])
                top = middle(near[near >= high - 2 * cloud.noise_sigma * abs(eye - high)])
                return top, _level_noise_m(cloud, eye - top)
            top = outer_level(near[:-2], cloud.median_depth_m)
            if not cloud.edge_sigma_px:
                return top, _LEVEL_SIGMA_M
            most_of_it = float(near[-max(3, int(_FOREIGN * len(near)))])
            return most_of_it, max(_LEVEL_SIGMA_M, (top - most_of_it) / 2)
    return None


def _level_noise_m(cloud: Cloud, below_eye_m: float) -> float:
    return _LEVEL_NOISE * cloud.noise_sigma * abs(below_eye_m) if cloud.noise_sigma > EXACT else 0.0
