"""`gap` between the surfaces of two objects, and `clearance` between one and the next above it."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind, values_apart
from spatialgen.qa.measures import level_sigma, quantity

RESTS_WITHIN_M = 0.01
_OF_CLEARANCE = 0.9
"""How much of the errors of bottom and top goes into what is between them; of what rests it is surely nothing."""


def _facts(a: SceneArrays) -> list[Facts]:
    p = a.p
    pairs = np.stack([p.i, p.j], axis=1)
    return [quantity("gap", a, pairs, np.maximum(p.gap, 0.0), p.gap_sigma), _clearance(a)]


def _clearance(a: SceneArrays) -> Facts:
    """A clearance near 0 is asked only where the upper is known to rest on the lower."""
    p, o = a.p, a.o
    i_upper = o.z[p.i, 0] >= o.z[p.j, 0]
    upper, lower = np.where(i_upper, p.i, p.j), np.where(i_upper, p.j, p.i)
    value = o.z[upper, 0] - o.z[lower, 1]
    sigma = _OF_CLEARANCE * level_sigma(a, upper, 0, lower, 1)
    rests = (o.support[upper] == lower) & (np.abs(value) <= np.maximum(RESTS_WITHIN_M, 2.0 * sigma))
    value = np.where(rests, np.maximum(value, 0.0), value)
    asked = rests | (value > 2.0 * sigma)
    return quantity("clearance", a, np.stack([upper, lower], 1), value, sigma, asked)


FAMILY = Family(
    name="gap",
    types=("gap", "clearance"),
    kind=Kind.VALUED,
    units={"gap": "m", "clearance": "m"},
    facts=_facts,
    say={"gap": "length", "clearance": "length"},
    concepts={"gap": "how far apart"},
    scalar=frozenset({"gap", "clearance"}),
    apart=values_apart,
)
