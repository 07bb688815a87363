"""`inside`: nearly all of A's box in that of a container."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import ON_FLOOR, UNSUPPORTED, SceneArrays
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import on_floor, predicate
from spatialgen.qa.names import words_of
from spatialgen.qa.overlaps import footprints, levels, share_of

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
    container = np.array([not CONTAINERS.isdisjoint(words_of(head)) for head in a.heads], bool)
    prints, (overlap, overlap_sigma) = footprints(a), levels(a)
    i, j = prints.i, prints.j
    height = a.o.size[i, 2]
    share = prints.least_share(0.0) * share_of(overlap, height)
    least = prints.least_share(2.0) * share_of(overlap - 2.0 * overlap_sigma, height)
    largest = prints.largest_share(2.0) * share_of(overlap + 2.0 * overlap_sigma, height)
    holds = (share >= INSIDE) & (least > OUTSIDE) & container[j]
    fails = largest < OUTSIDE
    wondered = np.where(container[j], 1.0, 0.0)  # whether a sofa is in a mug is true or false, but no question
    sigma, subjects = (largest - least) / 4.0, np.stack([i, j], 1)
    floor = np.where(on_floor(a)[i], ON_FLOOR, UNSUPPORTED)
    return [predicate("inside", a, subjects, holds, fails, sigma, margin=wondered, instead=floor)]


FAMILY = Family(name="inside", types=("inside",), kind=Kind.PREDICATE, units={"inside": "none"}, facts=_facts)
