"""`same_size`, `same_distance`: about equal, within the margin of `bigger` and of `nearer`, or surely not."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import F64, SceneArrays
from spatialgen.qa.decide import RATIO_VOLUME, difference_same
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import camera_order, log_ratio, predicate


def _facts(a: SceneArrays) -> list[Facts]:
    volume, volume_sigma = log_ratio(a, a.o.volume, a.o.volume_sigma)
    return [
        _tie("same_size", a, volume, volume_sigma, RATIO_VOLUME),
        _tie("same_distance", a, *camera_order(a)),
    ]


def _tie(type_: str, a: SceneArrays, difference: F64, sigma: F64, floor: F64 | float) -> Facts:
    same = difference_same(difference, sigma, floor)
    apart = np.abs(difference) - 2.0 * sigma > floor
    return predicate(type_, a, np.stack([a.p.i, a.p.j], 1), same, apart, sigma)


FAMILY = Family(
    name="same",
    types=("same_size", "same_distance"),
    kind=Kind.PREDICATE,
    units={"same_size": "none", "same_distance": "none"},
    symmetric=True,
    facts=_facts,
    concepts={"same_size": "size order of two", "same_distance": "depth order of two"},
)
