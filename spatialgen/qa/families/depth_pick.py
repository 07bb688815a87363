"""`closest_to_camera`, `farthest_from_camera`, `nth_closest`, `depth_order`: by the distance of the centres."""

from __future__ import annotations

import json
from dataclasses import replace

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.decide import difference_decided
from spatialgen.qa.english import ordinal
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import camera_order
from spatialgen.qa.sets import candidate_sets, pair_sigma, pick_facts

TYPES = ("closest_to_camera", "farthest_from_camera", "nth_closest")


def _facts(a: SceneArrays) -> list[Facts]:
    difference, sigma, floor = camera_order(a)
    decided = difference_decided(difference, sigma, floor)
    distance = a.o.camera_distance
    error = pair_sigma(a.o.camera_distance_sigma)
    sets = {t: candidate_sets(a, decided, distance, t) for t in TYPES}
    return [
        pick_facts("closest_to_camera", a, sets["closest_to_camera"], error, last=False),
        pick_facts("farthest_from_camera", a, sets["farthest_from_camera"], error, last=True),
        _nth(pick_facts("nth_closest", a, sets["nth_closest"], error, last=False), a),
    ]


def _nth(facts: Facts, a: SceneArrays) -> Facts:
    """Ask for the second, third ... of each set: which one follows from the set itself."""
    value, params, words = facts.value.copy(), [], []
    for row, members in enumerate(facts.subjects.tolist()):
        known = [m for m in members if m >= 0]
        order = sorted(known, key=lambda m: a.o.camera_distance[m])
        rank = 2 + int(a.o.key[known[0]]) % (len(known) - 1)
        value[row] = known.index(order[rank - 1])
        params.append(json.dumps({"rank": rank}))
        words.append(ordinal(rank))
    return replace(facts, value=value, params=params, words={"rank": words})


FAMILY = Family(
    name="depth_pick",
    types=TYPES,
    kind=Kind.PICK,
    units=dict.fromkeys(TYPES, "index"),
    upright=False,
    facts=_facts,
)
