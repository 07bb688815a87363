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
    points = np.empty((3, *np.broadcast_shapes(x.shape, y.shape, depth.shape)), np.float32)
    for axis, (across, down, ahead) in enumerate(rotation.tolist()):  # one at a time stays in the cache
        np.add((across * x + ahead).astype(np.float32), (down * y).astype(np.float32), out=points[axis, ...])
    points *= depth
    return points


def project(camera: Camera, points_m: ArrayLike, rotation: F64 = _IDENTITY) -> tuple[F64, F64, F64]:
    """Return u, v (pixels) and z-depth (metres) of `points_m` (3, ...), the inverse of `unproject`.

    Where z <= 0 the pixels are NaN: the point lies behind the camera.
    """
    points = np.asarray(points_m, np.float64)
    pinhole = np.array([[camera.fx, 0.0, camera.cx], [0.0, camera.fy, camera.cy], [0.0, 0.0, 1.0]])
    x, y, z = (pinhole @ rotation.T @ points.reshape(3, -1)).reshape(points.shape)
    z_safe = np.where(z > 0, z, np.nan)
    return x / z_safe, y / z_safe, z


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
    if depth_m.size and np.fmin.reduce(depth_m, axis=None) > 0 and np.fmax.reduce(depth_m, axis=None) < np.inf:
        return depth_m
    bad = (depth_m <= 0) | (depth_m == np.inf)
    return np.where(bad, np.float32(np.nan), depth_m) if bad.any() else depth_m
