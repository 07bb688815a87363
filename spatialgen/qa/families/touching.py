"""`touching`: no gap between the surfaces, or surely one."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.decide import zone
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import predicate, scale_trusted, tellable

TOUCH_M, APART_M = 0.01, 0.05


def _facts(a: SceneArrays) -> list[Facts]:
    p = a.p
    scale = a.s.scale_sigma[p.scene]
    sigma = np.hypot(p.gap_sigma, p.gap * scale)
    holds, fails = zone(p.gap, sigma, TOUCH_M, APART_M, inner=1.0)
    told = tellable(a, p.scene, p.gap, p.gap_sigma)
    trusted = scale_trusted(a, p.scene)
    return [predicate("touching", a, np.stack([p.i, p.j], 1), holds & trusted, fails & trusted, sigma, told=told)]


FAMILY = Family(
    name="touching", types=("touching",), kind=Kind.PREDICATE, units={"touching": "none"}, symmetric=True, facts=_facts
)
