"""`relative_depth`: where an object's median depth lies between the picture's nearest and farthest, 0 .. 1."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.facts import I64, Bool, Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import quantity

APART = 0.1
QUANTILE_SIGMA = 5e-8  # of percentiles of the picture: rounding


def _apart(facts: Facts, i: I64, j: I64) -> Bool:
    return np.abs(facts.value[i] - facts.value[j]) > APART


def _facts(a: SceneArrays) -> list[Facts]:
    o = a.o
    index = np.flatnonzero(a.askable)
    low, high = a.s.depth_range[o.scene[index]].T
    span = np.maximum(high - low, 1e-9)
    value = np.clip((o.depth[index] - low) / span, 0.0, 1.0)
    sigma = np.hypot(o.depth_sigma[index] / span, QUANTILE_SIGMA)
    known = np.isfinite(o.depth[index]) & (high > low)
    return [quantity("relative_depth", a, index, value, sigma, known, power=0, absolute=0.0)]


FAMILY = Family(
    name="relative_depth",
    types=("relative_depth",),
    kind=Kind.VALUED,
    units={"relative_depth": "ratio"},
    upright=False,
    facts=_facts,
    say={"relative_depth": "fraction"},
    scalar=frozenset({"relative_depth"}),
    apart=_apart,
)
