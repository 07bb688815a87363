"""`wider`, `narrower`: by the lateral interval, as seen from the camera."""

from __future__ import annotations

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.decide import RATIO_SIZE
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import ratio_relation


def _facts(a: SceneArrays) -> list[Facts]:
    width = a.o.x[:, 1] - a.o.x[:, 0]
    facts = ratio_relation("wider", a, width, a.o.x_sigma / width, RATIO_SIZE)
    return [facts.take(a.s.forward[facts.scene])]


FAMILY = Family(
    name="wide_narrow",
    types=("wider", "narrower"),
    kind=Kind.RELATION,
    units={"wider": "none", "narrower": "none"},
    facts=_facts,
)
