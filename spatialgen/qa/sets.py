"""Sets of three and more objects of a scene: triples, and candidates among which one can be picked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spatialgen.qa.arrays import F64, I64, Bool, SceneArrays
from spatialgen.qa.facts import Facts
from spatialgen.qa.keys import draw, mix, mix_one, purpose_key

MIN_SET, MAX_SET = 3, 7
SET_SIZES = (7, 4, 3, 5)


def triples(a: SceneArrays, purpose: str) -> tuple[I64, I64, I64]:
    """Return (one, b, c) for every askable solid object with every pair of others of its scene.

    The pair is in key order. With `a.max_sets`, that many triples a scene are kept, by their keys.
    """
    blocks = [np.zeros((0, 3), np.int64)]
    usable = a.o.solid & a.askable
    for n in range(len(a.scenes)):
        members = a.first[n] + np.flatnonzero(usable[a.first[n] : a.first[n + 1]])
        if len(members) >= 3:
            members = members[np.argsort(a.o.key[members], kind="stable")]
            blocks.append(_limited(a, n, _scene_triples(members), purpose))
    rows = np.concatenate(blocks)
    return rows[:, 0], rows[:, 1], rows[:, 2]


def _scene_triples(members: I64) -> I64:
    n = len(members)
    b, c = np.triu_indices(n, 1)
    one = np.repeat(np.arange(n), len(b))
    b, c = np.tile(b, n), np.tile(c, n)
    apart = (one != b) & (one != c)
    return np.stack([members[one[apart]], members[b[apart]], members[c[apart]]], axis=1)


def _limited(a: SceneArrays, n: int, rows: I64, purpose: str) -> I64:
    if a.max_sets is None or len(rows) <= a.max_sets:
        return rows
    key = mix(mix(mix(a.o.key[rows[:, 0]], a.o.key[rows[:, 1]]), a.o.key[rows[:, 2]]), a.s.key[n])
    return rows[np.sort(np.argsort(draw(key, purpose), kind="stable")[: a.max_sets])]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Sets in which every neighbouring pair is decided: members in order of the measure, smallest first."""

    scene: int
    members: tuple[int, ...]


def candidate_sets(
    a: SceneArrays,
    decided: Bool,
    value: F64,
    purpose: str,
    i: I64 | None = None,
    j: I64 | None = None,
) -> list[Candidates]:
    """Return, for each scene, up to four keyed sets of 3 to 7 objects that `value` (M,) surely puts in order.

    `decided` (P,) says which pairs (i, j), of `a.p` unless given, are decided. Sets grow object by object, in an
    order drawn from the key, by what is decided against all that are already in.
    """
    i, j = a.p.i if i is None else i, a.p.j if j is None else j
    neighbours: dict[int, set[int]] = {}
    for one, other in zip(i[decided].tolist(), j[decided].tolist(), strict=True):
        neighbours.setdefault(one, set()).add(other)
        neighbours.setdefault(other, set()).add(one)
    by_scene: dict[int, list[int]] = {}
    for k in neighbours:
        by_scene.setdefault(int(a.o.scene[k]), []).append(k)
    result = []
    for scene in sorted(by_scene):
        for members in _grown(a, scene, by_scene[scene], neighbours, purpose):
            result += [Candidates(scene, tuple(sorted(members, key=lambda k: value[k])))]
    return result


def _grown(
    a: SceneArrays, scene: int, members: list[int], neighbours: dict[int, set[int]], purpose: str
) -> list[frozenset[int]]:
    keys = mix(a.o.key[members], a.s.key[scene]).tolist()
    found: list[frozenset[int]] = []
    for limit in SET_SIZES:
        part = int(purpose_key(f"{purpose} {limit}"))
        order = sorted(range(len(members)), key=[mix_one(key, part) for key in keys].__getitem__)
        grown: set[int] = set()
        for k in order:
            if len(grown) < limit and grown <= neighbours[members[k]]:
                grown.add(members[k])
        if len(grown) >= MIN_SET and frozenset(grown) not in found:
            found.append(frozenset(grown))
    return found


def pick_facts(
    type_: str,
    a: SceneArrays,
    sets: list[Candidates],
    sigma: Callable[[int, int], float],
    last: bool,
    reference: int | None = None,
) -> Facts:
    """Return "which of these": the first in order of each set, or the last. `sigma` of the winner's difference.

    `subjects` lists the reference, if any, then the candidates in key order; the value is the winner's index.
    """
    width = 1 + max((len(s.members) for s in sets), default=0)
    subjects = np.full((len(sets), width), -1, np.int64)
    value, errors = np.zeros(len(sets)), np.zeros(len(sets))
    for row, chosen in enumerate(sets):
        winner, second = (chosen.members[-1], chosen.members[-2]) if last else chosen.members[:2]
        listed = _shuffled(a, chosen)
        whole = listed if reference is None else [reference, *listed]
        subjects[row, : len(whole)] = whole
        value[row] = whole.index(winner)
        errors[row] = sigma(winner, second)
    scene = np.array([s.scene for s in sets], np.int64)
    n = len(sets)
    return Facts(
        type=type_,
        scene=scene,
        subjects=subjects,
        value=value,
        sigma=errors,
        status=np.zeros(n, np.int8),
        margin=np.full(n, 1.5),
    )


def _shuffled(a: SceneArrays, chosen: Candidates) -> list[int]:
    """The candidates in an order drawn from the set itself, so that the winner's place tells nothing."""
    keys = {k: int(a.o.key[k]) for k in chosen.members}
    part = int(a.s.key[chosen.scene])
    for key in keys.values():
        part ^= key
    return sorted(keys, key=lambda k: mix_one(keys[k], part))


def pair_sigma(sigma: F64) -> Callable[[int, int], float]:
    """Return the error of a difference between two objects with independent errors `sigma` (M,)."""
    return lambda one, other: float(np.hypot(sigma[one], sigma[other]))
