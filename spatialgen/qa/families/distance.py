"""`distance`, `horizontal_distance`, `vertical_distance`: between the centres."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import SceneArrays, length_sigma, norm
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind, values_apart
from spatialgen.qa.measures import quantity

TYPES = ("distance", "horizontal_distance", "vertical_distance")


def _facts(a: SceneArrays) -> list[Facts]:
    p = a.p
    pairs = np.stack([p.i, p.j], axis=1)
    flat = p.delta * np.array([1.0, 1.0, 0.0])
    return [
        quantity("distance", a, pairs, norm(p.delta), length_sigma(p.cov, p.delta)),
        quantity("horizontal_distance", a, pairs, norm(flat), length_sigma(p.cov, flat, 2)),
        quantity("vertical_distance", a, pairs, np.abs(p.delta[:, 2]), np.sqrt(p.cov[:, 2, 2])),
    ]


FAMILY = Family(
    name="distance",
    types=TYPES,
    kind=Kind.VALUED,
    units=dict.fromkeys(TYPES, "m"),
    facts=_facts,
    say=dict.fromkeys(TYPES, "length"),
    concepts={"distance": "how far apart", "horizontal_distance": "how far apart"},
    scalar=frozenset(TYPES),
    apart=values_apart,
)
