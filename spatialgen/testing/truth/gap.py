"""The smallest distance between two whole things, exactly: Gilbert's algorithm on pairs of convex solids.

Gilbert, Johnson and Keerthi, "A fast procedure for computing the distance between complex objects in
three-dimensional space", IEEE J. Robotics and Automation 4(2), 1988; the nearest point of the simplex is found by
non-negative least squares (Lawson and Hanson).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls

from spatialgen.records import F64
from spatialgen.testing.primitives import Ball, Solid

_TOLERANCE_M = 1e-5


def gap_m(a: Sequence[Solid], b: Sequence[Solid]) -> float:
    """Return the distance between the surfaces of two things, metres, 0 if they touch or overlap; error < 0.1 mm."""
    pairs = sorted(((_lower_bound(p, q), i, j) for i, p in enumerate(a) for j, q in enumerate(b)))
    best = np.inf
    for bound, i, j in pairs:
        if bound >= best or best == 0.0:
            break
        best = min(best, solid_distance_m(a[i], b[j]))
    return float(best)


def _lower_bound(p: Solid, q: Solid) -> float:
    between = float(np.linalg.norm(p.center_m - q.center_m))
    return between - float(np.linalg.norm(p.half_box_m)) - float(np.linalg.norm(q.half_box_m))


def solid_distance_m(p: Solid, q: Solid) -> float:
    """Return the distance of two convex solids, 0 if they meet."""
    shrunk = _rounding(p) + _rounding(q)
    simplex = [_corner(p, q, p.center_m - q.center_m)]
    nearest = simplex[0]
    for _ in range(200):
        length = float(np.linalg.norm(nearest))
        if length <= _TOLERANCE_M:
            return 0.0
        corner = _corner(p, q, nearest)
        if length - float(corner @ nearest) / length <= _TOLERANCE_M:
            break
        simplex, nearest = _nearest([*simplex, corner])
    return max(float(np.linalg.norm(nearest)) - shrunk, 0.0)


def _rounding(solid: Solid) -> float:
    return solid.radius_m if isinstance(solid, Ball) else 0.0


def _corner(p: Solid, q: Solid, direction: F64) -> F64:
    """Return the point of p - q farthest against `direction`; balls count as their centres."""
    return _far(p, -direction) - _far(q, direction)


def _far(solid: Solid, direction: F64) -> F64:
    return solid.center_m if isinstance(solid, Ball) else solid.support(direction)


def _nearest(points: list[F64]) -> tuple[list[F64], F64]:
    """Return the points that carry the convex hull's point nearest to the origin, and that point."""
    matrix = np.vstack([np.column_stack(points), np.ones(len(points))])
    weights, _ = nnls(matrix, np.array([0.0, 0.0, 0.0, 1.0]))
    weights /= weights.sum()
    kept = [point for point, weight in zip(points, weights, strict=True) if weight > 1e-12]
    nearest: F64 = np.column_stack(points) @ weights
    return kept, nearest
