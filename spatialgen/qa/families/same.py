"""`same_size`, `same_distance`: about equal, within the margin of `bigger` and of `nearer`, or surely not."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import F64, SceneArrays
from spatialgen.qa.decide import RATIO_VOLUME, difference_same
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import camera_order, log_ratio, predicate, tellable


def _facts(a: SceneArrays) -> list[Facts]:
    volume, volume_sigma = log_ratio(a, a.o.volume, a.o.volume_sigma)
    ratio = np.exp(np.abs(volume))
    distance, distance_sigma, floor = camera_order(a)
    told = tellable(a, a.p.scene, ratio, ratio * volume_sigma, power=0)
    farther = tellable(a, a.p.scene, distance, distance_sigma)
    return [
        _tie("same_size", a, volume, volume_sigma, RATIO_VOLUME, told),
        _tie("same_distance", a, distance, distance_sigma, floor, farther),
    ]


def _tie(type_: str, a: SceneArrays, difference: F64, sigma: F64, floor: F64 | float, told: F64) -> Facts:
    same = difference_same(difference, sigma, floor)
    apart = np.abs(difference) - 2.0 * sigma > floor
    return predicate(type_, a, np.stack([a.p.i, a.p.j], 1), same, apart, sigma, told=told)


FAMILY = Family(
    name="same",
    types=("same_size", "same_distance"),
    kind=Kind.PREDICATE,
    units={"same_size": "none", "same_distance": "none"},
    symmetric=True,
    facts=_facts,
    say={"same_size": "times"},
    concepts={"same_size": "size order of two", "same_distance": "depth order of two"},
)
