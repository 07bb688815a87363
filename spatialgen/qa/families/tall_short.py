"""`taller`, `shorter`: by the height of the upright box."""

from __future__ import annotations

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.decide import RATIO_SIZE
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import ratio_relation


def _facts(a: SceneArrays) -> list[Facts]:
    height = a.o.size[:, 2]
    return [ratio_relation("taller", a, height, a.o.size_sigma[:, 2] / height, RATIO_SIZE)]


FAMILY = Family(
    name="tall_short",
    types=("taller", "shorter"),
    kind=Kind.RELATION,
    units={"taller": "none", "shorter": "none"},
    facts=_facts,
)
