"""`facing`: which way an object's front points, where its orientation is known.

Silent where it makes a difference whether "away from the viewer" is along the line of sight to the object or straight
ahead, and within 10 degrees of a border of either.
"""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import F64, SceneArrays
from spatialgen.qa.facts import Facts, decided_facts
from spatialgen.qa.family import Family, Kind, classes_apart
from spatialgen.qa.measures import camera_bearing

SECTOR_DEG, MARGIN_DEG = 90.0, 10.0


def _facts(a: SceneArrays) -> list[Facts]:
    """The value is the sector of the front: 0 away from the viewer, 1 right, 2 towards the viewer, 3 left."""
    o = a.o
    known = o.solid & a.askable & a.s.forward[o.scene] & np.isfinite(o.facing)
    index = np.flatnonzero(known)
    bearing, bearing_sigma = camera_bearing(a)
    facing, sigma = o.facing[index], np.hypot(o.facing_sigma[index], bearing_sigma[index])
    sector, inside = _sector(facing)
    seen_sector, seen_inside = _sector(facing - bearing[index])
    sure = np.minimum(inside, seen_inside) > np.maximum(MARGIN_DEG, 2.0 * sigma)
    facts = decided_facts("facing", o.scene[index], index, sector, sigma)
    return [facts.take(sure & (sector == seen_sector))]


def _sector(angle_deg: F64) -> tuple[F64, F64]:
    """Return the sector of a compass direction, and how far it is from the border of it."""
    inside = SECTOR_DEG / 2.0 - np.abs((angle_deg + 45.0) % SECTOR_DEG - 45.0)
    return np.rint(angle_deg / SECTOR_DEG) % 4, inside


FAMILY = Family(
    name="facing",
    types=("facing",),
    kind=Kind.VALUED,
    units={"facing": "index"},
    facts=_facts,
    say={"facing": "facing"},
    apart=classes_apart,
)
