"""`inside`: nearly all of A's box in that of a container."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import predicate
from spatialgen.qa.names import words_of

INSIDE, OUTSIDE = 0.90, 0.10
CONTAINERS = frozenset(
    [
        "aquarium",
        "bag",
        "barrel",
        "basin",
        "basket",
        "bathtub",
        "bin",
        "bookshelf",
        "bowl",
        "box",
        "bucket",
        "cabinet",
        "cage",
        "cart",
        "case",
        "chest",
        "container",
        "crate",
        "crib",
        "cupboard",
        "drawer",
        "dresser",
        "fridge",
        "locker",
        "microwave",
        "oven",
        "pan",
        "pot",
        "rack",
        "sack",
        "shelf",
        "sink",
        "suitcase",
        "tank",
        "tray",
        "trolley",
        "trunk",
        "tub",
        "vase",
        "wardrobe",
    ]
)


def _facts(a: SceneArrays) -> list[Facts]:
    p = a.p
    container = np.array([not CONTAINERS.isdisjoint(words_of(head)) for head in a.heads], bool)
    i, j = np.concatenate([p.i, p.j]), np.concatenate([p.j, p.i])
    footprint = np.concatenate([p.inside_ij, p.inside_ji])
    overlap = np.minimum(a.o.z[i, 1], a.o.z[j, 1]) - np.maximum(a.o.z[i, 0], a.o.z[j, 0])
    height = a.o.size[i, 2]
    share = footprint * np.clip(overlap / height, 0.0, 1.0)
    sigma = 2.0 * np.hypot(a.o.z_sigma[i, 0], a.o.size_sigma[i, 0]) / np.maximum(height, a.o.size[i, 1])
    holds = (share >= INSIDE) & (share - 2.0 * sigma > OUTSIDE) & container[j]
    fails = (share == 0.0) | (share + 2.0 * sigma < OUTSIDE)
    wondered = np.where(container[j], 1.0, 0.0)  # whether a sofa is in a mug is true or false, but no question
    return [predicate("inside", a, np.stack([i, j], 1), holds, fails, sigma, margin=wondered)]


FAMILY = Family(name="inside", types=("inside",), kind=Kind.PREDICATE, units={"inside": "none"}, facts=_facts)
