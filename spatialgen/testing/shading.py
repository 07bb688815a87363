"""Colours for analytic pictures: Lambert shading, hard shadows, and procedural floors, walls and grain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spatialgen.records import F64, I32, U8, Bool
from spatialgen.seeding import rng
from spatialgen.testing.primitives import Solid, box_corners
from spatialgen.testing.scenes import COLORS, AnalyticScene

_AMBIENT = 0.42
_LARGEST_CASTER_M = 2.5
_SKY_TOP, _SKY_LOW = np.array([110.0, 160.0, 220.0]), np.array([215.0, 228.0, 240.0])


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What ray casting found, by pixel: `rays` (H, W, 3) canonical directions a metre of depth long, `depth_m`
    (H, W) z-depth, infinite for the sky, `part` (H, W) the index of the solid, -1 for the sky."""

    rays: F64
    depth_m: F64
    part: I32


def shade(scene: AnalyticScene, solids: list[Solid], owners: I32, seen: Seen, *, shadows: bool) -> U8:
    """Return the picture (H, W, 3) uint8 of a cast scene. `owners`: the object id of each solid, 0 for backdrop."""
    shown = seen.part >= 0
    points = scene.view.center_m + seen.rays[shown] * seen.depth_m[shown][:, None]
    index = seen.part[shown]
    normals = _normals(solids, points, index)
    light = np.maximum(normals @ scene.light, 0.0)
    if shadows:
        lit = np.zeros(shown.shape, dtype=bool)
        lit[shown] = light > 0
        light[_shadowed(scene, solids, seen, lit)[shown]] = 0.0
    brightness = _AMBIENT * (0.85 + 0.15 * normals[:, 2]) + (1 - _AMBIENT) * light
    image = np.empty((*shown.shape, 3))
    colors = _albedo(scene, owners, points, normals, index)
    colors *= brightness[:, None]
    image[shown] = colors
    image[~shown] = _sky(seen.rays[~shown])
    image += rng("grain", scene.texture_seed).normal(0, 1.5, shown.shape)[..., None]
    return np.clip(image, 0, 255, out=image).astype(np.uint8)


def _normals(solids: list[Solid], points: F64, index: I32) -> F64:
    normals = np.empty_like(points)
    order = np.argsort(index, kind="stable")
    bounds = np.searchsorted(index[order], np.arange(len(solids) + 1))
    for k, solid in enumerate(solids):
        rows = order[bounds[k] : bounds[k + 1]]
        if len(rows):
            normals[rows] = solid.normal(points[rows])
    return normals


def _shadowed(scene: AnalyticScene, solids: list[Solid], seen: Seen, lit: Bool) -> Bool:
    """Return which of the `lit` pixels (H, W) the light does not reach. Walls and floor throw no shadow: the light
    stands inside the room."""
    dark = np.zeros_like(lit)
    for solid in solids:
        if float(np.linalg.norm(solid.half_box_m)) > _LARGEST_CASTER_M:
            continue
        corners = box_corners(solid)
        ground = corners - scene.light * (corners[:, 2:] / scene.light[2])
        window = scene.view.window(np.vstack([corners, ground]))
        if window is None:
            continue
        rows, columns = np.nonzero(lit[window] & ~dark[window])
        rows, columns = rows + window[0].start, columns + window[1].start
        away = seen.depth_m[rows, columns, None] * (1 - 1e-4)  # off the surface, so that nothing shades itself
        points = scene.view.center_m + seen.rays[rows, columns] * away
        hidden = np.isfinite(solid.hit(points, np.broadcast_to(scene.light, points.shape)))
        dark[rows[hidden], columns[hidden]] = True
    return dark


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
    colors *= _stains(points, random)[:, None]
    return colors


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
    for scale in (4.0, 20.0):
        wave = random.normal(0, scale, (2, 3))
        phase = random.uniform(0, 2 * np.pi, 2)
        total += 0.03 * np.sin(points @ wave[0] + phase[0]) * np.sin(points @ wave[1] + phase[1])
    return total


def _sky(rays: F64) -> F64:
    mix = np.clip(rays[:, 2:] / 0.6, 0, 1)
    sky: F64 = _SKY_LOW * (1 - mix) + _SKY_TOP * mix
    return sky
