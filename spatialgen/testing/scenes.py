"""Analytic scenes: furnished rooms and yards whose true geometry is known exactly.

    from spatialgen.testing.scenes import sample_scene
    from spatialgen.testing.render import render

    scene = sample_scene(7)            # shapes and a camera, in the canonical frame of spec/question-types.md
    picture = render(scene)            # picture.rgb, picture.depth_m, picture.ids

The floor is z = 0 and the camera is above the origin, looking along +y. The same seed and options give the same
scene everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from spatialgen.records import F64
from spatialgen.seeding import rng
from spatialgen.testing import furniture
from spatialgen.testing.furniture import Model, Shelf, placed
from spatialgen.testing.primitives import Box, Solid, box_corners, yaw_rotation
from spatialgen.testing.viewpoint import Viewpoint, pinhole

Kind = Literal["room", "outdoors", "tabletop", "steep", "walls", "close"]

COLORS: dict[str, tuple[int, int, int]] = {
    "red": (200, 40, 40),
    "orange": (235, 130, 30),
    "yellow": (235, 205, 50),
    "green": (50, 140, 60),
    "blue": (45, 85, 190),
    "purple": (120, 60, 160),
    "pink": (235, 140, 175),
    "brown": (125, 80, 45),
    "white": (235, 235, 230),
    "gray": (135, 135, 135),
    "black": (40, 40, 42),
}
"""Plain colour words and their sRGB values."""


@dataclass(frozen=True, slots=True, eq=False)
class AnalyticObject:
    """One thing of a scene: its solids in canonical metres, and what it stands on (an object id, 0: the floor)."""

    object_id: int
    label: str
    color: str
    solids: tuple[Solid, ...]
    shades: tuple[float, ...]
    support_id: int = 0

    @property
    def name(self) -> str:
        """The words to call it."""
        return f"{self.color} {self.label}"


@dataclass(frozen=True, slots=True, eq=False)
class AnalyticScene:
    """Shapes and a camera. `backdrop` are nameless solids (walls); `floor_extent_m` (4,) is x0, x1, y0, y1 or None.

    A scene without a floor shows nothing below its things. `light` (3,) is the unit vector towards the light.
    """

    scene_id: str
    view: Viewpoint
    objects: tuple[AnalyticObject, ...]
    backdrop: tuple[Solid, ...]
    floor_extent_m: tuple[float, float, float, float] | None
    light: F64
    texture_seed: int = 0

    def by_id(self, object_id: int | str) -> AnalyticObject:
        """Return the object of that id. Raises KeyError."""
        for item in self.objects:
            if item.object_id == int(object_id):
                return item
        raise KeyError(f"scene {self.scene_id} has no object {object_id}")


def sample_scene(
    seed: int,
    *,
    kind: Kind = "room",
    size_wh: tuple[int, int] | None = (640, 480),
    objects: tuple[int, int] = (3, 7),
    level: bool = False,
) -> AnalyticScene:
    """Return a scene drawn from `seed`.

    `kind`: "room" (0 to 3 walls), "outdoors" (no walls, a floor to the horizon), "tabletop" (small things on a
    table, little floor in view), "close" (the same so near that the border cuts the table and no floor shows),
    "steep" (a room seen from above, at times straight down) or "walls" (three walls, seen level or looking up, so
    that they are larger than the floor in view). `size_wh` in pixels,
    None for a mix of sizes; `objects` bounds how many things stand on the floor; `level` leaves out pitch and roll.
    """
    random = rng("analytic", kind, seed)
    view = _viewpoint(random, kind, size_wh, level)
    room_yaw = float(random.uniform(-35, 35))
    layout = _Layout(random, view, room_yaw)
    if kind in ("tabletop", "close"):
        layout.furnish_tabletop()
    else:
        layout.furnish_floor(int(random.integers(objects[0], objects[1] + 1)), kind)
    walls: tuple[Solid, ...] = (
        () if kind == "outdoors" else _walls(random, layout, room_yaw, (3, 4) if kind == "walls" else (0, 4))
    )
    light = np.array([random.uniform(-0.6, 0.6), random.uniform(-0.7, -0.1), 1.0])
    return AnalyticScene(
        scene_id=f"{kind}-{seed:06d}",
        view=view,
        objects=tuple(layout.objects),
        backdrop=walls,
        floor_extent_m=_floor_extent(random, kind, bool(walls)),
        light=light / np.linalg.norm(light),
        texture_seed=int(random.integers(2**31)),
    )


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


def _walls(random: np.random.Generator, layout: _Layout, yaw_deg: float, count: tuple[int, int]) -> tuple[Solid, ...]:
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


class _Layout:
    """Sets things down one by one where there is room. `objects` grows in order of their ids, from 1."""

    def __init__(self, random: np.random.Generator, view: Viewpoint, room_yaw: float) -> None:
        self.random, self.view, self.room_yaw = random, view, room_yaw
        self.objects: list[AnalyticObject] = []
        self._taken: dict[int, list[F64]] = {}

    def furnish_floor(self, count: int, kind: Kind) -> None:
        """Put `count` things on the floor in front of the camera, and small things on some of them."""
        labels = furniture.OUTDOORS if kind == "outdoors" else tuple(furniture.STANDING)
        for _ in range(count):
            label = str(self.random.choice(labels))
            model = furniture.STANDING[label](self.random)
            spot = self._find_floor_spot(model, kind)
            if spot is not None:
                self._add(label, model, spot, 0)

    def furnish_tabletop(self) -> None:
        """Put a table right in front of the camera with a handful of small things on it."""
        model = furniture.table(self.random)
        reach = self.view.height_m - 0.75
        y = reach / np.tan(np.radians(max(self.view.pitch_deg, 20.0))) + self.random.uniform(-0.1, 0.15)
        self._add("table", model, (0.0, float(max(y, 0.55)), 0.0, float(self.random.uniform(-20, 20))), 0, carried=6)

    def _find_floor_spot(self, model: Model, kind: Kind) -> tuple[float, float, float, float] | None:
        near, far = (0.2, 2.5) if kind == "steep" else (1.3, 8.0 if kind == "outdoors" else 5.5)
        slope = self.view.width / 2 / self.view.camera.fx
        for _ in range(30):
            y = float(self.random.uniform(near, far))
            x = float(self.random.uniform(-0.95, 0.95) * slope * max(y, 1.0))
            turned = self.room_yaw + 90 * int(self.random.integers(4)) + float(self.random.normal(0, 3))
            yaw = turned if self.random.random() < 0.6 else float(self.random.uniform(0, 360))
            ground = _footprint(model, x, y, yaw)
            if np.hypot(ground[:, 0], ground[:, 1]).min() < 0.6 and kind != "steep":
                continue
            if _tall(model) > self.view.height_m - 0.3 and _apart(ground, _SQUARE) < 0.4:
                continue
            if self._is_free(ground, 0):
                return x, y, 0.0, yaw
        return None

    def _is_free(self, ground: F64, level: int) -> bool:
        taken = self._taken.setdefault(level, [])
        if any(_apart(ground, other) < 0.02 for other in taken):
            return False
        taken.append(ground)
        return True

    def _add(
        self,
        label: str,
        model: Model,
        spot: tuple[float, float, float, float],
        support_id: int,
        carried: int | None = None,
    ) -> None:
        object_id = len(self.objects) + 1
        item = AnalyticObject(object_id, label, self._color(label), placed(model, *spot), model.shades, support_id)
        self.objects.append(item)
        for level, shelf in enumerate(model.shelves):
            self._load(item.object_id, 1000 * object_id + level, shelf, spot, carried)

    def _load(
        self,
        support_id: int,
        level: int,
        shelf: Shelf,
        spot: tuple[float, float, float, float],
        carried: int | None,
    ) -> None:
        """Put up to three (or `carried`) small things on a surface of a thing that is already in place."""
        small = min(shelf.half_x_m, shelf.half_y_m) < 0.14
        chance = 0.12 if small else 0.6
        count = carried or (int(self.random.integers(1, 4)) if self.random.random() < chance else 0)
        for _ in range(count):
            label = str(self.random.choice(list(furniture.SMALL)))
            model = furniture.SMALL[label](self.random)
            extent = _footprint(model, 0, 0, 0)
            radius = float(np.hypot(extent[:, 0], extent[:, 1]).max())
            free = np.array([shelf.half_x_m, shelf.half_y_m]) - radius
            if free.min() <= 0 or _tall(model) > shelf.headroom_m - 0.01:
                continue
            local = self.random.uniform(-free, free)
            x, y, _ = yaw_rotation(spot[3]) @ np.array([*local, 0.0]) + np.array([*spot[:2], 0.0])
            yaw = float(self.random.uniform(0, 360))
            if self._is_free(_footprint(model, x, y, yaw), level):
                self._add(label, model, (float(x), float(y), spot[2] + shelf.z_m, yaw), support_id, carried=0)

    def _color(self, label: str) -> str:
        used = {item.color for item in self.objects if item.label == label}
        free = [color for color in COLORS if color not in used] or list(COLORS)
        return str(self.random.choice(free))


_SQUARE = 0.4 * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def _tall(model: Model) -> float:
    return float(max(box_corners(solid)[:, 2].max() for solid in model.solids))


def _footprint(model: Model, x: float, y: float, yaw_deg: float) -> F64:
    """Return the corners (4, 2) of the model's bounding rectangle on the ground, turned and set down."""
    corners = np.vstack([box_corners(solid) for solid in model.solids])[:, :2]
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    rectangle = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    turned: F64 = rectangle @ yaw_rotation(yaw_deg)[:2, :2].T + np.array([x, y])
    return turned


def _apart(a: F64, b: F64) -> float:
    """Return the largest gap between two convex polygons over the normals of their sides, negative if they meet."""
    best = -np.inf
    for polygon in (a, b):
        sides = np.roll(polygon, -1, axis=0) - polygon
        normals = np.column_stack([sides[:, 1], -sides[:, 0]])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        on_a, on_b = a @ normals.T, b @ normals.T
        gaps = np.maximum(on_a.min(axis=0) - on_b.max(axis=0), on_b.min(axis=0) - on_a.max(axis=0))
        best = max(best, float(gaps.max()))
    return best
