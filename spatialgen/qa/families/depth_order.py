"""`depth_order`: 3 to 7 objects from the nearest to the farthest."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.decide import difference_decided
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import camera_order
from spatialgen.qa.sets import candidate_sets


def _facts(a: SceneArrays) -> list[Facts]:
    difference, sigma, floor = camera_order(a)
    decided = difference_decided(difference, sigma, floor)
    sets = candidate_sets(a, decided, a.o.camera_distance, "depth_order")
    n, width = len(sets), max((len(s.members) for s in sets), default=0)
    subjects = np.full((n, width), -1, np.int64)
    error = np.zeros(n)
    for row, chosen in enumerate(sets):
        subjects[row, : len(chosen.members)] = chosen.members
        error[row] = float(np.max(a.o.camera_distance_sigma[list(chosen.members)])) * np.sqrt(2.0)
    return [
        Facts(
            type="depth_order",
            scene=np.array([s.scene for s in sets], np.int64),
            subjects=subjects,
            value=np.full(n, np.nan),
            sigma=error,
            status=np.zeros(n, np.int8),
            margin=np.full(n, 1.5),
        )
    ]


FAMILY = Family(
    name="depth_order",
    types=("depth_order",),
    kind=Kind.ORDER,
    units={"depth_order": "index"},
    upright=False,
    facts=_facts,
)
