"""The one way from pixels to space and back: a pinhole camera, pixel centres at integers, depth along z.

Points are component-first, (3, ...), in OpenCV camera axes (x right, y down, z forward) unless a rotation is given.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spatialgen.records import F32, F64, Camera

_IDENTITY = np.eye(3)


def unproject(camera: Camera, u_px: ArrayLike, v_px: ArrayLike, depth_m: ArrayLike, rotation: F64 = _IDENTITY) -> F32:
    """Return the points (3, ...) float32, metres, seen at pixels (u, v) with z-depth `depth_m`.

    The three arrays broadcast against each other, so a crop takes u (w,), v (h, 1) and depth (h, w).
    `rotation` (3, 3) turns camera axes into others, whose origin stays at the camera centre.
    """
    depth = np.asarray(depth_m, np.float32)
    x = (np.asarray(u_px, np.float64) - camera.cx) / camera.fx
    y = (np.asarray(v_px, np.float64) - camera.cy) / camera.fy
    dimensions = max(x.ndim, y.ndim, depth.ndim)
    x, y = (a.reshape((1,) * (dimensions - a.ndim) + a.shape) for a in (x, y))
    across, down, ahead = rotation.T.reshape(3, 3, *(1,) * dimensions)
    return np.asarray(((across * x + ahead).astype(np.float32) + (down * y).astype(np.float32)) * depth)


def project(camera: Camera, points_m: ArrayLike, rotation: F64 = _IDENTITY) -> tuple[F64, F64, F64]:
    """Return u, v (pixels) and z-depth (metres) of `points_m` (3, ...), the inverse of `unproject`.

    Where z <= 0 the pixels are NaN: the point lies behind the camera.
    """
    points = np.asarray(points_m, np.float64)
    x, y, z = (rotation.T @ points.reshape(3, -1)).reshape(points.shape)
    z_safe = np.where(z > 0, z, np.nan)
    return camera.fx * x / z_safe + camera.cx, camera.fy * y / z_safe + camera.cy, z


def depth_on_image_grid(depth_m: F32, width: int, height: int) -> F32:
    """Return `depth_m` (h, w) read at every pixel of a width x height image: nearest, never interpolated.

    An image pixel u is read at u_d = (u + 0.5) s - 0.5, s = w / width (spec: Frame). Zero, negative and infinite
    readings become NaN.
    """
    h, w = depth_m.shape
    if (h, w) != (height, width):
        u = np.rint((np.arange(width) + 0.5) * (w / width) - 0.5).astype(np.intp).clip(0, w - 1)
        v = np.rint((np.arange(height) + 0.5) * (h / height) - 0.5).astype(np.intp).clip(0, h - 1)
        depth_m = depth_m[v[:, None], u]
    bad = (depth_m <= 0) | (depth_m == np.inf)
    return np.where(bad, np.float32(np.nan), depth_m) if bad.any() else depth_m
