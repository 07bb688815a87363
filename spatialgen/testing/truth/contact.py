"""What rests on what, and what is inside what, from the whole shapes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spatialgen.records import F64
from spatialgen.testing.primitives import Solid
from spatialgen.testing.truth.extents import UprightBox, interval
from spatialgen.testing.truth.scene import TrueObject

_GRID = 60
_CLOSE_M = 0.03


def rest(a: TrueObject, b: TrueObject) -> tuple[float, float | None]:
    """Return the share of A's footprint inside B's, and A's bottom minus B's surface under A (metres).

    A footprint is the thing's outline from straight above. B's surface under A is the highest that B has below A's
    bottom (plus 3 cm) anywhere in the common part; the second value is None where there is no such surface.
    """
    if not _may_overlap(a, b):
        return 0.0, None
    points = _footprint_points(a.solids)
    over_a, over_b = _tops(a.solids, points), _tops(b.solids, points)
    inside_a = np.isfinite(over_a).any(axis=0)
    common = inside_a & np.isfinite(over_b).any(axis=0)
    if not common.any():
        return 0.0, None
    bottom = a.z_interval_m[0]
    below = over_b[:, common]
    below = below[np.isfinite(below) & (below <= bottom + _CLOSE_M)]
    share = float(common.sum() / inside_a.sum())
    return share, float(bottom - below.max()) if below.size else None


def _may_overlap(a: TrueObject, b: TrueObject) -> bool:
    (a0, a1), (b0, b1) = a.x_interval_m, b.x_interval_m
    (c0, c1), (d0, d1) = (interval(item.solids, np.array([0, 1.0, 0])) for item in (a, b))
    return a0 <= b1 and b0 <= a1 and c0 <= d1 and d0 <= c1


def _footprint_points(solids: Sequence[Solid]) -> F64:
    """Return a grid (N, 3) over the bounding rectangle from above, high over the things."""
    (x0, x1), (y0, y1) = interval(solids, np.array([1.0, 0, 0])), interval(solids, np.array([0, 1.0, 0]))
    cells = (np.arange(_GRID) + 0.5) / _GRID
    x, y = np.meshgrid(x0 + cells * (x1 - x0), y0 + cells * (y1 - y0))
    return np.column_stack([x.ravel(), y.ravel(), np.full(x.size, 100.0)])


def _tops(solids: Sequence[Solid], points: F64) -> F64:
    """Return the height (S, N) of each solid's upper surface under each point, infinity where it has none."""
    down = np.tile([0.0, 0.0, -1.0], (len(points), 1))
    heights = np.array([points[:, 2] - solid.hit(points, down) for solid in solids])
    return np.where(np.isfinite(heights), heights, np.inf)


def box_share_inside(a: UprightBox, b: UprightBox) -> float:
    """Return the share of A's box volume that lies in B's box."""
    az, bz = (_z_interval(box) for box in (a, b))
    tall = min(az[1], bz[1]) - max(az[0], bz[0])
    if tall <= 0:
        return 0.0
    common = polygon_area(clip_polygon(a.corners_m, b.corners_m)) * tall
    return common / a.volume_m3


def _z_interval(box: UprightBox) -> tuple[float, float]:
    z, half = float(box.center_m[2]), box.height_m / 2
    return z - half, z + half


def clip_polygon(subject: F64, clip: F64) -> F64:
    """Return the part (N, 2) of a polygon inside a convex one, both counter-clockwise (Sutherland and Hodgman)."""
    out = list(subject)
    for start, end in zip(clip, np.roll(clip, -1, axis=0), strict=True):
        edge = end - start
        points, out = out, []
        for p, q in zip(points, [*points[1:], *points[:1]], strict=True):
            inside_p, inside_q = _left(edge, p - start), _left(edge, q - start)
            if inside_p >= 0:
                out.append(p)
            if (inside_p >= 0) != (inside_q >= 0):
                out.append(p + (q - p) * inside_p / (inside_p - inside_q))
    return np.array(out).reshape(-1, 2)


def _left(edge: F64, offset: F64) -> float:
    return float(edge[0] * offset[1] - edge[1] * offset[0])


def polygon_area(points: F64) -> float:
    """Return the area of a simple polygon (N, 2)."""
    if len(points) < 3:
        return 0.0
    x, y = points.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
