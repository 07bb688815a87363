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
_DIRECTIONS, _RINGS = 20, 8
_ALONG_SIDES = np.linspace(0, 1, 6, endpoint=False)[:, None, None]
_SEEN_SHARE = 0.95
"""Share of a ring on the floor that must be seen as floor; single samples are lost to noise."""


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
    to the nearest point that stands up from the floor, and to the nearest floor that is not seen.
    """
    v, u = np.nonzero(~np.isnan(ratio))
    if not len(u) or not count:
        return np.zeros((0, 5), np.float32)
    points = grid.points(view)
    floor = points[:2, v, u]
    standing = points[:2].reshape(2, -1).compress((np.isnan(ratio) & (points[2] > 0.04)).ravel(), axis=1).T
    blocked = [standing[:: max(1, len(standing) // _MOST_OBSTACLES)], *[_dense(outline) for outline in outlines_m]]
    obstacles = np.concatenate([np.asarray(b, np.float32) for b in blocked])
    order = rng("free_floor", image_id).permutation(floor.shape[1])[: 10 * count]
    chosen = floor[:, order].T
    squared = (chosen**2).sum(axis=1)[:, None] - 2 * chosen @ obstacles.T + (obstacles**2).sum(axis=1)
    clear = np.sqrt(np.maximum(squared.min(axis=1), 0)) if len(obstacles) else np.full(len(order), 1.0)
    seen = np.minimum.reduce([u[order], v[order], grid.depth_m.shape[1] - 1 - u[order]]) * grid.stride
    clear = np.minimum(clear, seen * grid.depth_m[v[order], u[order]] / view.camera.fx)
    spread: list[int] = []
    places = chosen.tolist()
    for k in np.argsort(-clear, kind="stable").tolist():
        if clear[k] < _CLEAR_MIN_M or len(spread) == 2 * count:
            break
        if all(math.dist(places[k], places[j]) > 0.5 for j in spread):
            spread.append(k)
    radii = _seen_radii(floor[:, order[spread]].astype(np.float64), clear[spread], grid, ratio, view)
    rows = [
        (*floor[:, order[k]], radius, grid.u_px[u[order[k]]], grid.v_px[v[order[k]]])
        for k, radius in zip(spread, radii, strict=True)
        if radius >= _CLEAR_MIN_M
    ]
    return np.array(rows[:count], np.float32).reshape(-1, 5)


def _seen_radii(centers_m: F64, most_m: F32, grid: Grid, ratio: F32, view: View) -> F64:
    """Return the radii (K,), up to `most_m` (K,), of the discs of floor around points (2, K) that are seen as floor.

    What something nearer hides, and what lies outside the picture, may hold anything.
    """
    turn = np.linspace(0, 2 * np.pi, _DIRECTIONS, endpoint=False)
    radii = most_m[:, None].astype(np.float64) * np.arange(1, _RINGS + 1) / _RINGS
    arms = np.stack([np.cos(turn), np.sin(turn)])[:, None, None] * radii[..., None]
    x, y = centers_m[:, :, None, None] + arms
    u, v, _ = view.pixels(np.stack([x, y, np.zeros_like(x)]))
    with np.errstate(invalid="ignore"):
        column = np.rint((u - grid.u_px[0]) / grid.stride)
        row = np.rint((v - grid.v_px[0]) / grid.stride)
        inside = (column >= 0) & (column < len(grid.u_px)) & (row >= 0) & (row < len(grid.v_px))
    at = np.where(inside, row, 0).astype(np.intp), np.where(inside, column, 0).astype(np.intp)
    unseen = (inside & np.isfinite(ratio[at])).mean(axis=2) < _SEEN_SHARE
    rings = np.where(unseen.any(axis=1), np.argmax(unseen, axis=1), _RINGS)
    return np.asarray(most_m * rings / _RINGS)


def _dense(outline_m: F64) -> F64:
    following = np.concatenate([outline_m[1:], outline_m[:1]])
    return (outline_m + _ALONG_SIDES * (following - outline_m)).reshape(-1, 2)
