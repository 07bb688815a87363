"""`distance_to_camera` of an object's centre, `nearest_depth` of its visible surface."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind, values_apart
from spatialgen.qa.measures import quantity

TYPES = ("distance_to_camera", "nearest_depth")


def _facts(a: SceneArrays) -> list[Facts]:
    o = a.o
    solid, seen = np.flatnonzero(o.solid & a.askable), np.flatnonzero(a.askable)
    return [
        quantity("distance_to_camera", a, solid, o.camera_distance[solid], o.camera_distance_sigma[solid]),
        quantity("nearest_depth", a, seen, o.near_depth[seen], o.depth_sigma[seen]),
    ]


FAMILY = Family(
    name="camera_distance",
    types=TYPES,
    kind=Kind.VALUED,
    units=dict.fromkeys(TYPES, "m"),
    facts=_facts,
    say=dict.fromkeys(TYPES, "length"),
    concepts=dict.fromkeys(TYPES, "how far away"),
    scalar=frozenset(TYPES),
    apart=values_apart,
)
