"""Points of the picture that questions may name: readings of depth, and places on empty floor."""

from __future__ import annotations

import math

import numpy as np

from spatialgen.geometry.frames import View
from spatialgen.geometry.grid import Grid
from spatialgen.records import F32, F64
from spatialgen.seeding import rng

_WINDOW = 3
_FLAT = 0.02
_CLEAR_MIN_M = 0.2
_MOST_OBSTACLES = 600


def depth_samples(depth_m: F32, noise_sigma: float, count: int, image_id: str) -> F32:
    """Return (D, 4) u, v, z-depth (m) and sigma (m) of up to `count` pixels away from edges of the depth map."""
    height, width = depth_m.shape
    random = rng("depth_samples", image_id)
    rows: list[tuple[float, float, float, float]] = []
    for u, v in zip(random.uniform(0.03, 0.97, 4 * count), random.uniform(0.03, 0.97, 4 * count), strict=True):
        x, y = int(u * width), int(v * height)
        window = depth_m[max(y - _WINDOW, 0) : y + _WINDOW + 1, max(x - _WINDOW, 0) : x + _WINDOW + 1]
        z, spread = float(depth_m[y, x]), float(window.max() - window.min())
        if not spread <= _FLAT * z:  # nor where one reading is missing
            continue
        rows.append((x, y, z, z * noise_sigma + 0.15 * spread))
        if len(rows) == count:
            break
    return np.array(rows, np.float32).reshape(-1, 4)


def free_floor(
    grid: Grid,
    ratio: F32,
    view: View,
    outlines_m: list[F64],
    count: int,
    image_id: str,
) -> F32:
    """Return (F, 5) x, y (canonical m), clear radius (m), u, v of up to `count` seen, empty floor points.

    `ratio` (h, w) is finite where the grid shows floor. The clear radius is the distance to the nearest footprint,
    to the nearest point that stands up from the floor, and to the edge of what is seen as floor.
    """
    v, u = np.nonzero(~np.isnan(ratio))
    if not len(u) or not count:
        return np.zeros((0, 5), np.float32)
    points = grid.points(view)
    floor = points[:2, v, u]
    standing = np.compress((np.isnan(ratio) & (points[2] > 0.04)).ravel(), points[:2].reshape(2, -1), axis=1).T
    blocked = [standing[:: max(1, len(standing) // _MOST_OBSTACLES)], *[_dense(outline) for outline in outlines_m]]
    obstacles = np.concatenate([np.asarray(b, np.float32) for b in blocked])
    order = rng("free_floor", image_id).permutation(floor.shape[1])[: 10 * count]
    chosen = floor[:, order].T
    squared = (chosen**2).sum(axis=1)[:, None] - 2 * chosen @ obstacles.T + (obstacles**2).sum(axis=1)
    clear = np.sqrt(np.maximum(squared.min(axis=1), 0)) if len(obstacles) else np.full(len(order), 1.0)
    seen = np.minimum.reduce([u[order], v[order], grid.depth_m.shape[1] - 1 - u[order]]) * grid.stride
    clear = np.minimum(clear, seen * grid.depth_m[v[order], u[order]] / view.camera.fx)
    keep = [k for k in np.argsort(-clear, kind="stable") if clear[k] >= _CLEAR_MIN_M]
    rows: list[tuple[float, ...]] = []
    for k in keep:
        x, y = floor[:, order[k]]
        if all(math.hypot(x - r[0], y - r[1]) > 0.5 for r in rows):
            rows.append((x, y, clear[k], grid.u_px[u[order[k]]], grid.v_px[v[order[k]]]))
        if len(rows) == count:
            break
    return np.array(rows, np.float32).reshape(-1, 5)


def _dense(outline_m: F64) -> F64:
    following = np.roll(outline_m, -1, axis=0)
    steps = np.linspace(0, 1, 6, endpoint=False)[:, None, None]
    return (outline_m + steps * (following - outline_m)).reshape(-1, 2)
