"""`longer`: by the longest side of the upright box, height included."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import F64, SceneArrays
from spatialgen.qa.decide import RATIO_SIZE
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import ratio_relation


def longest_side(a: SceneArrays) -> tuple[F64, F64]:
    """Return the longest side of each box and its error, (M,) m: that of a side which may yet be longer counts too."""
    axis = np.argmax(np.nan_to_num(a.o.size), axis=1)[:, None]
    side = np.take_along_axis(a.o.size, axis, axis=1)
    beyond = ((a.o.size + 2.0 * a.o.size_sigma - side) / 2.0).max(axis=1)
    return side[:, 0], np.maximum(beyond, np.take_along_axis(a.o.size_sigma, axis, axis=1)[:, 0])


def _facts(a: SceneArrays) -> list[Facts]:
    side, sigma = longest_side(a)
    return [ratio_relation("longer", a, side, sigma / side, RATIO_SIZE)]


FAMILY = Family(name="longer", types=("longer",), kind=Kind.RELATION, units={"longer": "none"}, facts=_facts)
