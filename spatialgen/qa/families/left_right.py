"""`left_of`, `right_of`: which side, by the centres and by the bearings from the camera alike."""

from __future__ import annotations

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import relation, side_order

FLOOR_M = 0.10


def _facts(a: SceneArrays) -> list[Facts]:
    difference, sigma, asked = side_order(a)
    return [relation("left_of", a, difference, sigma, FLOOR_M, asked)]


FAMILY = Family(
    name="left_right",
    types=("left_of", "right_of"),
    kind=Kind.RELATION,
    units={"left_of": "none", "right_of": "none"},
    facts=_facts,
)
