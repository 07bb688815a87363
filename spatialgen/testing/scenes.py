"""Analytic scenes: furnished rooms and yards whose true geometry is known exactly.

    from spatialgen.testing.scenes import sample_scene
    from spatialgen.testing.render import render

    scene = sample_scene(7)            # shapes and a camera, in the canonical frame of spec/question-types.md
    picture = render(scene)            # picture.rgb, picture.depth_m, picture.ids

The floor is z = 0 and the camera is above the origin, looking along +y. The same seed and options give the same
scene everywhere.
"""

from __future__ import annotations

import numpy as np

from spatialgen.seeding import rng
from spatialgen.testing.analytic import COLORS, AnalyticObject, AnalyticScene
from spatialgen.testing.furniture import Shapes
from spatialgen.testing.layout import Kind, Layout
from spatialgen.testing.primitives import Box, Solid, box_corners, yaw_rotation
from spatialgen.testing.viewpoint import Viewpoint, pinhole

__all__ = ["COLORS", "AnalyticObject", "AnalyticScene", "Kind", "sample_scene"]


def sample_scene(
    seed: int,
    *,
    kind: Kind = "room",
    size_wh: tuple[int, int] | None = (640, 480),
    objects: tuple[int, int] = (3, 7),
    level: bool = False,
    shapes: Shapes = "usual",
    all_colors_differ: bool = False,
) -> AnalyticScene:
    """Return a scene drawn from `seed`.

    `kind`: "room" (0 to 3 walls), "outdoors" (no walls, a floor to the horizon), "tabletop" (small things on a
    table, little floor in view), "close" (the same so near that the border cuts the table and no floor shows),
    "steep" (a room seen from above, at times straight down) or "walls" (three walls, seen level or looking up, so
    that they are larger than the floor in view). `size_wh` in pixels,
    None for a mix of sizes; `objects` bounds how many things stand on the floor; `level` leaves out pitch and roll;
    `shapes` "other" builds the same things from other forms (furniture_other.py);
    `all_colors_differ` gives no colour twice, as far as there are enough.
    """
    random = rng("analytic", kind, seed)
    view = _viewpoint(random, kind, size_wh, level)
    room_yaw = float(random.uniform(-35, 35))
    layout = Layout(random, view, room_yaw, shapes, all_colors_differ)
    if kind in ("tabletop", "close"):
        layout.furnish_tabletop()
    else:
        layout.furnish_floor(int(random.integers(objects[0], objects[1] + 1)), kind)
    walls: tuple[Solid, ...] = (
        () if kind == "outdoors" else _walls(random, layout, room_yaw, (3, 4) if kind == "walls" else (0, 4))
    )
    light = np.array([random.uniform(-0.6, 0.6), random.uniform(-0.7, -0.1), 1.0])
    return AnalyticScene(
        scene_id=scene_id(kind, seed, shapes),
        view=view,
        objects=tuple(layout.objects),
        backdrop=walls,
        floor_extent_m=_floor_extent(random, kind, bool(walls)),
        light=light / np.linalg.norm(light),
        texture_seed=int(random.integers(2**31)),
    )


def scene_id(kind: Kind, seed: int, shapes: Shapes = "usual") -> str:
    """Return the name of the scene that `sample_scene` draws."""
    return f"{kind}-{seed:06d}" if shapes == "usual" else f"{kind}-{shapes}-{seed:06d}"


_PITCH_DEG: dict[Kind, tuple[float, float]] = {
    "tabletop": (35, 60),
    "close": (30, 55),
    "steep": (50, 88),
    "walls": (-12, 6),
}


def _viewpoint(random: np.random.Generator, kind: Kind, size_wh: tuple[int, int] | None, level: bool) -> Viewpoint:
    sizes = [(640, 480), (480, 640), (512, 384), (800, 450), (448, 448)]
    width, height = size_wh or sizes[int(random.integers(len(sizes)))]
    camera = pinhole(width, height, float(random.uniform(48, 78)))
    low, high = _PITCH_DEG.get(kind, (0, 32))
    pitch, roll = float(random.uniform(low, high)), float(np.clip(random.normal(0, 4), -12, 12))
    height_m = random.uniform(1.9, 3.0) if kind == "steep" else random.uniform(0.8, 2.2)
    if kind in ("tabletop", "close"):
        height_m = random.uniform(*((1.3, 1.8) if kind == "tabletop" else (1.1, 1.3)))
    return Viewpoint(width, height, camera, float(height_m), 0.0 if level else pitch, 0.0 if level else roll)


def _floor_extent(random: np.random.Generator, kind: Kind, walls: bool) -> tuple[float, float, float, float]:
    """A floor that ends: behind the walls where there are some (a little beyond), at the horizon outdoors."""
    if kind == "outdoors":
        return (-60.0, 60.0, -5.0, 60.0)
    reach = random.uniform(9, 14) if not walls else 12.0
    return (-reach, reach, -3.0, float(reach))


def _walls(random: np.random.Generator, layout: Layout, yaw_deg: float, count: tuple[int, int]) -> tuple[Solid, ...]:
    """Return `count` (least, most + 1) of the room's walls: the far one, then the sides, clear of all things."""
    turn = yaw_rotation(yaw_deg)
    corners = np.vstack([box_corners(solid) for item in layout.objects for solid in item.solids])
    room = corners @ turn
    x0, x1 = float(room[:, 0].min() - random.uniform(0.02, 1.2)), float(room[:, 0].max() + random.uniform(0.02, 1.2))
    y1 = float(room[:, 1].max() + random.uniform(0.02, 1.0))
    camera = layout.view.center_m @ turn
    x0, x1, y1 = min(x0, camera[0] - 0.5), max(x1, camera[0] + 0.5), max(y1, camera[1] + 1.0)
    tall, thick = float(random.uniform(2.4, 3.2)), 0.1
    far = Box(
        np.array([(x0 + x1) / 2, y1 + thick / 2, tall / 2]), np.array([(x1 - x0) / 2 + thick, thick / 2, tall / 2])
    )
    sides = [
        Box(np.array([x + side * thick / 2, y1 / 2 - 1, tall / 2]), np.array([thick / 2, y1 / 2 + 1, tall / 2]))
        for x, side in ((x0, -1), (x1, 1))
    ]
    chosen = [far, *(sides if random.random() < 0.5 else sides[::-1])][: int(random.integers(*count))]
    return tuple(wall.moved(turn, np.zeros(3)) for wall in chosen)
