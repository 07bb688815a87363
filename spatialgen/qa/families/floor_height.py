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
    scene = o.scene[index]
    reach = np.hypot(o.camera_vector[index, 0], o.camera_vector[index, 1])
    common = np.hypot(a.s.floor_sigma[scene], a.s.gravity_sigma[scene] * reach)
    common = np.where(o.support[index] == -1, a.s.gravity_sigma[scene] * o.size[index, 2], common)
    facts = []
    for end, type_ in enumerate(TYPES):
        value = np.maximum(o.z[index, end], 0.0)
        facts.append(quantity(type_, a, index, value, np.hypot(o.z_sigma[index, end], common)))
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
