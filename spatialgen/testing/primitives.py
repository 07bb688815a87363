"""Convex solids with exact ray hits and exact support functions, in the canonical frame (metres, z up).

A solid is a local shape with a pose: `center_m` (3,) and `rotation` (3, 3), whose columns are the local axes in
canonical coordinates. Rays are `origin` (3,) or (N, 3) and `directions` (N, 3), of any length; a hit is `origin + t d`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol, Self

import numpy as np

from spatialgen.records import F64

_EPSILON = 1e-12


class Solid(Protocol):
    """A convex solid. `half_box_m` (3,) bounds it in local axes."""

    @property
    def center_m(self) -> F64: ...

    @property
    def rotation(self) -> F64: ...

    @property
    def half_box_m(self) -> F64: ...

    def hit(self, origin_m: F64, directions: F64) -> F64:
        """Return t (N,) of the first point in front of the origin on each ray, infinity where it misses."""

    def normal(self, points_m: F64) -> F64:
        """Return the outward unit normals (N, 3) at points (N, 3) of the surface."""

    def support(self, direction: F64) -> F64:
        """Return the point (3,) of the solid that lies farthest along `direction` (3,)."""

    def moved(self, rotation: F64, shift_m: F64) -> Self:
        """Return the solid turned about the canonical origin, then shifted."""


@dataclass(frozen=True, slots=True, eq=False)
class _Posed:
    center_m: F64
    rotation: F64 = field(default_factory=lambda: np.eye(3), kw_only=True)

    def moved(self, rotation: F64, shift_m: F64) -> Self:
        return replace(self, center_m=rotation @ self.center_m + shift_m, rotation=rotation @ self.rotation)

    def _local(self, points_m: F64) -> F64:
        local: F64 = (points_m - self.center_m) @ self.rotation
        return local


@dataclass(frozen=True, slots=True, eq=False)
class Box(_Posed):
    """A cuboid of half extents `half_m` (3,) along its local axes."""

    half_m: F64

    @property
    def half_box_m(self) -> F64:
        return self.half_m

    def hit(self, origin_m: F64, directions: F64) -> F64:
        start, along = self._local(origin_m), directions @ self.rotation
        enter, leave = np.full(len(along), -np.inf), np.full(len(along), np.inf)
        for axis, half in enumerate(self.half_m):
            step = along[:, axis]
            inverse = 1.0 / np.where(np.abs(step) < _EPSILON, _EPSILON, step)
            middle, reach = -start[..., axis] * inverse, half * np.abs(inverse)
            np.maximum(enter, middle - reach, out=enter)
            np.minimum(leave, middle + reach, out=leave)
        return np.where((enter <= leave) & (enter > 0), enter, np.inf)

    def normal(self, points_m: F64) -> F64:
        local = self._local(points_m)
        off = np.abs(np.abs(local) - self.half_m)
        axis = np.where(off[:, 0] < off[:, 1], 0, 1)
        axis = np.where(off[:, 2] < np.minimum(off[:, 0], off[:, 1]), 2, axis)
        sides = np.vstack([self.rotation.T, -self.rotation.T])
        normals: F64 = sides[axis + 3 * (local[np.arange(len(local)), axis] < 0)]
        return normals

    def support(self, direction: F64) -> F64:
        return self.center_m + self.rotation @ np.copysign(self.half_m, direction @ self.rotation)


@dataclass(frozen=True, slots=True, eq=False)
class Ball(_Posed):
    """A sphere."""

    radius_m: float

    @property
    def half_box_m(self) -> F64:
        return np.full(3, self.radius_m)

    def hit(self, origin_m: F64, directions: F64) -> F64:
        start = origin_m - self.center_m
        a = np.einsum("ij,ij->i", directions, directions)
        b = directions @ start if start.ndim == 1 else np.einsum("ij,ij->i", directions, start)
        c = np.einsum("...j,...j->...", start, start) - self.radius_m**2
        root = b * b - a * c
        t = (-b - np.sqrt(np.maximum(root, 0.0))) / a
        return np.where((root >= 0) & (t > 0), t, np.inf)

    def normal(self, points_m: F64) -> F64:
        return (points_m - self.center_m) / self.radius_m

    def support(self, direction: F64) -> F64:
        return self.center_m + self.radius_m * direction / max(float(np.linalg.norm(direction)), _EPSILON)


@dataclass(frozen=True, slots=True, eq=False)
class Frustum(_Posed):
    """A cone cut across, about the local z axis: a cylinder when both radii are equal, a cone when one is 0."""

    bottom_radius_m: float
    top_radius_m: float
    half_height_m: float

    @property
    def half_box_m(self) -> F64:
        radius = max(self.bottom_radius_m, self.top_radius_m)
        return np.array([radius, radius, self.half_height_m])

    @property
    def slope(self) -> float:
        """Change of the radius per metre of height."""
        return (self.top_radius_m - self.bottom_radius_m) / (2 * self.half_height_m)

    def _radius_at(self, z: F64) -> F64:
        return (self.bottom_radius_m + self.top_radius_m) / 2 + self.slope * z

    def hit(self, origin_m: F64, directions: F64) -> F64:
        start, along = self._local(origin_m), directions @ self.rotation
        return np.minimum(self._side_hit(start, along), self._cap_hit(start, along))

    def _side_hit(self, start: F64, along: F64) -> F64:
        radius = self._radius_at(start[..., 2])
        a = along[:, 0] ** 2 + along[:, 1] ** 2 - (self.slope * along[:, 2]) ** 2
        a = np.where(np.abs(a) < _EPSILON, _EPSILON, a)
        b = along[:, 0] * start[..., 0] + along[:, 1] * start[..., 1] - self.slope * along[:, 2] * radius
        root = b * b - a * (start[..., 0] ** 2 + start[..., 1] ** 2 - radius**2)
        spread = np.sqrt(np.maximum(root, 0.0))
        best = np.full(len(along), np.inf)
        for t in ((-b - spread) / a, (-b + spread) / a):
            z = start[..., 2] + t * along[:, 2]
            good = (root >= 0) & (t > 0) & (np.abs(z) <= self.half_height_m) & (t < best)
            best[good] = t[good]
        return best

    def _cap_hit(self, start: F64, along: F64) -> F64:
        rise = np.where(np.abs(along[:, 2]) < _EPSILON, _EPSILON, along[:, 2])
        best = np.full(len(along), np.inf)
        for z, radius in ((-self.half_height_m, self.bottom_radius_m), (self.half_height_m, self.top_radius_m)):
            t = (z - start[..., 2]) / rise
            off = (start[..., 0] + t * along[:, 0]) ** 2 + (start[..., 1] + t * along[:, 1]) ** 2
            good = (t > 0) & (off <= radius**2) & (t < best)
            best[good] = t[good]
        return best

    def normal(self, points_m: F64) -> F64:
        local = self._local(points_m)
        axial = np.hypot(local[:, 0], local[:, 1])
        side = np.column_stack([local[:, :2], -self.slope * axial])
        on_side = np.abs(axial - self._radius_at(local[:, 2]))
        on_cap = np.abs(np.abs(local[:, 2]) - self.half_height_m)
        cap = np.zeros_like(local)
        cap[:, 2] = np.sign(local[:, 2])
        out = np.where((on_cap < on_side)[:, None], cap, side)
        out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), _EPSILON)
        turned: F64 = out @ self.rotation.T
        return turned

    def support(self, direction: F64) -> F64:
        local = direction @ self.rotation
        flat = local[:2] / max(float(np.hypot(local[0], local[1])), _EPSILON)
        rims = [
            np.array([*(flat * radius), z])
            for z, radius in (
                (-self.half_height_m, self.bottom_radius_m),
                (self.half_height_m, self.top_radius_m),
            )
        ]
        far: F64 = self.center_m + self.rotation @ max(rims, key=lambda rim: float(rim @ local))
        return far


_SIGNS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)


def box_corners(solid: Solid) -> F64:
    """Return the 8 canonical corners (8, 3) of the solid's local bounding box."""
    corners: F64 = (_SIGNS * solid.half_box_m) @ solid.rotation.T
    return solid.center_m + corners


def cylinder(center_m: F64, radius_m: float, height_m: float) -> Frustum:
    """Return an upright cylinder."""
    return Frustum(center_m, radius_m, radius_m, height_m / 2)


def yaw_rotation(yaw_deg: float) -> F64:
    """Return the rotation (3, 3) about +z, counter-clockwise from above."""
    c, s = np.cos(np.radians(yaw_deg)), np.sin(np.radians(yaw_deg))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
