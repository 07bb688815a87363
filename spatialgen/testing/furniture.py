"""Things made of solids, as people would name them: tables, chairs, sofas, mugs.

Each maker draws its sizes from `random` and returns a `Model` that stands at the origin on z = 0 with its front
towards -y. Sizes (metres) are those of ordinary furniture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from spatialgen.testing.primitives import Ball, Box, Frustum, Solid, cylinder, yaw_rotation

Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Shelf:
    """A free horizontal surface that small things may stand on: its height, extents and clear height above."""

    z_m: float
    half_x_m: float
    half_y_m: float
    headroom_m: float = np.inf
    inside: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A thing: its solids, a brightness for each, and the surfaces that carry other things.

    `has_front`: who sits on it looks along its -y axis.
    """

    solids: tuple[Solid, ...]
    shades: tuple[float, ...]
    shelves: tuple[Shelf, ...] = ()
    has_front: bool = False


def make(parts: list[tuple[Solid, float]], *shelves: Shelf, has_front: bool = False) -> Model:
    """Return the model of (solid, brightness) parts."""
    return Model(tuple(solid for solid, _ in parts), tuple(shade for _, shade in parts), shelves, has_front)


def box(x: float, y: float, z: float, /, *extents_m: float) -> Box:
    """Return a box centred at (x, y), its bottom at z, of three full extents."""
    dx, dy, dz = extents_m
    return Box(np.array([x, y, z + dz / 2]), np.array([dx, dy, dz]) / 2)


def post(x: float, y: float, z: float, radius: float, height: float) -> Frustum:
    """Return an upright cylinder on (x, y) that starts at z."""
    return cylinder(np.array([x, y, z + height / 2]), radius, height)


def _four_legs(dx: float, dy: float, height: float, thick: float, shade: float) -> list[tuple[Solid, float]]:
    x, y = (dx - thick) / 2, (dy - thick) / 2
    return [(box(a * x, b * y, 0, thick, thick, height), shade) for a in (-1, 1) for b in (-1, 1)]


def table(random: Random) -> Model:
    """A top on four legs."""
    dx, dy, dz = random.uniform(0.8, 1.6), random.uniform(0.6, 0.9), random.uniform(0.65, 0.8)
    top = random.uniform(0.03, 0.05)
    parts = _four_legs(dx, dy, dz - top, random.uniform(0.05, 0.08), 0.75)
    parts.append((box(0, 0, dz - top, dx, dy, top), 1.0))
    return make(parts, Shelf(dz, dx / 2, dy / 2))


def round_table(random: Random) -> Model:
    """A round top on one pole and a round foot."""
    radius, dz = random.uniform(0.35, 0.6), random.uniform(0.6, 0.78)
    parts: list[tuple[Solid, float]] = [
        (post(0, 0, 0, radius * 0.55, 0.03), 0.7),
        (post(0, 0, 0.03, 0.04, dz - 0.06), 0.7),
        (post(0, 0, dz - 0.03, radius, 0.03), 1.0),
    ]
    return make(parts, Shelf(dz, radius * 0.65, radius * 0.65))


def chair(random: Random) -> Model:
    """A seat on four legs with a back."""
    dx, dy, seat = random.uniform(0.4, 0.5), random.uniform(0.4, 0.52), random.uniform(0.42, 0.48)
    back = random.uniform(0.35, 0.5)
    parts = _four_legs(dx, dy, seat - 0.04, 0.04, 0.7)
    parts += [(box(0, 0, seat - 0.04, dx, dy, 0.04), 1.0), (box(0, dy / 2 - 0.015, seat, dx, 0.03, back), 0.9)]
    return make(parts, Shelf(seat, dx / 2, dy / 2 - 0.05), has_front=True)


def stool(random: Random) -> Model:
    """A round seat on four legs."""
    radius, dz = random.uniform(0.15, 0.2), random.uniform(0.42, 0.7)
    parts = _four_legs(radius * 1.3, radius * 1.3, dz - 0.04, 0.035, 0.7)
    parts.append((post(0, 0, dz - 0.04, radius, 0.04), 1.0))
    return make(parts, Shelf(dz, radius * 0.6, radius * 0.6))


def sofa(random: Random) -> Model:
    """A base with a back and two arms."""
    dx, dy = random.uniform(1.4, 2.2), random.uniform(0.8, 0.95)
    seat, back, arm = random.uniform(0.38, 0.45), random.uniform(0.75, 0.9), random.uniform(0.12, 0.2)
    parts: list[tuple[Solid, float]] = [
        (box(0, 0, 0, dx, dy, seat), 1.0),
        (box(0, dy / 2 - 0.1, seat, dx, 0.2, back - seat), 0.9),
    ]
    parts += [
        (box(side * (dx - arm) / 2, -0.1, seat, arm, dy - 0.2, random.uniform(0.15, 0.22)), 0.85) for side in (-1, 1)
    ]
    return make(parts, Shelf(seat, dx / 2 - arm, dy / 2 - 0.22), has_front=True)


def shelf(random: Random) -> Model:
    """Two sides, a back and boards."""
    dx, dy, dz = random.uniform(0.6, 1.1), random.uniform(0.28, 0.4), random.uniform(0.9, 1.9)
    boards, thick = int(random.integers(3, 6)), 0.025
    parts: list[tuple[Solid, float]] = [
        (box(-(dx - thick) / 2, 0, 0, thick, dy, dz), 0.85),
        (box((dx - thick) / 2, 0, 0, thick, dy, dz), 0.85),
        (box(0, (dy - 0.015) / 2, 0, dx, 0.015, dz), 0.75),
    ]
    levels = np.linspace(0.03, dz - thick, boards)
    parts += [(box(0, 0, float(level), dx, dy, thick), 1.0) for level in levels]
    heads = [*np.diff(levels) - thick, np.inf]
    spots = [
        Shelf(float(z) + thick, dx / 2 - 0.05, dy / 2 - 0.03, float(head))
        for z, head in zip(levels, heads, strict=True)
    ]
    return make(parts, *spots)


def cabinet(random: Random) -> Model:
    """A plain chest with a slightly larger top."""
    dx, dy, dz = random.uniform(0.5, 1.2), random.uniform(0.4, 0.5), random.uniform(0.5, 1.1)
    parts: list[tuple[Solid, float]] = [
        (box(0, 0, 0, dx - 0.04, dy - 0.03, dz - 0.03), 0.85),
        (box(0, 0, dz - 0.03, dx, dy, 0.03), 1.0),
    ]
    return make(parts, Shelf(dz, dx / 2, dy / 2))


def lamp(random: Random) -> Model:
    """A floor lamp: a foot, a thin pole and a conical shade."""
    dz, foot, wide = random.uniform(1.3, 1.75), random.uniform(0.12, 0.17), random.uniform(0.18, 0.25)
    cap = random.uniform(0.22, 0.32)
    parts: list[tuple[Solid, float]] = [
        (post(0, 0, 0, foot, 0.03), 0.7),
        (post(0, 0, 0.03, 0.015, dz - cap - 0.03), 0.6),
        (Frustum(np.array([0, 0, dz - cap / 2]), wide, wide * random.uniform(0.6, 0.9), cap / 2), 1.15),
    ]
    return make(parts)


def bed(random: Random) -> Model:
    """A frame with a mattress, a headboard and a pillow."""
    dx, dy, dz = random.uniform(0.9, 1.6), random.uniform(1.9, 2.1), random.uniform(0.42, 0.55)
    parts: list[tuple[Solid, float]] = [
        (box(0, 0, 0, dx, dy, dz * 0.55), 0.6),
        (box(0, -0.02, dz * 0.55, dx - 0.04, dy - 0.08, dz * 0.45), 1.0),
        (box(0, dy / 2 - 0.02, dz * 0.55, dx, 0.04, random.uniform(0.4, 0.6)), 0.6),
        (box(0, dy / 2 - 0.35, dz, dx * 0.5, 0.35, 0.1), 1.15),
    ]
    return make(parts, Shelf(dz, dx / 2 - 0.05, dy / 2 - 0.6))


def crate(random: Random) -> Model:
    """A solid box on the floor."""
    dx, dy, dz = random.uniform(0.3, 0.7), random.uniform(0.3, 0.7), random.uniform(0.25, 0.7)
    return make([(box(0, 0, 0, dx, dy, dz), 1.0)], Shelf(dz, dx / 2, dy / 2))


def basket(random: Random) -> Model:
    """An open box: a bottom and four sides, which things may lie in."""
    dx, dy, dz, thick = random.uniform(0.4, 0.65), random.uniform(0.35, 0.5), random.uniform(0.25, 0.4), 0.015
    parts: list[tuple[Solid, float]] = [(box(0, 0, 0, dx, dy, thick), 0.8)]
    for side in (-1, 1):
        parts.append((box(side * (dx - thick) / 2, 0, thick, thick, dy, dz - thick), 1.0))
        parts.append((box(0, side * (dy - thick) / 2, thick, dx - 2 * thick, thick, dz - thick), 0.9))
    return make(parts, Shelf(thick, dx / 2 - 0.03, dy / 2 - 0.03, dz - thick, inside=True))


def trash_bin(random: Random) -> Model:
    """A cone that widens upwards."""
    radius, dz = random.uniform(0.11, 0.17), random.uniform(0.3, 0.6)
    return make([(Frustum(np.array([0, 0, dz / 2]), radius, radius * random.uniform(1.1, 1.35), dz / 2), 1.0)])


def barrel(random: Random) -> Model:
    """An upright cylinder."""
    radius, dz = random.uniform(0.2, 0.32), random.uniform(0.5, 0.9)
    return make([(post(0, 0, 0, radius, dz), 1.0)], Shelf(dz, radius * 0.65, radius * 0.65))


def plant(random: Random) -> Model:
    """A pot, a stem and a ball of leaves."""
    pot, dz, crown = random.uniform(0.12, 0.18), random.uniform(0.7, 1.2), random.uniform(0.2, 0.32)
    parts: list[tuple[Solid, float]] = [
        (Frustum(np.array([0, 0, pot]), pot * 0.75, pot, pot), 0.6),
        (post(0, 0, 2 * pot, 0.02, max(dz - 2 * pot - crown, 0.05)), 0.5),
        (Ball(np.array([0, 0, dz - crown + 0.02]), radius_m=crown), 1.0),
    ]
    return make(parts)


def cone(random: Random) -> Model:
    """A traffic cone on a square foot."""
    dz, radius = random.uniform(0.45, 0.75), random.uniform(0.12, 0.17)
    foot = 2.4 * radius
    parts: list[tuple[Solid, float]] = [
        (box(0, 0, 0, foot, foot, 0.03), 0.7),
        (Frustum(np.array([0, 0, 0.03 + (dz - 0.03) / 2]), radius, 0.02, (dz - 0.03) / 2), 1.0),
    ]
    return make(parts)


def ball(random: Random) -> Model:
    """A sphere."""
    radius = random.uniform(0.09, 0.16)
    return make([(Ball(np.array([0, 0, radius]), radius_m=radius), 1.0)])


def mug(random: Random) -> Model:
    """A cylinder with a handle of three bars at its side."""
    radius, dz, thick = random.uniform(0.038, 0.05), random.uniform(0.085, 0.12), 0.012
    reach = random.uniform(0.025, 0.035)
    parts: list[tuple[Solid, float]] = [(post(0, 0, 0, radius, dz), 1.0)]
    bars = (dz * 0.2, dz * 0.8 - thick)
    parts += [(box(radius + reach / 2 - 0.004, 0, z, reach + 0.008, thick, thick), 0.85) for z in bars]
    parts.append((box(radius + reach, 0, dz * 0.2, thick, thick, dz * 0.6), 0.85))
    return make(parts)


def bottle(random: Random) -> Model:
    """A cylinder, a shoulder and a neck."""
    radius, dz = random.uniform(0.032, 0.045), random.uniform(0.22, 0.32)
    body, shoulder = dz * 0.62, dz * 0.15
    parts: list[tuple[Solid, float]] = [
        (post(0, 0, 0, radius, body), 1.0),
        (Frustum(np.array([0, 0, body + shoulder / 2]), radius, radius * 0.4, shoulder / 2), 0.95),
        (post(0, 0, body + shoulder, radius * 0.4, dz - body - shoulder), 0.85),
    ]
    return make(parts)


def book(random: Random) -> Model:
    """A flat box lying down."""
    dx, dy, dz = random.uniform(0.14, 0.2), random.uniform(0.2, 0.28), random.uniform(0.025, 0.06)
    return make([(box(0, 0, 0, dx, dy, dz), 1.0)], Shelf(dz, dx / 2, dy / 2))


def small_box(random: Random) -> Model:
    """A small cardboard box."""
    dx, dy, dz = random.uniform(0.12, 0.28), random.uniform(0.12, 0.25), random.uniform(0.08, 0.22)
    return make([(box(0, 0, 0, dx, dy, dz), 1.0)], Shelf(dz, dx / 2, dy / 2))


def bowl(random: Random) -> Model:
    """A cone that widens upwards, wider than high."""
    radius, dz = random.uniform(0.08, 0.13), random.uniform(0.06, 0.09)
    return make([(Frustum(np.array([0, 0, dz / 2]), radius * 0.55, radius, dz / 2), 1.0)])


def monitor(random: Random) -> Model:
    """A foot, a neck and a screen."""
    dx, dz = random.uniform(0.45, 0.7), random.uniform(0.38, 0.5)
    screen = dx * 0.58
    parts: list[tuple[Solid, float]] = [
        (box(0, 0, 0, dx * 0.4, 0.18, 0.015), 0.7),
        (box(0, 0.03, 0.015, 0.05, 0.03, dz - screen * 0.5), 0.7),
        (box(0, 0, dz - screen, dx, 0.04, screen), 1.0),
    ]
    return make(parts)


def desk_lamp(random: Random) -> Model:
    """A small lamp: a foot, a pole and a conical shade."""
    dz, foot, wide = random.uniform(0.35, 0.5), random.uniform(0.07, 0.1), random.uniform(0.1, 0.15)
    parts: list[tuple[Solid, float]] = [
        (post(0, 0, 0, foot, 0.02), 0.7),
        (post(0, 0, 0.02, 0.012, dz - 0.15), 0.6),
        (Frustum(np.array([0, 0, dz - 0.075]), wide, wide * 0.6, 0.075), 1.15),
    ]
    return make(parts)


Maker = Callable[[Random], Model]
Shapes = Literal["usual", "other"]

STANDING: dict[str, Maker] = {
    "table": table,
    "round table": round_table,
    "chair": chair,
    "stool": stool,
    "sofa": sofa,
    "shelf": shelf,
    "cabinet": cabinet,
    "floor lamp": lamp,
    "bed": bed,
    "crate": crate,
    "basket": basket,
    "bin": trash_bin,
    "barrel": barrel,
    "plant": plant,
    "cone": cone,
    "ball": ball,
}
"""What stands on the floor, by label."""

SMALL: dict[str, Maker] = {
    "mug": mug,
    "bottle": bottle,
    "book": book,
    "box": small_box,
    "bowl": bowl,
    "monitor": monitor,
    "lamp": desk_lamp,
    "ball": ball,
}
"""What stands on other things, by label."""

OUTDOORS = ("crate", "barrel", "cone", "bin", "ball", "plant", "table", "chair", "basket")


def placed(model: Model, x_m: float, y_m: float, z_m: float, yaw_deg: float) -> tuple[Solid, ...]:
    """Return the model's solids turned by `yaw_deg` about its own axis and set down at (x, y, z)."""
    rotation = yaw_rotation(yaw_deg)
    return tuple(solid.moved(rotation, np.array([x_m, y_m, z_m])) for solid in model.solids)
