"""Words for one of several, and for several in order."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.asks import Asks
from spatialgen.qa.columns import either, rows_of
from spatialgen.qa.english import listed
from spatialgen.qa.keys import U64, below, coin, draw
from spatialgen.qa.names import Naming
from spatialgen.qa.phrase import Wording, wording
from spatialgen.qa.writing import (
    Words,
    Written,
    joined,
    lettered_options,
    pick,
    put_claim,
    shuffled,
)

ORDER_DRAWS = 10  # of which enough are different, even of three things
WRONG_ORDERS = 3


def write_pick(asks: Asks, naming: Naming, units: str) -> Written:
    facts, own = asks.facts, wording(asks.family.name, asks.type)
    winners = facts.value.astype(int).tolist()
    first = int(asks.type in _WITH_REFERENCE)
    members = [[k for k in row if k >= 0][first:] for row in facts.subjects.tolist()]
    best = [m[w - first] for m, w in zip(members, winners, strict=True)]
    names = [[naming.phrases[k] for k in m] for m in members]
    words: Words = dict(facts.words or {})
    words |= {"or_list": [listed(n, "or") for n in names], "and_list": [listed(n, "and") for n in names]}
    words["w"] = [naming.phrases[k] for k in best]
    if first:
        words["r"] = rows_of(naming.phrases, facts.subjects[:, 0])
    if asks.form == "choice":
        questions, question_ids = pick(own.of("choice"), asks.keys, "question", words)
        answers, answer_ids = pick(own.of("statement.") + own.of("short"), asks.keys, "answer", words)
        return Written(questions, answers, joined(question_ids, answer_ids))
    if asks.form == "open":
        questions, question_ids = pick(own.of("open"), asks.keys, "question", words)
        answers, answer_ids = pick(own.of("statement.") + own.of("among."), asks.keys, "answer", words)
        return Written(questions, answers, joined(question_ids, answer_ids))
    if asks.form == "multiple_choice":
        stems, stem_ids = pick(own.of("stem"), asks.keys, "question", words)
        right = [w - first for w in winners]
        return lettered_options(stems, stem_ids, names, right, asks.keys)
    return _claimed_pick(
        asks, own, words, [[k for k in m if k != b] for m, b in zip(members, best, strict=True)], naming
    )


_WITH_REFERENCE = frozenset({"closest_to_object", "farthest_from_object", "nearest_neighbour"})


def _claimed_pick(asks: Asks, own: Wording, words: Words, losers: list[list[int]], naming: Naming) -> Written:
    """Claim that the winner, or else one of the others, is the one: each half of the time."""
    said = coin(asks.keys, "said")
    turns = below(asks.keys, "loser", np.array([len(rest) for rest in losers], np.int64)).tolist()
    other = [naming.phrases[rest[k]] for rest, k in zip(losers, turns, strict=True)]
    claim_words = words | {"w": either(said, words["w"], other)}
    return put_claim(asks, own, words, claim_words, said)


def write_order(asks: Asks, naming: Naming, units: str) -> Written:
    own = wording(asks.family.name, asks.type)
    members = [[naming.phrases[k] for k in row if k >= 0] for row in asks.facts.subjects.tolist()]
    mixed = _orders(members, asks.keys, ORDER_DRAWS)
    words: Words = {
        "and_list": [listed(orders[0], "and") for orders in mixed],
        "order": [", ".join(names) for names in members],
    }
    if asks.form == "open":
        questions, question_ids = pick(own.of("open"), asks.keys, "question", words)
        answers, answer_ids = pick(own.of("statement.") + own.of("short"), asks.keys, "answer", words)
        return Written(questions, answers, joined(question_ids, answer_ids))
    wrong = [[o for o in orders[1:] if o != m] for orders, m in zip(mixed, members, strict=True)]
    if asks.form == "multiple_choice":
        stems, stem_ids = pick(own.of("open"), asks.keys, "question", words)
        options = [[", ".join(o) for o in [m, *_unique(w)[:WRONG_ORDERS]]] for m, w in zip(members, wrong, strict=True)]
        return lettered_options(stems, stem_ids, *shuffled(options, [0] * len(options), asks.keys), asks.keys)
    said = coin(asks.keys, "said")
    other = [", ".join(w[0]) if w else ", ".join(m[::-1]) for m, w in zip(members, wrong, strict=True)]
    return put_claim(asks, own, words, words | {"order": either(said, words["order"], other)}, said)


def _unique(orders: list[list[str]]) -> list[list[str]]:
    return [order for k, order in enumerate(orders) if order not in orders[:k]]


def _orders(members: list[list[str]], keys: U64, n: int) -> list[list[list[str]]]:
    """n + 1 orders of each row's names, drawn by its key."""
    width = max(len(names) for names in members)
    result: list[list[list[str]]] = [[] for _ in members]
    for attempt in range(n + 1):
        draws = np.stack([draw(keys, f"order {attempt} {k}") for k in range(width)], axis=1)
        for row, names in enumerate(members):
            order = np.argsort(draws[row, : len(names)], kind="stable").tolist()
            result[row].append([names[k] for k in order])
    return result
