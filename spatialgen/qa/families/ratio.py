"""`height_ratio`, `width_ratio`, `volume_ratio`: A over B; a common scale cancels."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import F64, ON_FLOOR, SceneArrays
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind, values_apart
from spatialgen.qa.measures import quantity

TYPES = ("height_ratio", "width_ratio", "volume_ratio")


def _facts(a: SceneArrays) -> list[Facts]:
    o = a.o
    width = o.x[:, 1] - o.x[:, 0]
    forward = a.s.forward[o.scene]
    height, nothing = o.size[:, 2], np.zeros(len(width))
    floor = np.where(o.support == ON_FLOOR, a.s.floor_sigma[o.scene] / height, 0.0)
    return [
        _ratio("height_ratio", a, height, o.size_sigma[:, 2] / height, floor),
        _ratio("width_ratio", a, np.where(forward, width, np.nan), o.x_sigma / width, nothing),
        _ratio("volume_ratio", a, o.volume, o.volume_sigma, nothing),
    ]


def _ratio(type_: str, a: SceneArrays, size: F64, relative_sigma: F64, shared: F64) -> Facts:
    """`shared` (M,): how much of the relative errors (M,) comes from the floor, the same for all."""
    i, j = np.concatenate([a.p.i, a.p.j]), np.concatenate([a.p.j, a.p.i])
    value = size[i] / size[j]
    own = np.sqrt(np.maximum(relative_sigma**2 - shared**2, 0.0))
    sigma = value * np.sqrt(own[i] ** 2 + own[j] ** 2 + (shared[i] - shared[j]) ** 2)
    return quantity(type_, a, np.stack([i, j], 1), value, sigma, power=0, absolute=0.0)


FAMILY = Family(
    name="ratio",
    types=TYPES,
    kind=Kind.VALUED,
    units=dict.fromkeys(TYPES, "ratio"),
    facts=_facts,
    say=dict.fromkeys(TYPES, "times"),
    scalar=frozenset(TYPES),
    apart=values_apart,
)
