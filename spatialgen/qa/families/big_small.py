"""`bigger`, `smaller`: by the volume of the upright box."""

from __future__ import annotations

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.decide import RATIO_VOLUME
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import ratio_relation


def _facts(a: SceneArrays) -> list[Facts]:
    return [ratio_relation("bigger", a, a.o.volume, a.o.volume_sigma, RATIO_VOLUME)]


FAMILY = Family(
    name="big_small",
    types=("bigger", "smaller"),
    kind=Kind.RELATION,
    units={"bigger": "none", "smaller": "none"},
    facts=_facts,
    concepts={"bigger": "size order of two", "smaller": "size order of two"},
)
