"""`above`, `below`: by the heights of the centres."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import relation

FLOOR_M = 0.10


def _facts(a: SceneArrays) -> list[Facts]:
    return [relation("above", a, -a.p.delta[:, 2], np.sqrt(a.p.cov[:, 2, 2]), FLOOR_M)]


FAMILY = Family(
    name="above_below",
    types=("above", "below"),
    kind=Kind.RELATION,
    units={"above": "none", "below": "none"},
    facts=_facts,
)
