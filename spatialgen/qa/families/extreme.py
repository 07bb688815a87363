"""`tallest`, `widest`, `biggest`, `leftmost`, `rightmost`, `highest`: one of several objects."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import F64, Bool, SceneArrays
from spatialgen.qa.decide import RATIO_SIZE, RATIO_VOLUME, difference_decided
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import level_sigma, log_ratio, side_order
from spatialgen.qa.sets import candidate_sets, pair_sigma, pick_facts

TYPES = ("tallest", "widest", "biggest", "leftmost", "rightmost", "highest")
SIDE_FLOOR_M, TOP_FLOOR_M = 0.10, 0.05


def _facts(a: SceneArrays) -> list[Facts]:
    o = a.o
    width = o.x[:, 1] - o.x[:, 0]
    height_error, width_error = o.size_sigma[:, 2] / o.size[:, 2], o.x_sigma / width
    forward = a.s.forward[a.p.scene]
    across, across_sigma, same_side = side_order(a)
    sides = difference_decided(across, across_sigma, SIDE_FLOOR_M) & same_side
    x_error = np.sqrt(o.cov[:, 0, 0])
    return [
        _pick("tallest", a, _by_ratio(a, o.size[:, 2], height_error, RATIO_SIZE), o.size[:, 2], height_error),
        _pick("widest", a, forward & _by_ratio(a, width, width_error, RATIO_SIZE), width, width_error),
        _pick("biggest", a, _by_ratio(a, o.volume, o.volume_sigma, RATIO_VOLUME), o.volume, o.volume_sigma),
        _pick("leftmost", a, sides, o.center[:, 0], x_error, last=False),
        _pick("rightmost", a, sides, o.center[:, 0], x_error),
        _pick("highest", a, _tops(a), o.z[:, 1], o.z_sigma[:, 1]),
    ]


def _by_ratio(a: SceneArrays, size: F64, relative_sigma: F64, floor: float) -> Bool:
    return difference_decided(*log_ratio(a, size, relative_sigma), floor)


def _tops(a: SceneArrays) -> Bool:
    i, j = a.p.i, a.p.j
    return difference_decided(a.o.z[i, 1] - a.o.z[j, 1], level_sigma(a, i, 1, j, 1), TOP_FLOOR_M)


def _pick(type_: str, a: SceneArrays, decided: Bool, value: F64, error: F64, last: bool = True) -> Facts:
    return pick_facts(type_, a, candidate_sets(a, decided, value, type_), pair_sigma(error), last)


FAMILY = Family(name="extreme", types=TYPES, kind=Kind.PICK, units=dict.fromkeys(TYPES, "index"), facts=_facts)
