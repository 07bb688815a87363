"""`facing`: which way an object's front points, where its orientation is known."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.facts import Facts, decided_facts
from spatialgen.qa.family import Family, Kind, classes_apart

SECTOR_DEG, MARGIN_DEG = 90.0, 10.0


def _facts(a: SceneArrays) -> list[Facts]:
    """The value is the sector of the front: 0 away from the viewer, 1 right, 2 towards the viewer, 3 left."""
    o = a.o
    known = o.solid & a.askable & a.s.forward[o.scene] & np.isfinite(o.facing)
    index = np.flatnonzero(known)
    facing, sigma = o.facing[index], o.facing_sigma[index]
    sector = np.rint(facing / SECTOR_DEG) % 4
    inside = SECTOR_DEG / 2.0 - np.abs((facing + 45.0) % SECTOR_DEG - 45.0)
    facts = decided_facts("facing", o.scene[index], index, sector, sigma)
    return [facts.take(inside > np.maximum(MARGIN_DEG, 2.0 * sigma))]


FAMILY = Family(
    name="facing",
    types=("facing",),
    kind=Kind.VALUED,
    units={"facing": "index"},
    facts=_facts,
    say={"facing": "facing"},
    apart=classes_apart,
)
