"""Exact pictures of analytic scenes by ray casting: depth, instance ids, and a shaded RGB image.

Each solid is cast only inside the rectangle that its bounding box projects to, and z-buffered, so that a frame takes
milliseconds. Depth is exact at the pixel's centre, up to float32.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spatialgen.records import F32, F64, I32, U8
from spatialgen.testing.primitives import Box, Solid
from spatialgen.testing.scenes import AnalyticScene
from spatialgen.testing.shading import shade

_NEAR_M = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """What the camera sees: `rgb` (H, W, 3) uint8; `depth_m` (H, W) float32 z-depth in metres, NaN for the sky;
    `ids` (H, W) int32 object ids, 0 for floor, walls and sky."""

    rgb: U8
    depth_m: F32
    ids: I32


@dataclass(slots=True, eq=False)
class _Buffers:
    depth_m: F64
    part: I32  # index into the list of solids, -1 for the sky


def render(scene: AnalyticScene, *, shadows: bool = True, max_depth_m: float = 80.0) -> Rendered:
    """Return the picture of a scene. Surfaces beyond `max_depth_m` have no depth reading."""
    solids, owners = scene_solids(scene)
    buffers = _cast(scene, solids)
    ids = np.concatenate([owners, [0]]).astype(np.int32)[buffers.part]
    rgb = shade(scene, solids, owners, buffers.depth_m, buffers.part, shadows=shadows)
    depth = np.where(buffers.depth_m <= max_depth_m, buffers.depth_m, np.nan).astype(np.float32)
    return Rendered(rgb, depth, ids)


def render_depth_and_ids(scene: AnalyticScene, max_depth_m: float = 80.0) -> tuple[F32, I32]:
    """Return only depth and ids, as `render` does, without the cost of shading."""
    solids, owners = scene_solids(scene)
    buffers = _cast(scene, solids)
    depth = np.where(buffers.depth_m <= max_depth_m, buffers.depth_m, np.nan).astype(np.float32)
    return depth, np.concatenate([owners, [0]]).astype(np.int32)[buffers.part]


def scene_solids(scene: AnalyticScene) -> tuple[list[Solid], I32]:
    """Return all solids (floor, walls, then the things' parts) and the object id (0: nameless) of each."""
    solids: list[Solid] = []
    if scene.floor_extent_m is not None:
        x0, x1, y0, y1 = scene.floor_extent_m
        half = np.array([(x1 - x0) / 2, (y1 - y0) / 2, 0.05])
        solids.append(Box(np.array([(x0 + x1) / 2, (y0 + y1) / 2, -0.05]), half))
    solids += scene.backdrop
    owners = [0] * len(solids)
    for item in scene.objects:
        solids += item.solids
        owners += [item.object_id] * len(item.solids)
    return solids, np.array(owners, dtype=np.int32)


def _cast(scene: AnalyticScene, solids: list[Solid]) -> _Buffers:
    view = scene.view
    directions = view.ray_directions()
    buffers = _Buffers(
        np.full((view.height, view.width), np.inf), np.full((view.height, view.width), -1, dtype=np.int32)
    )
    for index, solid in enumerate(solids):
        window = _window(scene, solid)
        if window is None:
            continue
        rays = directions[window]
        depth = solid.hit(view.center_m, rays.reshape(-1, 3)).reshape(rays.shape[:2])
        nearer = depth < buffers.depth_m[window]
        buffers.depth_m[window][nearer] = depth[nearer]
        buffers.part[window][nearer] = index
    return buffers


def _window(scene: AnalyticScene, solid: Solid) -> tuple[slice, slice] | None:
    """Return the rows and columns that the solid can touch, or None if it is out of view."""
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
    corners = solid.center_m + (signs * solid.half_box_m) @ solid.rotation.T
    pixels, z = scene.view.project(corners)
    if z.max() <= _NEAR_M:
        return None
    if z.min() <= _NEAR_M:
        return slice(0, scene.view.height), slice(0, scene.view.width)
    u0, v0 = np.floor(pixels.min(axis=0)).astype(int)
    u1, v1 = np.ceil(pixels.max(axis=0)).astype(int) + 1
    rows = slice(max(v0, 0), min(max(v1, 0), scene.view.height))
    columns = slice(max(u0, 0), min(max(u1, 0), scene.view.width))
    return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None
