"""`bearing_from_camera` (right positive) and `clock_from_camera`."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.facts import I64, Bool, Facts, decided_facts
from spatialgen.qa.families.direction import clock_hours
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import camera_bearing, quantity

APART_DEG = 8.0


def _apart(facts: Facts, i: I64, j: I64) -> Bool:
    limit = 0.5 if facts.type == "clock_from_camera" else APART_DEG
    return np.abs(facts.value[i] - facts.value[j]) > limit


def _facts(a: SceneArrays) -> list[Facts]:
    o = a.o
    bearing, sigma = camera_bearing(a)
    index = np.flatnonzero(o.solid & a.askable & a.s.forward[o.scene])
    bearing, sigma = bearing[index], sigma[index]
    hour, decided = clock_hours(bearing % 360.0, sigma)
    clock = decided_facts("clock_from_camera", o.scene[index], index, hour, sigma)
    return [
        quantity("bearing_from_camera", a, index, bearing, sigma, power=0, absolute=0.0),
        clock.take(decided),
    ]


FAMILY = Family(
    name="camera_bearing",
    types=("bearing_from_camera", "clock_from_camera"),
    kind=Kind.VALUED,
    units={"bearing_from_camera": "deg", "clock_from_camera": "hour"},
    facts=_facts,
    say={"bearing_from_camera": "right_left", "clock_from_camera": "hour"},
    concepts=dict.fromkeys(("bearing_from_camera", "clock_from_camera"), "direction from the camera"),
    apart=_apart,
)
