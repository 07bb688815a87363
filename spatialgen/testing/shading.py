"""Colours for analytic pictures: Lambert shading, hard shadows, and procedural floors, walls and grain."""

from __future__ import annotations

import numpy as np

from spatialgen.records import F64, I32, U8, Bool
from spatialgen.seeding import rng
from spatialgen.testing.primitives import Solid
from spatialgen.testing.scenes import COLORS, AnalyticScene

_AMBIENT = 0.42
_SKY_TOP, _SKY_LOW = np.array([110.0, 160.0, 220.0]), np.array([215.0, 228.0, 240.0])


def shade(scene: AnalyticScene, solids: list[Solid], owners: I32, depth_m: F64, part: I32, *, shadows: bool) -> U8:
    """Return the picture (H, W, 3) uint8 of a cast scene.

    `depth_m` (H, W) z-depth, infinite for the sky; `part` (H, W) the index into `solids` that each pixel shows, -1
    for the sky; `owners` the object id of each solid, 0 for floor and walls.
    """
    seen = part >= 0
    directions = scene.view.ray_directions()[seen]
    points = scene.view.center_m + directions * depth_m[seen][:, None]
    index = part[seen]
    normals = _normals(solids, points, index)
    light = np.clip(normals @ scene.light, 0.0, None)
    if shadows:
        light[_shadowed(scene, solids, points, normals)] = 0.0
    sky_side = 0.5 + 0.5 * normals[:, 2]
    brightness = _AMBIENT * (0.7 + 0.3 * sky_side) + (1 - _AMBIENT) * light
    colors = _albedo(scene, owners, points, normals, index) * brightness[:, None]
    image = _sky(scene)
    image[seen] = colors
    grain = rng("grain", scene.texture_seed).normal(0, 1.5, image.shape[:2])
    return np.clip(image + grain[..., None], 0, 255).astype(np.uint8)


def _normals(solids: list[Solid], points: F64, index: I32) -> F64:
    normals = np.empty_like(points)
    order = np.argsort(index, kind="stable")
    bounds = np.searchsorted(index[order], np.arange(len(solids) + 1))
    for k, solid in enumerate(solids):
        rows = order[bounds[k] : bounds[k + 1]]
        if len(rows):
            normals[rows] = solid.normal(points[rows])
    return normals


def _shadowed(scene: AnalyticScene, solids: list[Solid], points: F64, normals: F64) -> Bool:
    """Return which points the light does not reach. Each solid is tried only on points near its shadow's axis."""
    dark = np.zeros(len(points), dtype=bool)
    lit = normals @ scene.light > 0
    start = points + 1e-4 * normals
    side = np.linalg.svd(scene.light[None])[2][1:]  # two axes across the light
    flat = start @ side.T
    along = start @ scene.light
    for solid in solids:
        radius = float(np.linalg.norm(solid.half_box_m))
        if radius > 2.5:
            continue  # floor and walls throw no shadow: the light stands inside the room
        center = side @ solid.center_m
        near = lit & ~dark & (along < float(solid.center_m @ scene.light) + radius)
        near &= (np.abs(flat - center) < radius).all(axis=1)
        rows = np.flatnonzero(near)
        if len(rows):
            dark[rows] = _blocked(solid, start[rows], scene.light)
    return dark


def _blocked(solid: Solid, points: F64, light: F64) -> Bool:
    """Return which rays from points (N, 3) towards the light meet a solid."""
    return np.isfinite(solid.hit(points, np.broadcast_to(light, points.shape)))


def _albedo(scene: AnalyticScene, owners: I32, points: F64, normals: F64, index: I32) -> F64:
    table = np.zeros((len(owners), 3))
    random = rng("paint", scene.texture_seed)
    wall = np.array([1.0, 0.98, 0.94]) * random.uniform(170, 225) + random.uniform(-14, 14, 3)
    table[: int((owners == 0).sum())] = wall
    start = int((owners == 0).sum())
    for item in scene.objects:
        for shade_factor in item.shades:
            table[start] = np.array(COLORS[item.color]) * shade_factor
            start += 1
    colors = table[index]
    floor = (owners[index] == 0) & (normals[:, 2] > 0.99) & (np.abs(points[:, 2]) < 1e-3)
    colors[floor] = _floor_pattern(scene, points[floor], random)
    return colors * _stains(points, random)[:, None]


def _floor_pattern(scene: AnalyticScene, points: F64, random: np.random.Generator) -> F64:
    """Checks, planks or plain carpet, by the scene's texture seed."""
    light = random.uniform(110, 190) * np.array([1.0, random.uniform(0.82, 0.98), random.uniform(0.65, 0.9)])
    dark = light * random.uniform(0.6, 0.85)
    kind = int(random.integers(3))
    size = random.uniform(0.25, 0.6)
    x, y = points[:, 0] / size, points[:, 1] / size
    if kind == 0:
        mix = (np.floor(x) + np.floor(y)) % 2
    elif kind == 1:
        plank = np.floor(x * 2)
        mix = np.modf(np.abs(np.sin(plank * 12.9898) * 43758.5453))[0]
    else:
        mix = np.full(len(points), 0.5)
    colors: F64 = light * (1 - mix[:, None]) + dark * mix[:, None]
    return colors


def _stains(points: F64, random: np.random.Generator) -> F64:
    """A faint smooth brightness pattern fixed to the surfaces, so that no surface is quite uniform."""
    total = np.ones(len(points))
    for scale in (3.0, 11.0, 37.0):
        wave = random.normal(0, scale, (2, 3))
        phase = random.uniform(0, 2 * np.pi, 2)
        total += 0.03 * np.sin(points @ wave[0] + phase[0]) * np.sin(points @ wave[1] + phase[1])
    return total


def _sky(scene: AnalyticScene) -> F64:
    up = scene.view.ray_directions()[..., 2]
    mix = np.clip(up / 0.6, 0, 1)[..., None]
    sky: F64 = _SKY_LOW * (1 - mix) + _SKY_TOP * mix
    return sky
