"""`height_above_floor` of an object's bottom, `top_height` of its top."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind, values_apart
from spatialgen.qa.measures import quantity

TYPES = ("height_above_floor", "top_height")


def _facts(a: SceneArrays) -> list[Facts]:
    o = a.o
    index = np.flatnonzero(o.solid & a.askable & a.s.floor[o.scene])
    facts = []
    for end, type_ in enumerate(TYPES):
        value = np.maximum(o.z[index, end], 0.0)
        facts.append(quantity(type_, a, index, value, o.z_sigma[index, end]))
    return facts


FAMILY = Family(
    name="floor_height",
    types=TYPES,
    kind=Kind.VALUED,
    units=dict.fromkeys(TYPES, "m"),
    facts=_facts,
    say=dict.fromkeys(TYPES, "length"),
    scalar=frozenset(TYPES),
    apart=values_apart,
)
