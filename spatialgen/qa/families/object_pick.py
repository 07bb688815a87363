"""`closest_to_object`, `farthest_from_object`, `nearest_neighbour`: by the distance of the centres."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import F64, I64, Bool, SceneArrays, norm, projected_sigma, unit
from spatialgen.qa.asks import rank_in_group
from spatialgen.qa.decide import difference_decided
from spatialgen.qa.facts import Facts, together
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.keys import draw, mix
from spatialgen.qa.measures import nearer_floor
from spatialgen.qa.sets import Candidates, candidate_sets, pick_facts, triples

REFERENCES = 3
TYPES = ("closest_to_object", "farthest_from_object", "nearest_neighbour")


def _facts(a: SceneArrays) -> list[Facts]:
    reference, i, j = triples(a, "object_pick")
    if a.max_sets is not None:
        few = _chosen_references(a)[reference]
        reference, i, j = reference[few], i[few], j[few]
    if not len(reference):
        return []
    d_i, u_i = _from(a, reference, i)
    d_j, u_j = _from(a, reference, j)
    cov = a.o.cov
    sigma = np.sqrt(
        projected_sigma(cov[i], u_i) ** 2
        + projected_sigma(cov[j], u_j) ** 2
        + projected_sigma(cov[reference], u_i - u_j) ** 2
    )
    decided = difference_decided(d_i - d_j, sigma, nearer_floor(np.minimum(d_i, d_j)))
    order = np.argsort(reference, kind="stable")
    reference, i, j, decided = reference[order], i[order], j[order], decided[order]
    starts = np.flatnonzero(np.diff(reference, prepend=-1))
    found: dict[str, list[Facts]] = {t: [] for t in TYPES}
    for begin, end in zip(starts, [*starts[1:], len(reference)], strict=True):
        for facts in _around(a, int(reference[begin]), i[begin:end], j[begin:end], decided[begin:end]):
            found[facts.type].append(facts)
    parts = [[facts for facts in rows if len(facts)] for rows in found.values()]
    return [together(rows) for rows in parts if rows]


def _chosen_references(a: SceneArrays) -> Bool:
    """A few objects of each scene, by key, to look around from: enough where not everything is asked."""
    keys = draw(mix(a.o.key, a.s.key[a.o.scene]), "reference")
    chosen: Bool = rank_in_group(a.o.scene, keys) < REFERENCES
    return chosen


def _from(a: SceneArrays, reference: I64, other: I64) -> tuple[F64, F64]:
    vector = a.o.center[other] - a.o.center[reference]
    return norm(vector), unit(vector)


def _around(a: SceneArrays, reference: int, i: I64, j: I64, decided: Bool) -> list[Facts]:
    scene = int(a.o.scene[reference])
    span = slice(int(a.first[scene]), int(a.first[scene + 1]))
    vector = a.o.center[span] - a.o.center[reference]
    distance, spread = np.zeros(len(a.askable)), np.zeros(len(a.askable))
    distance[span] = norm(vector)
    spread[span] = projected_sigma(a.o.cov[span], unit(vector))

    def error(one: int, other: int) -> float:
        return float(np.hypot(spread[one], spread[other]))

    close = candidate_sets(a, decided, distance, f"closest {a.o.key[reference]}", i, j)[:2]
    far = candidate_sets(a, decided, distance, f"farthest {a.o.key[reference]}", i, j)[:2]
    return [
        pick_facts("closest_to_object", a, close, error, last=False, reference=reference),
        pick_facts("farthest_from_object", a, far, error, last=True, reference=reference),
        pick_facts("nearest_neighbour", a, _everything(a, reference, close), error, last=False, reference=reference),
    ]


def _everything(a: SceneArrays, reference: int, sets: list[Candidates]) -> list[Candidates]:
    """Only a set with all other objects of the picture tells who the nearest neighbour is."""
    scene = int(a.o.scene[reference])
    others = int(a.first[scene + 1] - a.first[scene]) - 1
    return [s for s in sets if len(s.members) == others]


FAMILY = Family(name="object_pick", types=TYPES, kind=Kind.PICK, units=dict.fromkeys(TYPES, "index"), facts=_facts)
