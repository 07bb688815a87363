"""The things of `furniture`, by the same names and about as large, built from other forms.

What a model learnt on the usual forms is tested on these: a chair stays a chair on a pedestal. The makers follow the
conventions of `furniture`: on z = 0 at the origin, the front towards -y, sizes in metres.
"""

from __future__ import annotations

import numpy as np

from spatialgen.testing.furniture import Maker, Model, Random, Shelf, box, make, post
from spatialgen.testing.primitives import Ball, Frustum, Solid

Parts = list[tuple[Solid, float]]


def cone_of(z: float, bottom: float, top: float, height: float) -> Frustum:
    """Return an upright frustum on the z axis that starts at `z`."""
    return Frustum(np.array([0, 0, z + height / 2]), bottom, top, height / 2)


def trestle_table(random: Random) -> Model:
    """A thick top on two side panels and a board between them."""
    dx, dy, dz = random.uniform(0.8, 1.6), random.uniform(0.6, 0.9), random.uniform(0.65, 0.8)
    parts: Parts = [(box(side * (dx / 2 - 0.12), 0, 0, 0.05, dy * 0.8, dz - 0.06), 0.8) for side in (-1, 1)]
    parts += [(box(0, 0, dz * 0.4, dx - 0.3, 0.04, 0.15), 0.7), (box(0, 0, dz - 0.06, dx, dy, 0.06), 1.0)]
    return make(parts, Shelf(dz, dx / 2, dy / 2))


def drum_table(random: Random) -> Model:
    """A round top on a wide drum."""
    radius, dz = random.uniform(0.35, 0.6), random.uniform(0.6, 0.78)
    parts: Parts = [
        (cone_of(0, radius * 0.6, radius * 0.35, dz - 0.05), 0.75),
        (post(0, 0, dz - 0.05, radius, 0.05), 1),
    ]
    return make(parts, Shelf(dz, radius * 0.65, radius * 0.65))


def swivel_chair(random: Random) -> Model:
    """A seat on a pole and a round foot, with arms and a narrow back."""
    side, seat = random.uniform(0.42, 0.5), random.uniform(0.42, 0.5)
    parts: Parts = [
        (post(0, 0, 0, side * 0.5, 0.04), 0.6),
        (post(0, 0, 0.04, 0.03, seat - 0.1), 0.6),
        (box(0, 0, seat - 0.06, side, side, 0.06), 1.0),
        (box(0, side / 2 - 0.03, seat, side * 0.7, 0.05, random.uniform(0.35, 0.5)), 0.9),
    ]
    parts += [(box(a * (side / 2 - 0.02), 0, seat, 0.04, side * 0.7, 0.2), 0.8) for a in (-1, 1)]
    return make(parts, has_front=True)


def drum_stool(random: Random) -> Model:
    """A drum that is narrower in the middle."""
    radius, dz = random.uniform(0.15, 0.2), random.uniform(0.42, 0.7)
    parts: Parts = [(cone_of(0, radius, radius * 0.6, dz / 2), 0.8), (cone_of(dz / 2, radius * 0.6, radius, dz / 2), 1)]
    return make(parts, Shelf(dz, radius * 0.6, radius * 0.6))


def corner_sofa(random: Random) -> Model:
    """Two cushions on short feet, a low back, and a long seat at one end; no arms."""
    dx, dy, seat = random.uniform(1.5, 2.2), random.uniform(0.75, 0.9), random.uniform(0.38, 0.45)
    back, end = random.uniform(0.65, 0.8), random.choice((-1, 1))
    parts: Parts = [
        (box(a * (dx / 2 - 0.1), b * (dy / 2 - 0.1), 0, 0.06, 0.06, 0.1), 0.5) for a in (-1, 1) for b in (-1, 1)
    ]
    parts += [(box(a * dx / 4, -0.08, 0.1, dx / 2 - 0.02, dy - 0.16, seat - 0.1), 1.0) for a in (-1, 1)]
    parts.append((box(0, dy / 2 - 0.08, 0.1, dx, 0.16, back - 0.1), 0.85))
    parts.append((box(end * (dx / 2 - 0.3), -dy / 2 - 0.3, 0.1, 0.6, 0.6, seat - 0.1), 0.95))
    return make(parts, Shelf(seat, dx / 2 - 0.1, dy / 2 - 0.2), has_front=True)


def ladder_shelf(random: Random) -> Model:
    """Boards on four round posts, without a back."""
    dx, dy, dz = random.uniform(0.6, 1.1), random.uniform(0.28, 0.4), random.uniform(0.9, 1.9)
    levels = np.linspace(0.1, dz - 0.03, int(random.integers(3, 5)))
    parts: Parts = [
        (post(a * (dx / 2 - 0.02), b * (dy / 2 - 0.02), 0, 0.02, dz), 0.7) for a in (-1, 1) for b in (-1, 1)
    ]
    parts += [(box(0, 0, float(z), dx, dy, 0.03), 1.0) for z in levels]
    heads = [*np.diff(levels) - 0.03, np.inf]
    spots = [Shelf(float(z) + 0.03, dx / 2 - 0.07, dy / 2 - 0.05, float(h)) for z, h in zip(levels, heads, strict=True)]
    return make(parts, *spots)


def legged_cabinet(random: Random) -> Model:
    """A chest on four legs, its doors standing out in front."""
    dx, dy, dz = random.uniform(0.5, 1.2), random.uniform(0.4, 0.5), random.uniform(0.6, 1.1)
    parts: Parts = [
        (box(a * (dx / 2 - 0.04), b * (dy / 2 - 0.04), 0, 0.05, 0.05, 0.15), 0.6) for a in (-1, 1) for b in (-1, 1)
    ]
    parts.append((box(0, 0, 0.15, dx, dy, dz - 0.15), 1.0))
    parts += [(box(a * dx / 4, -dy / 2 - 0.01, 0.18, dx / 2 - 0.04, 0.02, dz - 0.22), 0.85) for a in (-1, 1)]
    return make(parts, Shelf(dz, dx / 2, dy / 2))


def globe_lamp(random: Random) -> Model:
    """A floor lamp with a square foot and a ball of light."""
    dz, globe = random.uniform(1.3, 1.75), random.uniform(0.14, 0.2)
    parts: Parts = [
        (box(0, 0, 0, 0.28, 0.28, 0.04), 0.7),
        (post(0, 0, 0.04, 0.02, dz - 2 * globe - 0.03), 0.6),
        (Ball(np.array([0, 0, dz - globe]), radius_m=globe), 1.15),
    ]
    return make(parts)


def box_bed(random: Random) -> Model:
    """A mattress on a wider plinth, boards at head and foot, and two pillows."""
    dx, dy, dz = random.uniform(0.9, 1.6), random.uniform(1.9, 2.1), random.uniform(0.42, 0.55)
    parts: Parts = [(box(0, 0, 0, dx, dy, dz * 0.4), 0.7), (box(0, 0, dz * 0.4, dx - 0.1, dy - 0.12, dz * 0.6), 1.0)]
    parts += [(box(0, a * (dy / 2 - 0.025), dz * 0.4, dx, 0.05, 0.45 if a > 0 else 0.3), 0.6) for a in (-1, 1)]
    parts += [(box(a * dx / 4, dy / 2 - 0.3, dz, dx * 0.35, 0.35, 0.1), 1.15) for a in (-1, 1)]
    return make(parts, Shelf(dz, dx / 2 - 0.1, dy / 2 - 0.6))


def slatted_crate(random: Random) -> Model:
    """A crate of slats with gaps between them, closed by a lid."""
    dx, dy, dz = random.uniform(0.3, 0.7), random.uniform(0.3, 0.7), random.uniform(0.3, 0.7)
    parts: Parts = [(box(0, 0, 0, dx - 0.04, dy - 0.04, dz - 0.02), 0.55)]
    parts += [(box(0, 0, z * (dz - 0.02), dx, dy, dz * 0.2), 1.0) for z in (0.05, 0.4, 0.75)]
    parts.append((box(0, 0, dz - 0.02, dx, dy, 0.02), 0.9))
    return make(parts, Shelf(dz, dx / 2, dy / 2))


def bar_basket(random: Random) -> Model:
    """An open box of upright bars between two frames."""
    dx, dy, dz, thick = random.uniform(0.4, 0.65), random.uniform(0.35, 0.5), random.uniform(0.25, 0.4), 0.02
    parts: Parts = [(box(0, 0, 0, dx, dy, thick), 0.8)]
    for a in (-1, 1):
        parts.append((box(a * (dx - thick) / 2, 0, dz - 0.06, thick, dy, 0.06), 1.0))
        parts.append((box(0, a * (dy - thick) / 2, dz - 0.06, dx, thick, 0.06), 1.0))
        for k in np.linspace(-0.4, 0.4, 5):
            parts.append((box(float(k) * dx, a * (dy - thick) / 2, thick, 0.05, thick, dz - 0.06 - thick), 0.9))
            parts.append((box(a * (dx - thick) / 2, float(k) * dy, thick, thick, 0.05, dz - 0.06 - thick), 0.9))
    return make(parts, Shelf(thick, dx / 2 - 0.04, dy / 2 - 0.04, dz - thick, inside=True))


def square_bin(random: Random) -> Model:
    """A square bin with an overhanging lid."""
    side, dz = random.uniform(0.22, 0.34), random.uniform(0.35, 0.6)
    return make(
        [(box(0, 0, 0, side, side, dz - 0.05), 1.0), (box(0, 0, dz - 0.05, side + 0.04, side + 0.04, 0.05), 0.8)]
    )


def bellied_barrel(random: Random) -> Model:
    """A barrel that is widest in the middle, with a hoop there."""
    radius, dz = random.uniform(0.2, 0.32), random.uniform(0.5, 0.9)
    parts: Parts = [
        (cone_of(0, radius * 0.75, radius, dz / 2), 1.0),
        (cone_of(dz / 2, radius, radius * 0.75, dz / 2), 1.0),
        (post(0, 0, dz / 2 - 0.03, radius + 0.01, 0.06), 0.6),
    ]
    return make(parts, Shelf(dz, radius * 0.5, radius * 0.5))


def fir(random: Random) -> Model:
    """A plant with a square pot and a crown of two cones."""
    pot, dz, crown = random.uniform(0.24, 0.34), random.uniform(0.8, 1.2), random.uniform(0.22, 0.32)
    rest = dz - pot - 0.1
    parts: Parts = [
        (box(0, 0, 0, pot, pot, pot), 0.6),
        (post(0, 0, pot, 0.025, 0.1), 0.5),
        (cone_of(pot + 0.1, crown, crown * 0.45, rest * 0.5), 1.0),
        (cone_of(pot + 0.1 + rest * 0.5, crown * 0.75, 0.02, rest * 0.5), 1.0),
    ]
    return make(parts)


def striped_cone(random: Random) -> Model:
    """A blunt cone on a round foot, with a darker ring."""
    dz, radius = random.uniform(0.45, 0.75), random.uniform(0.12, 0.17)
    parts: Parts = [
        (post(0, 0, 0, radius * 1.5, 0.03), 0.7),
        (cone_of(0.03, radius, radius * 0.65, dz * 0.4), 1.0),
        (cone_of(0.03 + dz * 0.4, radius * 0.65, radius * 0.5, dz * 0.2), 0.6),
        (cone_of(0.03 + dz * 0.6, radius * 0.5, radius * 0.25, dz * 0.4 - 0.03), 1.0),
    ]
    return make(parts)


def banded_ball(random: Random) -> Model:
    """A larger sphere with a band around it."""
    radius = random.uniform(0.13, 0.22)
    band = radius * 1.01
    parts: Parts = [
        (Ball(np.array([0, 0, radius]), radius_m=radius), 1.0),
        (post(0, 0, radius * 0.9, band, radius * 0.2), 0.65),
    ]
    return make(parts)


def cup(random: Random) -> Model:
    """A mug that widens upwards, its handle a single block."""
    radius, dz = random.uniform(0.036, 0.045), random.uniform(0.085, 0.12)
    parts: Parts = [
        (cone_of(0, radius * 0.8, radius * 1.15, dz), 1.0),
        (box(radius * 1.1, 0, dz * 0.35, 0.03, 0.015, dz * 0.4), 0.85),
    ]
    return make(parts)


def square_bottle(random: Random) -> Model:
    """A square body with a short round neck and a wide cap."""
    side, dz = random.uniform(0.06, 0.085), random.uniform(0.22, 0.32)
    parts: Parts = [
        (box(0, 0, 0, side, side, dz * 0.7), 1.0),
        (post(0, 0, dz * 0.7, side * 0.2, dz * 0.18), 0.9),
        (post(0, 0, dz * 0.88, side * 0.3, dz * 0.12), 0.7),
    ]
    return make(parts)


def standing_book(random: Random) -> Model:
    """A book that stands on its lower edge, its pages lighter than its covers."""
    dx, dz, dy = random.uniform(0.14, 0.2), random.uniform(0.2, 0.28), random.uniform(0.03, 0.06)
    parts: Parts = [(box(0, a * (dy / 2 - 0.004), 0, dx, 0.008, dz), 1.0) for a in (-1, 1)]
    parts.append((box(0, 0, 0.005, dx - 0.01, dy - 0.016, dz - 0.01), 1.2))
    return make(parts)


def lidded_box(random: Random) -> Model:
    """A small box with a wider lid."""
    dx, dy, dz = random.uniform(0.12, 0.28), random.uniform(0.12, 0.25), random.uniform(0.1, 0.22)
    parts: Parts = [(box(0, 0, 0, dx - 0.02, dy - 0.02, dz * 0.7), 0.85), (box(0, 0, dz * 0.7, dx, dy, dz * 0.3), 1.0)]
    return make(parts, Shelf(dz, dx / 2, dy / 2))


def footed_bowl(random: Random) -> Model:
    """A bowl on a foot."""
    radius, dz = random.uniform(0.08, 0.13), random.uniform(0.08, 0.11)
    return make(
        [
            (cone_of(0, radius * 0.5, radius * 0.3, dz * 0.3), 0.8),
            (cone_of(dz * 0.3, radius * 0.4, radius, dz * 0.7), 1),
        ]
    )


def wide_monitor(random: Random) -> Model:
    """A screen on two round feet."""
    dx = random.uniform(0.55, 0.8)
    screen, lift = dx * 0.42, random.uniform(0.05, 0.1)
    parts: Parts = [(post(a * dx * 0.3, 0, 0, 0.08, lift), 0.7) for a in (-1, 1)]
    parts.append((box(0, 0, lift, dx, 0.05, screen), 1.0))
    return make(parts)


def globe_desk_lamp(random: Random) -> Model:
    """A small lamp: a block, a thin neck and a ball of light."""
    dz, globe = random.uniform(0.35, 0.5), random.uniform(0.08, 0.12)
    parts: Parts = [
        (box(0, 0, 0, 0.14, 0.14, 0.06), 0.7),
        (post(0, 0, 0.06, 0.015, dz - 2 * globe - 0.05), 0.6),
        (Ball(np.array([0, 0, dz - globe]), radius_m=globe), 1.15),
    ]
    return make(parts)


STANDING: dict[str, Maker] = {
    "table": trestle_table,
    "round table": drum_table,
    "chair": swivel_chair,
    "stool": drum_stool,
    "sofa": corner_sofa,
    "shelf": ladder_shelf,
    "cabinet": legged_cabinet,
    "floor lamp": globe_lamp,
    "bed": box_bed,
    "crate": slatted_crate,
    "basket": bar_basket,
    "bin": square_bin,
    "barrel": bellied_barrel,
    "plant": fir,
    "cone": striped_cone,
    "ball": banded_ball,
}
"""What stands on the floor, by label: the labels of `furniture.STANDING`."""

SMALL: dict[str, Maker] = {
    "mug": cup,
    "bottle": square_bottle,
    "book": standing_book,
    "box": lidded_box,
    "bowl": footed_bowl,
    "monitor": wide_monitor,
    "lamp": globe_desk_lamp,
    "ball": banded_ball,
}
"""What stands on other things, by label: the labels of `furniture.SMALL`."""
