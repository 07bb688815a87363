"""Multiple choice among statements: one that is so and others that are not, all about the same two objects.

The false ones come from facts of other groups of types, so that no option follows from another one. All are relations
that can be turned round: each is as often the one that is so as any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from spatialgen.qa.asks import Asks
from spatialgen.qa.facts import DECIDED
from spatialgen.qa.family import Kind
from spatialgen.qa.keys import mix_one, purpose_key

MIN_OTHERS, MAX_OTHERS = 2, 3

GROUPS = {
    "left_right": "side",
    "front_behind": "depth",
    "near_far": "depth",
    "above_below": "height",
    "higher_top": "height",
    "wide_narrow": "size",
    "tall_short": "size",
    "big_small": "size",
    "longer": "size",
}

Claim = tuple[str, int, int, bool]  # type, A, B, and whether A stands in that relation to B
Pool = dict[tuple[int, int], list[tuple[str, Claim]]]


def with_statements(blocks: Sequence[Asks], drafted: Sequence[Asks], forms: Sequence[str]) -> list[Asks]:
    """Return `blocks` with other facts, of all that were drafted, for the questions that need them.

    Those for which there are not enough become a choice.
    """
    pool = _pool(drafted)
    result: list[Asks] = []
    for block in blocks:
        if block.way != "statements":
            result.append(block)
            continue
        others = [_others(block, k, pool) for k in range(len(block))]
        enough = np.array([len(o) >= MIN_OTHERS for o in others], bool)
        if enough.any():
            result.append(replace(block, others=tuple(others)).take(enough))
        fallback = next((f for f in ("choice", "yes_no", "true_false", "open") if f in forms), None)
        if fallback and not enough.all():
            result.append(replace(block.take(~enough), form=fallback, way=""))
    return result


def _pool(blocks: Sequence[Asks]) -> Pool:
    pool: Pool = {}
    for block in blocks:
        group = GROUPS.get(block.family.name)
        if group is None or block.family.kind is not Kind.RELATION or block.way in ("tie", "telling"):
            continue
        facts = block.facts
        rows = zip(facts.subjects.tolist(), facts.value.tolist(), facts.status.tolist(), strict=True)
        for (a, b), value, status in rows:
            if status == DECIDED:
                pool.setdefault((min(a, b), max(a, b)), []).append((group, (facts.type, a, b, value > 0.5)))
    return pool


def _others(block: Asks, row: int, pool: Pool) -> tuple[Claim, ...]:
    """Up to three facts of the same pair, each of another group, in an order drawn from the question's key."""
    a, b = block.facts.subjects[row].tolist()
    seed = int(block.keys[row])
    by_group: dict[str, list[Claim]] = {}
    for group, claim in pool.get((min(a, b), max(a, b)), []):
        by_group.setdefault(group, []).append(claim)
    own = by_group.pop(GROUPS.get(block.family.name, ""), [])
    if _draw(seed, "own") % max(len(own), 1):  # a fact of a larger group is a false option less often
        return ()
    names = sorted(by_group, key=lambda g: _draw(seed, g))[:MAX_OTHERS]
    return tuple(min(by_group[g], key=lambda claim: _draw(seed, claim[0])) for g in names)


def _draw(seed: int, word: str) -> int:
    return mix_one(seed, int(purpose_key(word)))
