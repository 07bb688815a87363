"""Which form each fact is asked in, so that nothing but the picture tells the answer.

Relations are balanced by drawing the order of mention and the direction. What cannot be turned round is evened
out inside each scene: rare facts that hold against as many that fail; values against each other, where every value
of a small group is the right answer once and an option as often as the others. The rest is asked openly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.asks import Asks, group_sizes, rank_in_group
from spatialgen.qa.facts import DECIDED, I64, SAME, UNKNOWN, Bool, Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.keys import U64, below, coin, draw, mix, mix_one, text_key, text_keys, uniform
from spatialgen.qa.types import INVERSE

OPEN_SHARE = 0.4
FOURS_SHARE = 0.3
MIN_RIVALS, MAX_RIVALS = 2, 3


def fact_keys(a: SceneArrays, facts: Facts) -> U64:
    """Return the key of each fact: image, seed, type, subjects and params."""
    keys = mix(a.s.key[facts.scene], text_key("type", facts.type))
    for column in range(facts.subjects.shape[1]):
        subject = facts.subjects[:, column]
        keys = np.where(subject >= 0, mix(keys, a.o.key[subject]), keys)
    return keys if facts.params is None else mix(keys, text_keys(facts.params))


def allocate(family: Family, facts: Facts, a: SceneArrays, types: frozenset[str], forms: Sequence[str]) -> list[Asks]:
    """Return the questions to ask about facts of one type, all of them once at least where a form allows it."""
    if not len(facts):
        return []
    keys = fact_keys(a, facts)
    if family.kind is Kind.RELATION:
        return _relations(family, facts, keys, types, forms)
    if family.kind is Kind.PREDICATE:
        return _predicates(family, facts, keys, forms)
    if family.kind is Kind.VALUED:
        return _values(family, facts, keys, forms)
    possible = ["choice", "multiple_choice", "yes_no", "true_false", "open"]
    if family.kind is Kind.ORDER:
        possible = ["open", "multiple_choice", "yes_no", "true_false"]
    return _by_form(family, facts, keys, [f for f in possible if f in forms])


def _by_form(family: Family, facts: Facts, keys: U64, forms: Sequence[str]) -> list[Asks]:
    if not forms:
        return []
    chosen = below(keys, "form", len(forms))
    blocks = []
    for k, form in enumerate(forms):
        rows = np.flatnonzero(chosen == k)
        if len(rows):
            blocks.append(Asks(family=family, form=form, facts=facts.take(rows), keys=mix(keys[rows], text_key(form))))
    return blocks


def _relations(family: Family, facts: Facts, keys: U64, types: frozenset[str], forms: Sequence[str]) -> list[Asks]:
    """Draw who is mentioned first and, of a type and its inverse, which one is asked."""
    turned = coin(keys, "order")
    inverse = INVERSE.get(facts.type)
    other = np.zeros(len(facts), bool)
    if inverse in types:
        other = coin(keys, "direction") if facts.type in types else np.ones(len(facts), bool)
    subjects = np.where(turned[:, None], facts.subjects[:, ::-1], facts.subjects)
    value = np.where(turned != other, 1.0 - facts.value, facts.value)
    facts = replace(facts, subjects=subjects, value=value)
    blocks = []
    for type_, rows in ((facts.type, np.flatnonzero(~other)), (inverse, np.flatnonzero(other))):
        if type_ is not None and type_ in types and len(rows):
            part = replace(facts.take(rows), type=type_)
            blocks += _relation_forms(family, part, keys[rows], forms)
    return blocks


def _relation_forms(family: Family, facts: Facts, keys: U64, forms: Sequence[str]) -> list[Asks]:
    decided = facts.status == DECIDED
    blocks, used = [], np.zeros(len(facts), bool)
    if "multiple_choice" in forms:
        for status, way in ((SAME, "tie"), (UNKNOWN, "telling")):
            rows = _with_extra_option(facts, keys, facts.status == status, decided & ~used)
            used[rows] = True
            blocks += _block(family, "multiple_choice", facts, keys, rows, way)
    rest = np.flatnonzero(decided & ~used)
    blocks += [
        replace(asks, way="statements") if asks.form == "multiple_choice" else asks
        for asks in _by_form(family, facts.take(rest), keys[rest], forms)
    ]
    if "open" in forms:
        blocks += _block(family, "open", facts, keys, np.flatnonzero(~decided & ~used), "")
    return blocks


def _with_extra_option(facts: Facts, keys: U64, extra: Bool, decided: Bool) -> I64:
    """Of each scene, n facts of the extra kind and 2 n decided ones: with three options, each is right in a third."""
    room = np.minimum(group_sizes(facts.scene, extra), group_sizes(facts.scene, decided) // 2)
    rank_extra = rank_in_group(np.where(extra, facts.scene, -1), keys)
    rank_decided = rank_in_group(np.where(decided, facts.scene, -1), keys)
    rows: I64 = np.flatnonzero((extra & (rank_extra < room)) | (decided & (rank_decided < 2 * room)))
    return rows


def _block(family: Family, form: str, facts: Facts, keys: U64, rows: I64, way: str) -> list[Asks]:
    if not len(rows):
        return []
    part = facts.take(rows)
    return [Asks(family=family, form=form, facts=part, keys=mix(keys[rows], text_key(form)), way=way)]


def _predicates(family: Family, facts: Facts, keys: U64, forms: Sequence[str]) -> list[Asks]:
    """Closed forms ask as many facts that hold as fail, of each scene and params; the surplus is asked openly.

    So are, once more, those with the rarer answer: else hardly an open answer would ever be yes, or no.
    """
    group = facts.scene if facts.params is None or facts.type == "exists" else _joint_group(facts)
    holds, wondered = facts.value > 0.5, facts.margin > 0.0
    matched = np.minimum(group_sizes(group, holds & wondered), group_sizes(group, ~holds & wondered))
    even = (rank_in_group(4 * group + 2 * wondered + holds, keys) < matched) & wondered
    yes, no = group_sizes(group, holds), group_sizes(group, ~holds)
    closed, opened = [f for f in forms if f != "open"], [f for f in forms if f == "open"]
    rarer = np.where(holds, yes < no, no < yes) & bool(closed and opened)
    blocks = []
    for rows, spread in ((even & (yes != no), closed or opened), (even & (yes == no), [*closed, *opened])):
        for block in _by_form(family, facts.take(rows), keys[rows], spread):
            mixed = block.form == "multiple_choice"
            blocks += _among_rivals(block, facts, keys, np.flatnonzero(wondered), forms, ~rarer) if mixed else [block]
    if opened:
        blocks += _block(family, "open", facts, keys, np.flatnonzero(~even | rarer), "surplus")
    return blocks


def _among_rivals(block: Asks, facts: Facts, keys: U64, rows: I64, forms: Sequence[str], openly: Bool) -> list[Asks]:
    """Options: the fact's statement, and the same statement about others of the scene, of which it is not so.

    Where there are too few of these another of `forms` asks it, the open one only what is to be asked `openly` (n,).
    """
    group = facts.scene if facts.params is None or facts.type == "exists" else _joint_group(facts)
    rivals: dict[tuple[int, bool], list[int]] = {}
    for row in rows.tolist():
        rivals.setdefault((int(group[row]), bool(facts.value[row] > 0.5)), []).append(row)
    own = _rows_in(block, facts, keys)
    options = np.full((len(block), MAX_RIVALS + 1), -1, np.int64)
    for k, (row, key) in enumerate(zip(own.tolist(), block.keys.tolist(), strict=True)):
        others = rivals.get((int(group[row]), bool(facts.value[row] < 0.5)), [])
        chosen = sorted(others, key=lambda other: mix_one(key, int(keys[other])))[:MAX_RIVALS]
        listed = [row, *chosen]
        options[k, : len(listed)] = sorted(listed, key=lambda one: mix_one(key, int(keys[one]) ^ 1))
    enough = (options >= 0).sum(axis=1) > MIN_RIVALS
    right = np.argmax(options == own[:, None], axis=1)
    asked = replace(block, way="rivals", pool=facts, options=options, right=right).take(enough)
    blocks = [asked] if len(asked) else []
    fallback = next((f for f in ("choice", "yes_no", "true_false", "open") if f in forms), None)
    left = ~enough & openly[own] if fallback == "open" else ~enough
    if fallback and left.any():
        blocks.append(replace(block.take(left), form=fallback))
    return blocks


def _rows_in(block: Asks, facts: Facts, keys: U64) -> I64:
    """Return where in `facts` the facts of a block stand."""
    index = {key: row for row, key in enumerate(mix(keys, text_key(block.form)).tolist())}
    return np.array([index[key] for key in block.keys.tolist()], np.int64)


def _joint_group(facts: Facts) -> I64:
    assert facts.params is not None
    _, number = np.unique(np.array(facts.params), return_inverse=True)
    joint: I64 = facts.scene * (int(number.max()) + 1) + number
    return joint


def _values(family: Family, facts: Facts, keys: U64, forms: Sequence[str]) -> list[Asks]:
    """Groups of four or two facts of a scene that differ enough share their values as options; the rest is open."""
    assert family.apart is not None
    decided = np.flatnonzero(facts.status == DECIDED)
    unknown = np.flatnonzero(facts.status == UNKNOWN)
    blocks = _block(family, "open", facts, keys, unknown, "") if "open" in forms else []
    facts, keys = facts.take(decided), keys[decided]
    if not len(facts):
        return blocks
    free = np.ones(len(facts), bool)
    for size, allowed in ((4, ("multiple_choice",)), (2, ("yes_no", "choice", "true_false", "multiple_choice"))):
        wanted = [f for f in allowed if f in forms]
        if wanted:
            others = len(forms) > 1 if size == 4 else "open" in forms
            groups = _groups(family, facts, keys, np.flatnonzero(free), size, others)
            free[groups.ravel()] = False
            blocks += _grouped(family, facts, keys, groups, [f for f in wanted if size == 4 or f != "multiple_choice"])
    if "open" in forms:
        blocks += _block(family, "open", facts, keys, np.flatnonzero(free), "")
    return blocks


def _groups(family: Family, facts: Facts, keys: U64, rows: I64, size: int, spare: bool) -> I64:
    """Return (g, size) indices of facts: of one scene, neighbours by key, all apart from one another.

    With `spare`, part of them is left for other forms, drawn by the group's first key.
    """
    assert family.apart is not None
    order = rows[np.lexsort((keys[rows], facts.scene[rows]))]
    rank = rank_in_group(facts.scene[order], keys[order])
    heads = np.flatnonzero(rank % size == 0)
    heads = heads[heads + size <= len(order)]
    groups = order[heads[:, None] + np.arange(size)[None, :]]
    good = facts.scene[groups[:, 0]] == facts.scene[groups[:, -1]]
    for one in range(size):
        for other in range(one):
            good &= family.apart(facts, groups[:, one], groups[:, other])
    share = 1.0 if not spare else FOURS_SHARE if size == 4 else 1.0 - OPEN_SHARE
    good &= uniform(keys[groups[:, 0]], f"group of {size}") < share
    result: I64 = groups[good]
    return result


def _grouped(family: Family, facts: Facts, keys: U64, groups: I64, forms: Sequence[str]) -> list[Asks]:
    if not len(groups) or not forms:
        return []
    group_key = np.bitwise_xor.reduce(keys[groups], axis=1)
    chosen = below(group_key, "form", len(forms))
    blocks = []
    for k, form in enumerate(forms):
        part = groups[chosen == k]
        if len(part):
            blocks.append(_options(family, facts, keys, part, group_key[chosen == k], form))
    return blocks


def _options(family: Family, facts: Facts, keys: U64, groups: I64, group_key: U64, form: str) -> Asks:
    """Every fact of a group is asked once, with the values of the group as its options, in an order of its own."""
    size = groups.shape[1]
    rows = groups.ravel()
    row_keys = mix(keys[rows], text_key(form))
    options = np.repeat(groups, size, axis=0)
    shuffle = np.argsort(np.stack([draw(row_keys, f"option {k}") for k in range(size)], 1), axis=1, kind="stable")
    options = np.take_along_axis(options, shuffle, axis=1)
    right = np.argmax(options == rows[:, None], axis=1)
    limit = form == "yes_no" and facts.type in family.scalar
    return Asks(
        family=family,
        form=form,
        facts=facts.take(rows),
        keys=row_keys,
        way="limit" if limit else "stated" if form in ("yes_no", "true_false") else "options",
        pool=facts,
        options=options,
        right=right,
    )
