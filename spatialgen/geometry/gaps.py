"""What takes two objects' surfaces to know: the gap between them, and whether one rests on the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spatialgen.geometry.boxes import overlap_area, polygon_area
from spatialgen.geometry.surfaces import Surface
from spatialgen.geometry.whole import Whole
from spatialgen.records import F32, F64

_BLOCK = 400
_MOST = 500
_VAGUE, _VAGUE_M = 0.15, 0.015
"""A gap that may be less by more than this share, and than so many metres, needs no closer look."""

_TURNS = 2
"""How often either of two closest points is looked for again, given the other."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The smallest distance between two surfaces, metres, and where.

    `least_m`: what it may be at least, if all that could be there and is hidden were there.
    """

    value_m: float
    least_m: float
    a_m: tuple[float, float, float]
    b_m: tuple[float, float, float]


def surface_gap(a: Surface, b: Surface) -> Gap:
    """Return the smallest distance between two surfaces given as points.

    Only points that can take part are compared: those no farther from the other's bounds than the best distance
    known so far; and at last, unless the gap is vague, all around the closest two, of which the surfaces hold some.
    """
    guess = _first_guess(a.points_m, b.points_m)
    known_m = float(np.sqrt(guess[0])) * (1 + 1e-5) + 1e-6
    squared, x, y = min(guess, _closest_points(a.points_m, b.points_m, known_m), key=lambda found: found[0])
    value = least = float(np.sqrt(squared))
    anything_a = np.concatenate([a.points_m, a.possible_m], axis=1)
    for pa, pb in ((a.possible_m, b.points_m), (anything_a, b.possible_m)):
        if pa.shape[1] and pb.shape[1]:
            least = min(least, float(np.sqrt(_closest_points(pa, pb, least)[0])))
    if value - least < max(_VAGUE * value, _VAGUE_M):
        squared, x, y = min((squared, x, y), _closer(a, b, x, y), key=lambda found: found[0])
        value = float(np.sqrt(squared))
    return Gap(
        value, min(least, value), (float(x[0]), float(x[1]), float(x[2])), (float(y[0]), float(y[1]), float(y[2]))
    )


def _closer(a: Surface, b: Surface, x: F32, y: F32) -> tuple[float, F32, F32]:
    """Return the smallest squared distance of points around two points (3,), one of each surface, and where.

    Infinite where there are none.
    """
    all_a, all_b = x[:, None], y[:, None]
    if a.around is not None:
        all_a = a.around(_closest_to(x, a.points_m)[0], y)
    if b.around is not None:
        all_b = b.around(_closest_to(y, b.points_m)[0], x)
    squared = float("inf")
    if not all_a.shape[1] or not all_b.shape[1]:
        return squared, x, y
    for _ in range(_TURNS):
        x = all_a[:, _closest_to(y, all_a)[0]]
        j, squared = _closest_to(x, all_b)
        y = all_b[:, j]
    return squared, x, y


def _closest_points(pa: F32, pb: F32, within_m: float) -> tuple[float, F32, F32]:
    """Return the smallest squared distance between two sets of points (3, N), and the two points.

    The distance is infinite, and the points are any, where none are as near as `within_m`.
    """
    near_a = _near_bounds(pa, pb, within_m)
    near_b = _near_bounds(pb, near_a, within_m) if near_a.shape[1] else near_a
    if not near_b.shape[1]:
        return float("inf"), pa[:, 0], pb[:, 0]
    some_a, some_b = _at_most(near_a), _at_most(near_b)
    squared, i, j = _closest(some_a, some_b)
    return squared, some_a[:, i], some_b[:, j]


def _near_bounds(points_m: F32, others_m: F32, within_m: float) -> F32:
    """Return the points (3, N) that are within reach of the axis-aligned bounds of others."""
    low, high = others_m.min(axis=1)[:, None], others_m.max(axis=1)[:, None]
    outside = points_m - np.minimum(np.maximum(points_m, low), high)
    return points_m.compress((outside * outside).sum(axis=0) <= within_m**2, axis=1)


def _at_most(points_m: F32) -> F32:
    return points_m[:, :: -(-points_m.shape[1] // _MOST)] if points_m.shape[1] > _MOST else points_m


def _first_guess(pa: F32, pb: F32) -> tuple[float, F32, F32]:
    """Return a squared distance that is surely reached, and where: from a few points to the other's closest."""
    some_a, some_b = pa[:, :: max(1, pa.shape[1] // 40)], pb[:, :: max(1, pb.shape[1] // 40)]
    _, i, _ = _closest(some_a, some_b)
    j, _ = _closest_to(some_a[:, i], pb)
    i, squared = _closest_to(pb[:, j], pa)
    return squared, pa[:, i], pb[:, j]


def _closest_to(point_m: F32, points_m: F32) -> tuple[int, float]:
    """Return which of the points (3, N) is closest to one (3,), and their squared distance."""
    apart = points_m - point_m[:, None]
    squared = (apart * apart).sum(axis=0)
    k = int(np.argmin(squared))
    return k, float(squared[k])


def _closest(pa: F32, pb: F32) -> tuple[float, int, int]:
    """Return the squared distance and the indices of the closest pair, comparing in blocks."""
    best = (float("inf"), 0, 0)
    square_a, square_b = (pa * pa).sum(axis=0), (pb * pb).sum(axis=0)
    for start in range(0, pa.shape[1], _BLOCK):
        rows = slice(start, start + _BLOCK)
        d = pa[:, rows].T @ (-2 * pb)
        d += square_b
        d += square_a[rows, None]
        i, j = divmod(int(np.argmin(d)), d.shape[1])
        if d[i, j] < best[0]:
            best = (float(d[i, j]), start + i, j)
    i, j = best[1], best[2]
    apart = pa[:, i] - pb[:, j]
    return float(apart @ apart), i, j


def shares_inside(a: Whole, b: Whole) -> tuple[float, float]:
    """Return the share of A's footprint that lies inside B's, and that of B's inside A's."""
    if not _bounds_meet(a.outline_m, b.outline_m):
        return 0.0, 0.0
    shared = overlap_area(a.outline_m, b.outline_m)
    of_a, of_b = (min(shared / max(polygon_area(one.outline_m), 1e-12), 1.0) for one in (a, b))
    return of_a, of_b


def _bounds_meet(a: F64, b: F64) -> bool:
    return bool((a.min(axis=0) < b.max(axis=0)).all() and (b.min(axis=0) < a.max(axis=0)).all())


def surface_under(a: Whole, surface_b: Surface, b: Whole, slack_m: float) -> float:
    """Return the height of B's surface under A (the footprints must meet).

    That is the highest of B's points below or about A's bottom, in and around A's footprint; where B is only seen
    above that, its top.
    """
    points = surface_b.points_m
    center, radius = a.rectangle.center_m, float(np.hypot(*a.rectangle.half_m))
    apart = np.hypot(points[0] - np.float32(center[0]), points[1] - np.float32(center[1]))
    low = points[2] < a.z_m[0] + slack_m
    for reach in (radius, radius + 0.1, radius + 0.3):
        under = low & (apart < reach)
        if under.sum() >= 5:
            return float(np.sort(points[2, under])[-3])
    return float(b.z_m[1])
