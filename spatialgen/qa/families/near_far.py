"""`nearer`, `farther`: by the distance of the centres from the camera."""

from __future__ import annotations

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import camera_order, relation


def _facts(a: SceneArrays) -> list[Facts]:
    return [relation("nearer", a, *camera_order(a))]


FAMILY = Family(
    name="near_far",
    types=("nearer", "farther"),
    kind=Kind.RELATION,
    units={"nearer": "none", "farther": "none"},
    upright=False,
    facts=_facts,
    concepts={"nearer": "depth order of two", "farther": "depth order of two"},
)
