"""Upright boxes from above: the smallest rectangle, or the circle, around a footprint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spatialgen.records import F32, F64, I32, Bool

ROUND_BELOW = 1.05
"""A footprint with length / width below this has no yaw (spec: The object)."""

_FEW = 100
_CLEARLY = np.float32(1e-4)
"""Farther inside of a side than this, relative to the longest side, is inside however it is rounded."""

_TURN = 2 * np.pi * np.arange(12) / 12
_COMPASS = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1).astype(np.float32)
_NEXT = np.roll(np.arange(len(_COMPASS)), -1)
_CORNERS = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])


@dataclass(frozen=True, slots=True, eq=False)
class Rectangle:
    """A rectangle on the ground: centre (2,), unit axis `u` (2,) and half extents along u and its left normal v."""

    center_m: F64
    u: F64
    half_m: F64

    @property
    def v(self) -> F64:
        """The axis 90 degrees counter-clockwise of `u`."""
        return np.array([-self.u[1], self.u[0]])

    @property
    def corners_m(self) -> F64:
        """The corners (4, 2), counter-clockwise."""
        x, y = self.u.tolist()
        return np.asarray(self.center_m + (_CORNERS * self.half_m) @ np.array([(x, y), (-y, x)]))


def face_away(rectangle: Rectangle, eye_m: F64) -> Bool:
    """Return which sides u-, u+, v-, v+ (4,) of a rectangle face away from the eye (3,)."""
    (ux, uy), (x, y) = rectangle.u.tolist(), (rectangle.center_m - eye_m[:2]).tolist()
    along, across, (half_u, half_v) = ux * x + uy * y, ux * y - uy * x, rectangle.half_m.tolist()
    return np.array([half_u > along, half_u > -along, half_v > across, half_v > -across])


def convex_hull(points_m: NDArray[np.floating]) -> F64:
    """Return the corners (K, 2), counter-clockwise, of the convex hull of points (2, N)."""
    flat = np.ascontiguousarray(_outer(points_m.astype(np.float32, copy=False)).T)
    hull = cv2.convexHull(flat, clockwise=False)[:, 0].astype(np.float64)
    return hull[::-1] if _signed_area(hull) < 0 else hull


def _outer(points_m: F32) -> F32:
    """Return points (2, N) without most of those inside their hull: to tell these costs less than to sort them all.

    Kept is what is not clearly inside of the polygon of those farthest out in a few directions.
    """
    if points_m.shape[1] < _FEW:
        return points_m
    corners: F32 = points_m.take((_COMPASS @ points_m).argmax(axis=1), axis=1)
    x, y = corners.take(_NEXT, axis=1) - corners
    outwards, squared = np.array([y, -x]), x * x + y * y
    if not squared.any():
        return corners
    least = (outwards * corners).sum(axis=0) - _CLEARLY * np.sqrt(squared * squared.max())
    return points_m.compress((outwards.T @ points_m > least[:, None]).any(axis=0), axis=1)


def _signed_area(polygon: F64) -> float:
    return float(cv2.contourArea(polygon.astype(np.float32), oriented=True))


def polygon_area(polygon: F64) -> float:
    """Return the area of a polygon (K, 2), square metres."""
    return abs(_signed_area(polygon)) if len(polygon) > 2 else 0.0


def rectangle_areas(hull: F64, angles_rad: F64) -> F64:
    """Return the area of the bounding rectangle of `hull` (K, 2) at each angle (A,) of its first axis."""
    cos, sin = np.cos(angles_rad), np.sin(angles_rad)
    along, across = hull @ np.array([cos, sin]), hull @ np.array([-sin, cos])
    return np.asarray((along.max(axis=0) - along.min(axis=0)) * (across.max(axis=0) - across.min(axis=0)))


def bounding_rectangle(hull: F64, angle_rad: float) -> Rectangle:
    """Return the rectangle around `hull` (K, 2) whose first axis is at `angle_rad`."""
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    axes = np.array([[cos, sin], [-sin, cos]])
    local = hull @ axes.T
    low, high = local.min(axis=0), local.max(axis=0)
    return Rectangle((low + high) / 2 @ axes, axes[0], (high - low) / 2)


def smallest_rectangle(hull: F64) -> Rectangle:
    """Return the smallest rectangle around a convex `hull` (K, 2): one of its sides lies along a side of the hull.

    Freeman and Shapira, Determining the minimum-area encasing rectangle for an arbitrary closed curve (1975).
    """
    sides = np.roll(hull, -1, axis=0) - hull
    angles = np.arctan2(sides[:, 1], sides[:, 0])
    return bounding_rectangle(hull, float(angles[np.argmin(rectangle_areas(hull, angles))]))


def fit_circles(points_m: F64, chosen: Bool) -> tuple[F64, F64, F64]:
    """Return centres (K, 2), radii (K,) and root mean square residuals (K,) of the circles through those `chosen`
    (K, N) of points (K, N, 2); infinite radii and residuals where they lie on a line.

    Kasa's linear fit of |p|^2 = 2 c p + (r^2 - |c|^2), about the points' mean.
    """
    weight = chosen[:, None].astype(np.float64)
    points = points_m.swapaxes(1, 2)
    count = np.maximum(weight[:, 0].sum(axis=1), 1)
    mean = (points * weight).sum(axis=2) / count[:, None]
    rows = np.empty((len(points), 3, points.shape[2]))
    rows[:, :2] = (points - mean[:, :, None]) * weight
    rows[:, 2] = (rows[:, :2] ** 2).sum(axis=1)
    (xx, xy, xs), (_, yy, ys), _ = (rows @ rows.swapaxes(1, 2)).transpose(1, 2, 0)
    determinant = xx * yy - xy * xy
    is_line = determinant <= 1e-9 * (xx + yy) ** 2
    apart = np.array([yy * xs - xy * ys, xx * ys - xy * xs]) / np.where(is_line, 1, 2 * determinant)
    radius = np.sqrt((xx + yy) / count + (apart * apart).sum(axis=0))
    away = np.sqrt(((rows[:, :2] - apart.T[:, :, None]) ** 2).sum(axis=1))
    misfit = np.sqrt((((away - radius[:, None]) * weight[:, 0]) ** 2).sum(axis=1) / count)
    return mean + apart.T, np.where(is_line, np.inf, radius), np.where(is_line, np.inf, misfit)


def resample(polygon: F64, count: int) -> F64:
    """Return `count` points (count, 2) evenly along a closed polygon (K, 2)."""
    return np.asarray(_resampled([polygon], count)[0][0])


def resample_with_normals(polygons: Sequence[F64], count: int) -> tuple[F64, F64]:
    """Return points (P, count, 2) evenly along each of P closed polygons (K, 2), and the unit outward normals there."""
    points, along = _resampled(polygons, count)
    return points, np.stack([along[..., 1], -along[..., 0]], axis=-1)


def _resampled(polygons: Sequence[F64], count: int) -> tuple[F64, F64]:
    """Return points (P, count, 2) evenly along closed polygons (K, 2), and the unit directions of their sides there."""
    corners = np.concatenate(polygons)
    sides = np.concatenate([np.concatenate([polygon[1:], polygon[:1]]) for polygon in polygons]) - corners
    lengths = np.maximum(np.sqrt((sides * sides).sum(axis=1)), 1e-12)
    ends = lengths.cumsum()  # of the way along one polygon after the other
    stop = ends[np.cumsum([len(polygon) for polygon in polygons]) - 1, None]
    start = np.concatenate([[[0.0]], stop[:-1]])
    at = start + (np.arange(count) + 0.5) / count * (stop - start)
    side = ends.searchsorted(at, side="right")
    along = (sides / lengths[:, None]).take(side, axis=0)
    points: F64 = corners.take(side, axis=0) + (at - (ends - lengths).take(side))[..., None] * along
    return points, along


def middle(values: NDArray[np.floating] | I32) -> float:
    """Return the median of values (N,), N > 0: `np.median` without what that spends on small arrays."""
    ordered = np.sort(values)  # of so few as quick as a partition
    return float((ordered[len(values) // 2] + ordered[(len(values) - 1) // 2]) / 2)


def yaw_degrees(rectangle: Rectangle) -> float | None:
    """Return the angle of the length axis in [0, 180), counter-clockwise from +x, or None for a square."""
    a, b = rectangle.half_m.tolist()
    if max(a, b) < ROUND_BELOW * min(a, b):
        return None
    x, y = (rectangle.u if a >= b else rectangle.v).tolist()
    return math.degrees(math.atan2(y, x)) % 180.0


def overlap_area(a: F64, b: F64) -> float:
    """Return the area shared by two convex polygons (K, 2) and (L, 2), in either sense of rotation, square metres.

    The shared polygon is spanned by the corners of each that lie in the other, and by the crossings of their sides.
    (`cv2.intersectConvexConvex` is now and then off by half of the area or more, in one order of the two.)
    """
    middle_m = (a.mean(axis=0) + b.mean(axis=0)) / 2  # small numbers round less
    a, b = _counter_clockwise(a - middle_m), _counter_clockwise(b - middle_m)
    beside_b, beside_a = _left_of_sides(a, b), _left_of_sides(b, a)  # (K, L), (L, K)
    slack = 1e-12
    inside = np.concatenate([a[(beside_b >= -slack).all(axis=1)], b[(beside_a >= -slack).all(axis=1)]])
    corners = np.concatenate([inside, _crossings(a, b, beside_b, beside_a)])
    if len(corners) < 3:
        return 0.0
    apart = corners - corners.mean(axis=0)
    ring = apart[np.argsort(np.arctan2(apart[:, 1], apart[:, 0]))]
    return abs(_signed_area(ring))


def _counter_clockwise(ring: F64) -> F64:
    return ring if _signed_area(ring) >= 0 else ring[::-1]


def _left_of_sides(points: F64, ring: F64) -> F64:
    """Return twice the signed area (N, L) of each point with each side of a ring, positive to the left of it."""
    side = np.roll(ring, -1, axis=0) - ring
    return side[:, 0] * (points[:, 1, None] - ring[:, 1]) - side[:, 1] * (points[:, 0, None] - ring[:, 0])


def _crossings(a: F64, b: F64, beside_b: F64, beside_a: F64) -> F64:
    """Return where sides of two rings cross (M, 2), given where the corners of each lie beside the other's sides."""
    after_b, after_a = np.roll(beside_b, -1, axis=0), np.roll(beside_a, -1, axis=0).T
    i, j = np.nonzero((beside_b * after_b < 0) & (beside_a.T * after_a < 0))
    share = beside_b[i, j] / (beside_b[i, j] - after_b[i, j])
    crossings: F64 = a[i] + share[:, None] * (np.roll(a, -1, axis=0)[i] - a[i])
    return crossings
