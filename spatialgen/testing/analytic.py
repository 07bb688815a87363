"""The records of analytic scenes: things made of solids, walls, a floor, a light and a camera."""

from __future__ import annotations

from dataclasses import dataclass

from spatialgen.records import F64
from spatialgen.testing.primitives import Solid
from spatialgen.testing.viewpoint import Viewpoint

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
    """One thing of a scene: its solids in canonical metres, and what it stands on (an object id, 0: the floor).

    `front` (3,) is the unit vector in which its front points, if it has one.
    """

    object_id: int
    label: str
    color: str
    solids: tuple[Solid, ...]
    shades: tuple[float, ...]
    support_id: int = 0
    front: F64 | None = None

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
