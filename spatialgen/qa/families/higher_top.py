"""`higher_top`: by the heights of the tops."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import relation

FLOOR_M = 0.05


def _facts(a: SceneArrays) -> list[Facts]:
    i, j = a.p.i, a.p.j
    difference = a.o.z[i, 1] - a.o.z[j, 1]
    tilt = a.s.gravity_sigma[a.p.scene] * np.hypot(a.p.delta[:, 0], a.p.delta[:, 1])
    sigma = np.sqrt(a.o.z_sigma[i, 1] ** 2 + a.o.z_sigma[j, 1] ** 2 + tilt**2)
    return [relation("higher_top", a, difference, sigma, FLOOR_M)]


FAMILY = Family(
    name="higher_top", types=("higher_top",), kind=Kind.RELATION, units={"higher_top": "none"}, facts=_facts
)
