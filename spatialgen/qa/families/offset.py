"""`lateral_offset`, `forward_offset`: signed differences of the centres; the text names the side."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind, values_apart
from spatialgen.qa.measures import both_orders, quantity

SURELY = 2.0  # sigmas from zero, so that the side that the text names is right


def _facts(a: SceneArrays) -> list[Facts]:
    i, j, vector, cov = both_orders(a)
    pairs = np.stack([i, j], axis=1)
    forward = a.s.forward[a.o.scene[i]]
    result = []
    for axis, type_ in enumerate(("lateral_offset", "forward_offset")):
        value, sigma = -vector[:, axis], np.sqrt(cov[:, axis, axis])
        asked = forward & (np.abs(value) > SURELY * sigma)
        result.append(quantity(type_, a, pairs, value, sigma, asked))
    return result


FAMILY = Family(
    name="offset",
    types=("lateral_offset", "forward_offset"),
    kind=Kind.VALUED,
    units={"lateral_offset": "m", "forward_offset": "m"},
    facts=_facts,
    say={"lateral_offset": "sideways", "forward_offset": "forward"},
    apart=values_apart,
)
