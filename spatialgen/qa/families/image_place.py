"""`image_third`, `image_coverage`, `box_2d`: where an object is in the picture, of its visible mask."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.facts import I64, Bool, Facts, decided_facts
from spatialgen.qa.family import Family, Kind, classes_apart
from spatialgen.qa.grid import to_grid
from spatialgen.qa.measures import quantity

THIRD_MARGIN = 0.02  # of the width, on both sides of a border
EDGE_SIGMA_PX = 0.15  # of a mask's whole edge, inwards or outwards
BOX_APART = 30.0  # of 1000


def boxes_apart(facts: Facts, i: I64, j: I64) -> Bool:
    """Return where two boxes or points differ clearly on the 0..999 grid."""
    assert facts.values is not None
    apart: Bool = np.max(np.abs(facts.values[i] - facts.values[j]), axis=1) > BOX_APART
    return apart


def _apart(facts: Facts, i: I64, j: I64) -> Bool:
    if facts.type == "box_2d":
        return boxes_apart(facts, i, j)
    return classes_apart(facts, i, j) if facts.type == "image_third" else values_apart_share(facts, i, j)


def values_apart_share(facts: Facts, i: I64, j: I64) -> Bool:
    """Return where two shares of the picture differ by 40 %."""
    a, b = facts.value[i], facts.value[j]
    apart: Bool = np.abs(a - b) > np.maximum(0.4 * np.maximum(a, b), 0.004)
    return apart


def _facts(a: SceneArrays) -> list[Facts]:
    o = a.o
    index = np.flatnonzero(a.askable)
    scene, size = o.scene[index], a.s.size_wh[o.scene[index]]
    across = (o.centroid[index, 0] + 0.5) / size[:, 0]
    third = np.clip(np.floor(3.0 * across), 0.0, 2.0)
    border = np.minimum(np.abs(across - 1.0 / 3.0), np.abs(across - 2.0 / 3.0))
    box = o.box[index]
    coverage = o.pixels[index] / (size[:, 0] * size[:, 1])
    edge = 2.0 * (box[:, 2] - box[:, 0] + box[:, 3] - box[:, 1]) * EDGE_SIGMA_PX / (size[:, 0] * size[:, 1])
    grid = to_grid(box, size)
    nothing = np.full(len(index), np.nan)
    thirds = decided_facts("image_third", scene, index, third, np.zeros(len(index)), 10.0 * border)
    return [
        thirds.take(border > THIRD_MARGIN),
        quantity("image_coverage", a, index, coverage, edge, power=0, absolute=0.0),
        decided_facts("box_2d", scene, index, nothing, nothing, values=grid),
    ]


FAMILY = Family(
    name="image_place",
    types=("image_third", "image_coverage", "box_2d"),
    kind=Kind.VALUED,
    units={"image_third": "index", "image_coverage": "ratio", "box_2d": "px1000"},
    upright=False,
    facts=_facts,
    say={"image_third": "third", "image_coverage": "share", "box_2d": "box"},
    scalar=frozenset({"image_coverage"}),
    apart=_apart,
)
