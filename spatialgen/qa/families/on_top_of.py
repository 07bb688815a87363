"""`on_top_of`: A's bottom on B's surface, and most of A's footprint inside B's."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import ON_FLOOR, UNSUPPORTED, SceneArrays
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import on_floor, predicate
from spatialgen.qa.overlaps import footprints

CONTACT_M, OFF_M = 0.03, 0.10
INSIDE_SHARE = 0.5


def _facts(a: SceneArrays) -> list[Facts]:
    p = a.p
    subjects = np.concatenate([np.stack([p.i, p.j], 1), np.stack([p.j, p.i], 1)])
    rest = np.abs(np.concatenate([p.rest_ij, p.rest_ji]))
    inside = np.concatenate([p.inside_ij, p.inside_ji])
    sigma = np.concatenate([p.rest_sigma, p.rest_sigma])
    known, prints = np.isfinite(inside), footprints(a)
    over = (inside > INSIDE_SHARE) & (prints.least_share(2.0) > INSIDE_SHARE)
    support = a.o.support[prints.i]  # what is known to stand on the floor, or on something else, may well be close by
    elsewhere = (support != UNSUPPORTED) & (support != prints.j)
    apart = (inside <= 0.0) & ((prints.largest_share(2.0) <= 0.0) | elsewhere)
    holds = (rest + sigma <= CONTACT_M) & (rest + 2.0 * sigma < OFF_M) & over
    fails = (rest - 2.0 * sigma > OFF_M) | apart
    stands_on = np.where(on_floor(a), ON_FLOOR, UNSUPPORTED)
    carried = np.flatnonzero(known & holds)
    best_last = carried[np.lexsort((-rest[carried], support[carried] == prints.j[carried]))]
    stands_on[prints.i[best_last]] = prints.j[best_last]
    return [predicate("on_top_of", a, subjects, known & holds, known & fails, sigma, instead=stands_on[prints.i])]


FAMILY = Family(name="on_top_of", types=("on_top_of",), kind=Kind.PREDICATE, units={"on_top_of": "none"}, facts=_facts)
