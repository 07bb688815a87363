"""`higher_top`: by the heights of the tops."""

from __future__ import annotations

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import level_sigma, relation

FLOOR_M = 0.05


def _facts(a: SceneArrays) -> list[Facts]:
    i, j = a.p.i, a.p.j
    difference = a.o.z[i, 1] - a.o.z[j, 1]
    return [relation("higher_top", a, difference, level_sigma(a, i, 1, j, 1), FLOOR_M)]


FAMILY = Family(
    name="higher_top", types=("higher_top",), kind=Kind.RELATION, units={"higher_top": "none"}, facts=_facts
)
