"""`in_front_of`, `behind`: by the depth of the centres and by their distance from the camera alike."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import camera_order, relation


def _facts(a: SceneArrays) -> list[Facts]:
    difference = a.p.delta[:, 1]
    sigma = np.sqrt(a.p.cov[:, 1, 1])
    farther, farther_sigma, floor = camera_order(a)
    sure = np.abs(farther) > 2.0 * farther_sigma
    asked = a.s.forward[a.p.scene] & sure & (np.sign(farther) == np.sign(difference))
    return [relation("in_front_of", a, difference, sigma, floor, asked)]


FAMILY = Family(
    name="front_behind",
    types=("in_front_of", "behind"),
    kind=Kind.RELATION,
    units={"in_front_of": "none", "behind": "none"},
    facts=_facts,
    concepts={"in_front_of": "depth order of two", "behind": "depth order of two"},
)
