"""The canonical frame: metres, right-handed, x right, y forward, z up, made from gravity and the optical axis."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from spatialgen.geometry.camera import project, unproject
from spatialgen.records import F32, F64, Camera

FORWARD_LIMIT_DEG = 15.0
"""Closer than this to the vertical, the optical axis has no horizontal direction to speak of (spec: Frame)."""

PICTURE_UP = np.array([0.0, -1.0, 0.0])
"""The top of the picture, in camera axes."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A camera in the canonical frame: `rotation` (3, 3) canonical from camera, its centre at (0, 0, `height_m`)."""

    camera: Camera
    rotation: F64
    height_m: float = 0.0

    def points(self, u_px: ArrayLike, v_px: ArrayLike, depth_m: ArrayLike) -> F32:
        """Return canonical points (3, ...) float32, metres; arguments broadcast as in `unproject`."""
        points = unproject(self.camera, u_px, v_px, depth_m, self.rotation)
        if self.height_m:
            points[2] += np.float32(self.height_m)
        return points

    def pixels(self, points_m: ArrayLike) -> tuple[F64, F64, F64]:
        """Return u, v (pixels, NaN behind the camera) and z-depth of canonical points (3, ...)."""
        points = np.array(points_m, np.float64)
        points[2] -= self.height_m
        return project(self.camera, points, self.rotation)

    def pixels_apart(self, rays_m: F64) -> float:
        """Return how many pixels apart two points are seen, given from the camera's centre (2, 3) along canonical axes;
        infinity behind the camera."""
        (ax, ay, az), (bx, by, bz) = (rays_m @ self.rotation).tolist()
        if az <= 0 or bz <= 0:
            return float("inf")
        return math.hypot(self.camera.fx * (ax / az - bx / bz), self.camera.fy * (ay / az - by / bz))


def forward_is_defined(up_camera: F64) -> bool:
    """Return whether the optical axis is more than 15 degrees off the vertical `up_camera` (3,)."""
    return bool(abs(up_camera[2]) < np.cos(np.radians(FORWARD_LIMIT_DEG)))


def canonical_from_camera(up_camera: F64) -> F64:
    """Return the rotation (3, 3) from camera axes to the canonical frame, given the unit vector up (3,).

    Rows are the canonical axes in camera coordinates. y is the optical axis made horizontal; where it is (nearly)
    vertical, the picture's top takes its place, which keeps z exact and leaves x and y to convention.
    """
    axis = np.array([0.0, 0.0, 1.0]) if forward_is_defined(up_camera) else PICTURE_UP
    if abs(float(axis @ up_camera)) > 1 - 1e-9:
        axis = np.array([0.0, 0.0, 1.0])
    forward = axis - (axis @ up_camera) * up_camera
    forward /= np.linalg.norm(forward)
    (a, b, c), (x, y, z) = forward.tolist(), up_camera.tolist()
    return np.array([(b * z - c * y, c * x - a * z, a * y - b * x), (a, b, c), (x, y, z)])
