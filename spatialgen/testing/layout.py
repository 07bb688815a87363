"""Where things stand: on the floor and on each other, one by one where there is room."""

from __future__ import annotations

from typing import Literal

import numpy as np

from spatialgen.records import F64
from spatialgen.testing import furniture
from spatialgen.testing.analytic import COLORS, AnalyticObject
from spatialgen.testing.furniture import Maker, Model, Shapes, Shelf, placed
from spatialgen.testing.primitives import box_corners, yaw_rotation
from spatialgen.testing.viewpoint import Viewpoint

Kind = Literal["room", "outdoors", "tabletop", "steep", "walls", "close"]


def makers(shapes: Shapes) -> tuple[dict[str, Maker], dict[str, Maker]]:
    """Return what makes the standing and the small things, by label; both have the same labels for all `shapes`."""
    if shapes == "usual":
        return furniture.STANDING, furniture.SMALL
    from spatialgen.testing import furniture_other

    return furniture_other.STANDING, furniture_other.SMALL


class Layout:
    """Sets things down one by one where there is room. `objects` grows in order of their ids, from 1."""

    def __init__(
        self,
        random: np.random.Generator,
        view: Viewpoint,
        room_yaw: float,
        shapes: Shapes = "usual",
        all_colors_differ: bool = False,
    ) -> None:
        self.random, self.view, self.room_yaw = random, view, room_yaw
        self._standing, self._small = makers(shapes)
        self._all_colors_differ = all_colors_differ
        self.objects: list[AnalyticObject] = []
        self._taken: dict[int, list[F64]] = {}

    def furnish_floor(self, count: int, kind: Kind) -> None:
        """Put `count` things on the floor in front of the camera, and small things on some of them."""
        labels = furniture.OUTDOORS if kind == "outdoors" else tuple(self._standing)
        for _ in range(count):
            label = str(self.random.choice(labels))
            model = self._standing[label](self.random)
            spot = self._find_floor_spot(model, kind)
            if spot is not None:
                self._add(label, model, spot, 0)

    def furnish_tabletop(self) -> None:
        """Put a table right in front of the camera with a handful of small things on it."""
        model = self._standing["table"](self.random)
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
        front = yaw_rotation(spot[3]) @ np.array([0.0, -1.0, 0.0]) if model.has_front else None
        solids = placed(model, *spot)
        item = AnalyticObject(object_id, label, self._color(label), solids, model.shades, support_id, front)
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
            label = str(self.random.choice(list(self._small)))
            model = self._small[label](self.random)
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
        used = {item.color for item in self.objects if self._all_colors_differ or item.label == label}
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
