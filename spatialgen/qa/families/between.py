"""`between`: A's centre lies between those of B and C, and close to the line that joins them."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import SceneArrays, norm
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import predicate
from spatialgen.qa.sets import triples

ALONG, NOT_ALONG = 0.15, -0.10  # share of the line, from either end
NEAR_LINE, OFF_LINE = 0.15, 0.40  # distance from the line, in lengths of it


def _facts(a: SceneArrays) -> list[Facts]:
    one, b, c = triples(a, "between")
    line = a.o.center[c] - a.o.center[b]
    length = np.maximum(norm(line), 1e-9)
    direction = line / length[:, None]
    offset = a.o.center[one] - a.o.center[b]
    along = (offset * direction).sum(axis=1) / length
    away = norm(offset - (along * length)[:, None] * direction) / length
    inwards = np.minimum(along, 1.0 - along)
    spread = [np.trace(a.o.cov[k], axis1=1, axis2=2) for k in (one, b, c)]
    sigma = np.sqrt(spread[0] + spread[1] + spread[2]) / length
    holds = (inwards - 2.0 * sigma >= ALONG) & (away + 2.0 * sigma <= NEAR_LINE)
    out = np.hypot(away, np.maximum(-inwards, 0.0)) - 2.0 * sigma
    clear = out * length > norm(a.o.size[one]) / 2.0  # nor does any part of a large thing reach the line
    fails = ((inwards + 2.0 * sigma <= NOT_ALONG) | (away - 2.0 * sigma >= OFF_LINE)) & clear
    return [predicate("between", a, np.stack([one, b, c], 1), holds, fails, sigma * length)]


FAMILY = Family(
    name="between",
    types=("between",),
    kind=Kind.PREDICATE,
    units={"between": "none"},
    facts=_facts,
)
