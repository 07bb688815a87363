"""`width`, `length`, `height`, `longest_side`, `volume` of one object."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.facts import Facts
from spatialgen.qa.families.longer import longest_side
from spatialgen.qa.family import Family, Kind, values_apart
from spatialgen.qa.measures import quantity, unknowable

TYPES = ("width", "length", "height", "longest_side", "volume")


def _facts(a: SceneArrays) -> list[Facts]:
    o = a.o
    index = np.flatnonzero(o.solid & a.askable)
    side, side_sigma = longest_side(a)
    measures = {
        "width": (o.x[:, 1] - o.x[:, 0], o.x_sigma),
        "length": (o.size[:, 0], o.size_sigma[:, 0]),
        "height": (o.size[:, 2], o.size_sigma[:, 2]),
        "longest_side": (side, side_sigma),
    }
    forward = a.s.forward[o.scene[index]]
    facts = [
        quantity(t, a, index, value[index], sigma[index], forward if t == "width" else None)
        for t, (value, sigma) in measures.items()
    ]
    volume, sigma = o.volume[index], o.volume[index] * o.volume_sigma[index]
    facts.append(quantity("volume", a, index, volume, sigma, power=3, absolute=0.0))
    return facts + _cut(a)


def _cut(a: SceneArrays) -> list[Facts]:
    return [
        unknowable("width", a, a.o.hidden & a.o.cut_sides),
        unknowable("height", a, a.o.hidden & a.o.cut_ends),
        unknowable("longest_side", a, a.o.hidden & a.o.cut_sides & a.o.cut_ends),
        unknowable("volume", a, a.o.hidden & (a.o.cut_sides | a.o.cut_ends)),
    ]


FAMILY = Family(
    name="size",
    types=TYPES,
    kind=Kind.VALUED,
    units=dict.fromkeys(TYPES, "m") | {"volume": "m3"},
    facts=_facts,
    say=dict.fromkeys(TYPES, "length") | {"volume": "volume"},
    concepts={"length": "longest", "longest_side": "longest"},
    scalar=frozenset(TYPES),
    apart=values_apart,
)
