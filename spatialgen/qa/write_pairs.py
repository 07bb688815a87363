"""Words for relations and predicates: A against B, and what holds or fails."""

from __future__ import annotations

from functools import cache

import numpy as np

from spatialgen.qa.arrays import ON_FLOOR
from spatialgen.qa.asks import Asks
from spatialgen.qa.columns import choose, either, fill, ids
from spatialgen.qa.facts import DECIDED, I64, SAME, Bool
from spatialgen.qa.family import Kind, family_of_type
from spatialgen.qa.keys import U64, coin, draw, mix_one, purpose_key
from spatialgen.qa.names import Naming
from spatialgen.qa.phrase import Filler, Wording, frames, wording
from spatialgen.qa.speech import NUMBER_TEXTS
from spatialgen.qa.statements import Claim
from spatialgen.qa.types import INVERSE
from spatialgen.qa.writing import (
    Words,
    Written,
    joined,
    lettered_options,
    merge,
    pick,
    pick_either,
    shuffled,
    subject_words,
    with_statement,
    yes_no_answers,
)


def inverse_of(type_: str) -> str:
    """Return the type with the opposite words: a real one, or `not_<type>` of the vocabulary."""
    return INVERSE.get(type_, f"not_{type_}")


def _fact_statement(asks: Asks, words: Words, purpose: str) -> tuple[Words, list[str]]:
    """Return the words with {s} stating the fact, and the ids of the statements used."""
    facts, keys = asks.facts, asks.keys
    holds = facts.value > 0.5
    if asks.family.kind is Kind.RELATION:
        yes = wording(asks.family.name, asks.type), "statement"
        no = wording(asks.family.name, inverse_of(asks.type)), "statement"
    else:
        yes = wording(asks.family.name, asks.type), "holds"
        no = wording(asks.family.name, asks.type), "fails"
    return _two_way(yes, no, holds, keys, purpose, words)


def _two_way(
    yes: tuple[Wording, str], no: tuple[Wording, str], first: Bool, keys: U64, purpose: str, words: Words
) -> tuple[Words, list[str]]:
    inline = yes[0].of(yes[1]), no[0].of(no[1])
    sentence = yes[0].of(f"{yes[1]}."), no[0].of(f"{no[1]}.")
    choice = choose(inline[0], keys, purpose), choose(inline[1], keys, purpose)
    rows = np.where(first, choice[0], len(inline[0]) + choice[1])
    templates, sentences = inline[0] + inline[1], sentence[0] + sentence[1]
    return with_statement(words, fill(templates, rows, words), fill(sentences, rows, words)), ids(templates, rows)


def write_relation(asks: Asks, naming: Naming, units: str) -> Written:
    parts = []
    for status in (DECIDED, 1, 2):
        rows = np.flatnonzero(asks.facts.status == status)
        if len(rows):
            part = asks.take(rows)
            writer = write_decided if status == DECIDED else _tied
            parts.append((rows, writer(part, naming, units)))
    return parts[0][1] if len(parts) == 1 else merge(parts, len(asks))


def write_decided(asks: Asks, naming: Naming, units: str) -> Written:
    words = subject_words(asks.facts, naming)
    if asks.form == "multiple_choice":
        if asks.way == "rivals":
            return _rivals(asks, naming)
        return _statements(asks, naming) if asks.way == "statements" else _three(asks, words)
    stated, statement_ids = _fact_statement(asks, words, "answer statement")
    if asks.form == "yes_no":
        return _asked(asks, words, stated)
    if asks.form == "true_false":
        return _claimed(asks, words, stated)
    own = wording(asks.family.name, asks.type)
    section = "choice" if asks.form == "choice" else "open"
    questions, question_ids = pick(own.of(section), asks.keys, "question", _mentioned(words))
    answers = [text + "." for text in stated["^s"]]
    if section == "choice" and asks.family.kind is Kind.RELATION:
        answers, statement_ids = _winner(asks, words)
    if section == "open" and asks.family.kind is Kind.PREDICATE:
        answers, statement_ids = _with_reasons(asks, words, naming, units, answers, statement_ids)
    return Written(questions, answers, joined(question_ids, statement_ids))


def _with_reasons(
    asks: Asks, words: Words, naming: Naming, units: str, answers: list[str], names: list[str]
) -> tuple[list[str], list[str]]:
    """Put in the answers that also say why: how wide the gap is, or what it stands on instead."""
    own, facts = wording(asks.family.name, asks.type), asks.facts
    answers, names = list(answers), list(names)
    for section, fits in (("holds_told", facts.value > 0.5), ("fails_told", facts.value < 0.5)):
        reasons, rows = _reasons(asks, naming, units, np.flatnonzero(fits)) if own.of(section) else ({}, [])
        if rows:
            some = {slot: [texts[k] for k in rows] for slot, texts in words.items()} | reasons
            told, ids_ = pick(own.of(section), asks.keys[rows], "reason", some)
            for row, text, name in zip(rows, told, ids_, strict=True):
                answers[row], names[row] = text, name
    return answers, names


def _reasons(asks: Asks, naming: Naming, units: str, rows: I64) -> tuple[Words, list[int]]:
    """Return the words of the reasons, and which of `rows` have one."""
    facts = asks.facts
    if facts.told is not None:
        rows = rows[np.isfinite(facts.told[rows, 0])]
        say, bits = NUMBER_TEXTS[asks.family.say.get(asks.type, "length")], draw(asks.keys, "units")
        numbers = zip(*facts.told[rows].T.tolist(), bits[rows].tolist(), strict=True)
        return {"v": [say(value, sigma, b, units) for value, sigma, b in numbers]}, rows.tolist()
    if facts.instead is None:
        return {}, []
    found: dict[int, str] = {}
    for row in rows.tolist():
        (one, other), carrier = facts.subjects[row].tolist(), int(facts.instead[row])
        phrase = "the floor" if carrier == ON_FLOOR else naming.phrases[carrier] if carrier >= 0 else ""
        if phrase and carrier != other and phrase not in naming.phrases[one]:
            found[row] = phrase
    return {"w": list(found.values())}, list(found)


def _mentioned(words: Words) -> Words:
    """{x} and {y} of a choice are A and B in the order of mention, which is drawn."""
    return words | {"x": words["a"], "^x": words["^a"], "y": words["b"], "^y": words["^b"]} if "b" in words else words


def _winner(asks: Asks, words: Words) -> tuple[list[str], list[str]]:
    """Answer a choice by the name alone or by a statement about the one that it is."""
    first = asks.facts.value > 0.5
    names: Words = {
        "a": either(first, words["a"], words["b"]),
        "^a": either(first, words["^a"], words["^b"]),
        "b": either(first, words["b"], words["a"]),
        "^b": either(first, words["^b"], words["^a"]),
    }
    own = wording(asks.family.name, asks.type)
    return pick(own.of("winner") + own.of("statement."), asks.keys, "winner", names)


def _asked(asks: Asks, words: Words, stated: Words) -> Written:
    """Ask whether it is so, or whether the opposite is: each half of the time."""
    inverted = coin(asks.keys, "inverted")
    straight = wording(asks.family.name, asks.type).of("yes_no")
    if asks.family.kind is Kind.RELATION:
        opposite = wording(asks.family.name, inverse_of(asks.type)).of("yes_no")
    else:
        opposite = wording(asks.family.name, asks.type).of("yes_no_inverted")
    questions, names = pick_either(opposite, straight, inverted, asks.keys, "question", words)
    if asks.family.kind is Kind.RELATION:
        names = [f"{name}!" if turn else name for name, turn in zip(names, inverted.tolist(), strict=True)]
    says_yes = (asks.facts.value > 0.5) != inverted
    return yes_no_answers(questions, names, says_yes, asks.keys, stated)


def _claimed(asks: Asks, words: Words, stated: Words) -> Written:
    """State the fact or its opposite, each half of the time, and ask whether that is true."""
    said = coin(asks.keys, "said")
    if asks.family.kind is Kind.RELATION:
        yes = wording(asks.family.name, asks.type), "statement"
        no = wording(asks.family.name, inverse_of(asks.type)), "statement"
    else:
        yes = wording(asks.family.name, asks.type), "holds"
        no = wording(asks.family.name, asks.type), "fails"
    claim, claim_ids = _two_way(yes, no, said, asks.keys, "claim", words)
    questions, question_ids = pick(frames().of("true_false"), asks.keys, "question", claim)
    names = [f"{c}.{q.partition('/')[2]}" for c, q in zip(claim_ids, question_ids, strict=True)]
    true = (asks.facts.value > 0.5) == said
    return yes_no_answers(questions, names, true, asks.keys, stated, truth="true_false")


def _three(asks: Asks, words: Words) -> Written:
    """Options: A, B, and "about the same" or "cannot be told"."""
    own = wording(asks.family.name, asks.type)
    stems, stem_ids = pick(own.of("choice"), asks.keys, "question", _mentioned(words))
    extra, _ = pick(frames().of("same_option" if asks.way == "tie" else "unknown_option"), asks.keys, "extra", {})
    options = [list(row) for row in zip(words["a"], words["b"], extra, strict=True)]
    value, status = asks.facts.value.tolist(), asks.facts.status.tolist()
    right = [2 if s != DECIDED else 0 if v > 0.5 else 1 for v, s in zip(value, status, strict=True)]
    return lettered_options(stems, stem_ids, *shuffled(options, right, asks.keys), asks.keys)


def _tied(asks: Asks, naming: Naming, units: str) -> Written:
    words = subject_words(asks.facts, naming)
    if asks.form == "multiple_choice":
        return _three(asks, words)
    own = wording(asks.family.name, asks.type)
    same = asks.facts.status[0] == SAME
    templates = own.of("same") if same else frames().of("unknown")
    questions, question_ids = pick(own.of("choice"), asks.keys, "question", _mentioned(words))
    answers, answer_ids = pick(templates, asks.keys, "answer", words)
    return Written(questions, answers, joined(question_ids, answer_ids))


def _statements(asks: Asks, naming: Naming) -> Written:
    """One statement that is so among others about the same two objects that are not."""
    words = subject_words(asks.facts, naming)
    true, _ = _fact_statement(asks, words, "true option")
    assert asks.others is not None
    options = []
    for row, (others, key) in enumerate(zip(asks.others, asks.keys.tolist(), strict=True)):
        options.append([true["^s"][row] + ".", *[_false(claim, naming, key) for claim in others]])
    stems, stem_ids = pick(frames().of("which_statement"), asks.keys, "question", {})
    stem_ids = [f"{asks.family.name}/{name.partition('/')[2]}" for name in stem_ids]
    return lettered_options(stems, stem_ids, *shuffled(options, [0] * len(options), asks.keys), asks.keys)


def _rivals(asks: Asks, naming: Naming) -> Written:
    """The same kind of statement about several subjects, of which it is so of one only."""
    assert asks.pool is not None
    assert asks.options is not None
    assert asks.right is not None
    own = wording(asks.family.name, asks.type)
    holds = asks.facts.value > 0.5
    options: list[list[str]] = [[] for _ in range(len(asks))]
    for column in range(asks.options.shape[1]):
        rows = np.flatnonzero(asks.options[:, column] >= 0)
        if not len(rows):
            continue
        words = subject_words(asks.pool.take(asks.options[rows, column]), naming)
        texts, _ = pick_either(own.of("holds."), own.of("fails."), holds[rows], asks.keys[rows], "statement", words)
        for row, text in zip(rows.tolist(), texts, strict=True):
            options[row].append(text)
    stems, stem_ids = pick(frames().of("which_statement"), asks.keys, "question", {})
    stem_ids = [f"{asks.family.name}/{name.partition('/')[2]}" for name in stem_ids]
    return lettered_options(stems, stem_ids, options, asks.right.tolist(), asks.keys)


def _false(claim: Claim, naming: Naming, key: int) -> str:
    type_, a, b, holds = claim
    fillers = _false_statements(type_, holds)
    row = (naming.phrases[a], naming.capitals[a], naming.phrases[b], naming.capitals[b])
    return fillers[mix_one(key, int(purpose_key(type_))) % len(fillers)](row)


@cache
def _false_statements(type_: str, holds: bool) -> tuple[Filler, ...]:
    """Fillers of what is not so, given whether the fact holds, for rows (a, ^a, b, ^b)."""
    templates = wording(family_of_type()[type_].name, inverse_of(type_) if holds else type_).of("statement.")
    layout = ("a", "^a", "b", "^b")
    return tuple(template.filler(layout) for template in templates)
