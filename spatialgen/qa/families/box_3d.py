"""`box_3d`: centre, length, width, height and yaw of the upright box.

Only where there is a floor: the questions do not say where the origin is, so it has to be in the same place everywhere.
"""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.decide import quantity_decided
from spatialgen.qa.facts import I64, Bool, Facts, decided_facts
from spatialgen.qa.family import Family, Kind

MAX_YAW_SIGMA_DEG = 7.5
CENTER_SHARE = 0.05  # of the distance to the camera
APART_M = 0.3


def _apart(facts: Facts, i: I64, j: I64) -> Bool:
    assert facts.values is not None
    apart: Bool = np.max(np.abs(facts.values[i, :3] - facts.values[j, :3]), axis=1) > APART_M
    return apart


def _facts(a: SceneArrays) -> list[Facts]:
    o = a.o
    index = np.flatnonzero(o.solid & a.askable & a.s.forward[o.scene] & a.s.floor[o.scene])
    scale = a.s.scale_sigma[o.scene[index]]
    size, distance = o.size[index], o.camera_distance[index]
    spread = np.sqrt(o.cov[index, 0, 0] + o.cov[index, 1, 1] + o.cov[index, 2, 2])
    center_sigma = np.hypot(spread, distance * scale)
    decided = 2.0 * center_sigma <= np.maximum(2.0 * CENTER_SHARE * distance, 0.01)
    for side in range(3):
        decided &= quantity_decided(size[:, side], np.hypot(o.size_sigma[index, side], size[:, side] * scale))
    decided &= np.isnan(o.yaw[index]) | (o.yaw_sigma[index] <= MAX_YAW_SIGMA_DEG)
    values = np.concatenate([o.center[index], size, o.yaw[index, None]], axis=1)
    nothing = np.full(len(index), np.nan)
    return [decided_facts("box_3d", o.scene[index], index, nothing, center_sigma, values=values).take(decided)]


FAMILY = Family(
    name="box_3d",
    types=("box_3d",),
    kind=Kind.VALUED,
    units={"box_3d": "m"},
    facts=_facts,
    say={"box_3d": "box_3d"},
    apart=_apart,
)
