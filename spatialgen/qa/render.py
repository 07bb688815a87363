"""From questions to words: each kind of fact in each form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spatialgen.qa.asks import Asks
from spatialgen.qa.columns import LETTERS, choose, either, fill, ids, lettered, rows_of
from spatialgen.qa.english import listed
from spatialgen.qa.facts import DECIDED, I64, SAME, Bool, Facts
from spatialgen.qa.family import Kind, family_of_type
from spatialgen.qa.keys import U64, below, coin, draw
from spatialgen.qa.names import Naming
from spatialgen.qa.phrase import Template, Wording, frames, wording
from spatialgen.qa.speech import SPEAKERS, limit_texts
from spatialgen.qa.statements import Claim
from spatialgen.qa.types import INVERSE

Words = dict[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Written:
    """n questions and answers in words, with the ids of their templates."""

    questions: list[str]
    answers: list[str]
    templates: list[str]


def write(asks: Asks, naming: Naming, units: str) -> Written:
    """Return the words of a block of questions."""
    writer = _WRITERS[asks.family.kind]
    return writer(asks, naming, units)


def inverse_of(type_: str) -> str:
    """Return the type with the opposite words: a real one, or `not_<type>` of the vocabulary."""
    return INVERSE.get(type_, f"not_{type_}")


def _subject_words(facts: Facts, naming: Naming) -> Words:
    words: Words = dict(facts.words or {})
    for slot, column in zip("abc", range(facts.subjects.shape[1]), strict=False):
        index = facts.subjects[:, column]
        words[slot] = rows_of(naming.phrases, index)
        words[f"^{slot}"] = rows_of(naming.capitals, index)
    return words


def _pick(templates: tuple[Template, ...], keys: U64, purpose: str, words: Words) -> tuple[list[str], list[str]]:
    """Choose a template a row and fill it: texts and ids."""
    choice = choose(templates, keys, purpose)
    return fill(templates, choice, words), ids(templates, choice)


def _with_statement(words: Words, inline: list[str], sentence: list[str]) -> Words:
    """Add a statement to the words: {s}, which becomes a sentence's beginning where it stands at one."""
    return words | {"s": inline, "^s": [text[:-1] for text in sentence]}


def _joined(question_ids: list[str], answer_ids: list[str]) -> list[str]:
    return [f"{q}+{a.partition('/')[2]}" for q, a in zip(question_ids, answer_ids, strict=True)]


def _merge(parts: Sequence[tuple[I64, Written]], n: int) -> Written:
    questions, answers, templates = [""] * n, [""] * n, [""] * n
    for rows, written in parts:
        for k, row in enumerate(rows.tolist()):
            questions[row], answers[row] = written.questions[k], written.answers[k]
            templates[row] = written.templates[k]
    return Written(questions, answers, templates)


def _yes_no(
    questions: list[str], question_ids: list[str], says_yes: Bool, keys: U64, words: Words, *, truth: str = "yes_no"
) -> Written:
    """Answer with the frames of yes and no, or of true and false; {s} of `words` states the fact."""
    good, bad = ("says_yes", "says_no") if truth == "yes_no" else ("says_true", "says_false")
    yes, yes_ids = _pick(frames().of(good), keys, "answer", words)
    no, no_ids = _pick(frames().of(bad), keys, "answer", words)
    return Written(questions, either(says_yes, yes, no), _joined(question_ids, either(says_yes, yes_ids, no_ids)))


def _options(
    stems: list[str],
    stem_ids: list[str],
    options: Sequence[Sequence[str]],
    right: Sequence[int],
    keys: U64,
) -> Written:
    """Put lettered options under each stem; `right` is the index of the one that is so."""
    styles = below(keys, "letters", 3).tolist()
    blocks = [lettered(texts, style) for texts, style in zip(options, styles, strict=True)]
    questions, _ = _pick(frames().of("options"), keys, "options", {"s": stems, "^s": stems, "options": blocks})
    words: Words = {
        "letter": [LETTERS[k] for k in right],
        "x": [texts[k] for texts, k in zip(options, right, strict=True)],
    }
    answers, answer_ids = _pick(frames().of("options_answer"), keys, "option answer", words)
    return Written(questions, answers, _joined(stem_ids, answer_ids))


def _shuffled(options: list[list[str]], right: list[int], keys: U64) -> tuple[list[list[str]], list[int]]:
    """Put each row's options in an order drawn from its key, and follow the right one."""
    width = max(len(texts) for texts in options)
    draws = np.stack([draw(keys, f"place {k}") for k in range(width)], axis=1)
    result, places = [], []
    for texts, answer, row in zip(options, right, draws, strict=True):
        order = np.argsort(row[: len(texts)], kind="stable").tolist()
        result.append([texts[k] for k in order])
        places.append(order.index(answer))
    return result, places


# Relations


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
    columns = []
    for wordings, section in (yes, no):
        templates, sentences = wordings.of(section), wordings.of(f"{section}.")
        choice = choose(templates, keys, purpose)
        columns.append((fill(templates, choice, words), fill(sentences, choice, words), ids(templates, choice)))
    inline, sentence, names = (either(first, columns[0][k], columns[1][k]) for k in range(3))
    return _with_statement(words, inline, sentence), names


def _write_relation(asks: Asks, naming: Naming, units: str) -> Written:
    parts = []
    for status in (DECIDED, 1, 2):
        rows = np.flatnonzero(asks.facts.status == status)
        if len(rows):
            part = asks.take(rows)
            writer = _decided_pair if status == DECIDED else _tied
            parts.append((rows, writer(part, naming)))
    return parts[0][1] if len(parts) == 1 else _merge(parts, len(asks))


def _decided_pair(asks: Asks, naming: Naming) -> Written:
    words = _subject_words(asks.facts, naming)
    if asks.form == "multiple_choice":
        return _statements(asks, naming) if asks.way == "statements" else _three(asks, words)
    stated, statement_ids = _fact_statement(asks, words, "answer statement")
    if asks.form == "yes_no":
        return _asked(asks, words, stated)
    if asks.form == "true_false":
        return _claimed(asks, words, stated)
    own = wording(asks.family.name, asks.type)
    section = "choice" if asks.form == "choice" else "open"
    questions, question_ids = _pick(own.of(section), asks.keys, "question", _mentioned(words))
    answers = [text + "." for text in stated["^s"]]
    if section == "choice" and asks.family.kind is Kind.RELATION:
        answers, statement_ids = _winner(asks, words)
    return Written(questions, answers, _joined(question_ids, statement_ids))


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
    return _pick(own.of("winner") + own.of("statement."), asks.keys, "winner", names)


def _asked(asks: Asks, words: Words, stated: Words) -> Written:
    """Ask whether it is so, or whether the opposite is: each half of the time."""
    inverted = coin(asks.keys, "inverted")
    straight = wording(asks.family.name, asks.type).of("yes_no")
    if asks.family.kind is Kind.RELATION:
        opposite = wording(asks.family.name, inverse_of(asks.type)).of("yes_no")
    else:
        opposite = wording(asks.family.name, asks.type).of("yes_no_inverted")
    plain, plain_ids = _pick(straight, asks.keys, "question", words)
    turned, turned_ids = _pick(opposite, asks.keys, "question", words)
    mark = "!" if asks.family.kind is Kind.RELATION else ""
    turned_ids = [name + mark for name in turned_ids]
    says_yes = (asks.facts.value > 0.5) != inverted
    questions = either(inverted, turned, plain)
    return _yes_no(questions, either(inverted, turned_ids, plain_ids), says_yes, asks.keys, stated)


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
    questions, question_ids = _pick(frames().of("true_false"), asks.keys, "question", claim)
    names = [f"{c}.{q.partition('/')[2]}" for c, q in zip(claim_ids, question_ids, strict=True)]
    true = (asks.facts.value > 0.5) == said
    return _yes_no(questions, names, true, asks.keys, stated, truth="true_false")


def _three(asks: Asks, words: Words) -> Written:
    """Options: A, B, and "about the same" or "cannot be told"."""
    own = wording(asks.family.name, asks.type)
    stems, stem_ids = _pick(own.of("choice"), asks.keys, "question", _mentioned(words))
    extra, _ = _pick(frames().of("same_option" if asks.way == "tie" else "unknown_option"), asks.keys, "extra", {})
    options = [list(row) for row in zip(words["a"], words["b"], extra, strict=True)]
    value, status = asks.facts.value.tolist(), asks.facts.status.tolist()
    right = [2 if s != DECIDED else 0 if v > 0.5 else 1 for v, s in zip(value, status, strict=True)]
    return _options(stems, stem_ids, *_shuffled(options, right, asks.keys), asks.keys)


def _tied(asks: Asks, naming: Naming) -> Written:
    words = _subject_words(asks.facts, naming)
    if asks.form == "multiple_choice":
        return _three(asks, words)
    own = wording(asks.family.name, asks.type)
    same = asks.facts.status[0] == SAME
    templates = own.of("same") if same else frames().of("unknown")
    questions, question_ids = _pick(own.of("choice"), asks.keys, "question", _mentioned(words))
    answers, answer_ids = _pick(templates, asks.keys, "answer", words)
    return Written(questions, answers, _joined(question_ids, answer_ids))


def _statements(asks: Asks, naming: Naming) -> Written:
    """One statement that is so among others about the same two objects that are not."""
    words = _subject_words(asks.facts, naming)
    true, _ = _fact_statement(asks, words, "true option")
    assert asks.others is not None
    options = []
    for row, others in enumerate(asks.others):
        key = asks.keys[row : row + 1]
        options.append([true["^s"][row] + ".", *[_false(claim, naming, key) for claim in others]])
    stems, stem_ids = _pick(frames().of("which_statement"), asks.keys, "question", {})
    stem_ids = [f"{asks.family.name}/{name.partition('/')[2]}" for name in stem_ids]
    return _options(stems, stem_ids, *_shuffled(options, [0] * len(options), asks.keys), asks.keys)


def _false(claim: Claim, naming: Naming, key: U64) -> str:
    type_, a, b, holds = claim
    family = family_of_type()[type_]
    if family.kind is Kind.RELATION:
        templates = wording(family.name, inverse_of(type_) if holds else type_).of("statement.")
    else:
        templates = wording(family.name, type_).of("fails." if holds else "holds.")
    words: Words = {
        "a": [naming.phrases[a]],
        "^a": [naming.capitals[a]],
        "b": [naming.phrases[b]],
        "^b": [naming.capitals[b]],
    }
    return fill(templates, choose(templates, key, type_), words)[0]


# Values


def _write_value(asks: Asks, naming: Naming, units: str) -> Written:
    words = _subject_words(asks.facts, naming)
    own = wording(asks.family.name, asks.type)
    if asks.facts.status[0] != DECIDED:
        questions, question_ids = _pick(own.of("open"), asks.keys, "question", words)
        answers, answer_ids = _pick(frames().of("unknown_one"), asks.keys, "answer", words)
        return Written(questions, answers, _joined(question_ids, answer_ids))
    bits = draw(asks.keys, "units")
    speak = SPEAKERS[asks.family.say[asks.type]]
    words["v"] = speak(asks.facts, np.arange(len(asks)), bits, units)
    if asks.form == "open":
        questions, question_ids = _pick(own.of("open"), asks.keys, "question", words)
        answers, answer_ids = _pick(own.of("statement.") + own.of("short"), asks.keys, "answer", words)
        return Written(questions, answers, _joined(question_ids, answer_ids))
    assert asks.pool is not None and asks.options is not None and asks.right is not None
    columns = [speak(asks.pool, asks.options[:, k], bits, units) for k in range(asks.options.shape[1])]
    if asks.form == "multiple_choice":
        stems, stem_ids = _pick(own.of("open"), asks.keys, "question", words)
        rows = [list(row) for row in zip(*columns, strict=True)]
        return _options(stems, stem_ids, rows, asks.right.tolist(), asks.keys)
    if asks.form == "choice":
        return _closer(asks, own, words, columns)
    return _limit(asks, own, words, bits, units) if asks.way == "limit" else _stated(asks, own, words, columns)


def _closer(asks: Asks, own: Wording, words: Words, columns: list[list[str]]) -> Written:
    """Two values to choose from: in words of the type's own, or with the frames for what can be compared."""
    words = words | {"x": columns[0], "y": columns[1]}
    if own.of("choice"):
        questions, names = _pick(own.of("choice"), asks.keys, "question", words)
        answers, answer_ids = _pick(own.of("short") + own.of("statement."), asks.keys, "answer", words)
        return Written(questions, answers, _joined(names, answer_ids))
    measured, measure_ids = _pick(own.of("measure"), asks.keys, "measure", words)
    words = words | {"m": measured}
    questions, question_ids = _pick(frames().of("closer"), asks.keys, "question", words)
    answers, answer_ids = _pick(frames().of("closer_answer") + own.of("statement."), asks.keys, "answer", words)
    names = [f"{m}.{q.partition('/')[2]}" for m, q in zip(measure_ids, question_ids, strict=True)]
    return Written(questions, answers, _joined(names, answer_ids))


def _limit(asks: Asks, own: Wording, words: Words, bits: U64, units: str) -> Written:
    """Ask whether it is more, or less, than a limit halfway to the value of another fact of the scene."""
    assert asks.pool is not None and asks.options is not None
    values = np.abs(asks.pool.value[asks.options])
    say = asks.family.say[asks.type]
    limits = limit_texts(say, values.min(axis=1), values.max(axis=1), bits, units)
    above = np.abs(asks.facts.value) > values.mean(axis=1)
    measured, measure_ids = _pick(own.of("measure"), asks.keys, "measure", words)
    words = words | {"m": measured, "t": limits}
    less = coin(asks.keys, "inverted")
    more_texts, more_ids = _pick(frames().of("more"), asks.keys, "question", words)
    less_texts, less_ids = _pick(frames().of("less"), asks.keys, "question", words)
    names = [f"{m}.{q.partition('/')[2]}" for m, q in zip(measure_ids, either(less, less_ids, more_ids), strict=True)]
    stated = _value_statement(asks, own, words)
    return _yes_no(either(less, less_texts, more_texts), names, above != less, asks.keys, stated)


def _value_statement(asks: Asks, own: Wording, words: Words) -> Words:
    templates, sentences = own.of("statement"), own.of("statement.")
    choice = choose(templates, asks.keys, "answer statement")
    return _with_statement(words, fill(templates, choice, words), fill(sentences, choice, words))


def _stated(asks: Asks, own: Wording, words: Words, columns: list[list[str]]) -> Written:
    """State the value, or that of another fact of the scene, each half of the time."""
    assert asks.right is not None
    said = coin(asks.keys, "said")
    partner = either(asks.right == 0, columns[1], columns[0])
    claim_words = words | {"v": either(said, words["v"], partner)}
    templates, sentences = own.of("statement"), own.of("statement.")
    choice = choose(templates, asks.keys, "claim")
    claim = _with_statement(claim_words, fill(templates, choice, claim_words), fill(sentences, choice, claim_words))
    stated = _value_statement(asks, own, words)
    claim_ids = ids(templates, choice)
    if asks.form == "true_false":
        questions, question_ids = _pick(frames().of("true_false"), asks.keys, "question", claim)
        says_yes = said
    else:
        inverted = coin(asks.keys, "inverted")
        plain, plain_ids = _pick(frames().of("claim"), asks.keys, "question", claim)
        turned, turned_ids = _pick(frames().of("claim_inverted"), asks.keys, "question", claim)
        questions, question_ids = either(inverted, turned, plain), either(inverted, turned_ids, plain_ids)
        says_yes = said != inverted
    names = [f"{c}.{q.partition('/')[2]}" for c, q in zip(claim_ids, question_ids, strict=True)]
    return _yes_no(questions, names, says_yes, asks.keys, stated, truth=asks.form)


# Picks and orders


def _write_pick(asks: Asks, naming: Naming, units: str) -> Written:
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
        questions, question_ids = _pick(own.of("choice"), asks.keys, "question", words)
        answers, answer_ids = _pick(own.of("statement.") + own.of("short"), asks.keys, "answer", words)
        return Written(questions, answers, _joined(question_ids, answer_ids))
    if asks.form == "multiple_choice":
        stems, stem_ids = _pick(own.of("stem"), asks.keys, "question", words)
        right = [w - first for w in winners]
        return _options(stems, stem_ids, names, right, asks.keys)
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
    return _put_claim(asks, own, words, claim_words, said)


def _put_claim(asks: Asks, own: Wording, words: Words, claim_words: Words, said: Bool) -> Written:
    among, sentences = own.of("among") or own.of("statement"), own.of("among.") or own.of("statement.")
    choice = choose(among, asks.keys, "claim")
    claim = _with_statement(claim_words, fill(among, choice, claim_words), fill(sentences, choice, claim_words))
    stated = _value_statement(asks, own, words)
    if asks.form == "true_false":
        questions, question_ids = _pick(frames().of("true_false"), asks.keys, "question", claim)
        says_yes = said
    else:
        inverted = coin(asks.keys, "inverted")
        plain, plain_ids = _pick(frames().of("claim"), asks.keys, "question", claim)
        turned, turned_ids = _pick(frames().of("claim_inverted"), asks.keys, "question", claim)
        questions, question_ids = either(inverted, turned, plain), either(inverted, turned_ids, plain_ids)
        says_yes = said != inverted
    names = [f"{c}.{q.partition('/')[2]}" for c, q in zip(ids(among, choice), question_ids, strict=True)]
    return _yes_no(questions, names, says_yes, asks.keys, stated, truth=asks.form)


def _write_order(asks: Asks, naming: Naming, units: str) -> Written:
    own = wording(asks.family.name, asks.type)
    members = [[naming.phrases[k] for k in row if k >= 0] for row in asks.facts.subjects.tolist()]
    mixed = _orders(members, asks.keys, 4)
    words: Words = {
        "and_list": [listed(orders[0], "and") for orders in mixed],
        "order": [", ".join(names) for names in members],
    }
    if asks.form == "open":
        questions, question_ids = _pick(own.of("open"), asks.keys, "question", words)
        answers, answer_ids = _pick(own.of("statement.") + own.of("short"), asks.keys, "answer", words)
        return Written(questions, answers, _joined(question_ids, answer_ids))
    wrong = [[o for o in orders[1:] if o != m] for orders, m in zip(mixed, members, strict=True)]
    if asks.form == "multiple_choice":
        stems, stem_ids = _pick(own.of("open"), asks.keys, "question", words)
        options = [[", ".join(o) for o in [m, *_unique(w)]] for m, w in zip(members, wrong, strict=True)]
        return _options(stems, stem_ids, *_shuffled(options, [0] * len(options), asks.keys), asks.keys)
    said = coin(asks.keys, "said")
    other = [", ".join(w[0]) if w else ", ".join(m[::-1]) for m, w in zip(members, wrong, strict=True)]
    return _put_claim(asks, own, words, words | {"order": either(said, words["order"], other)}, said)


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


_WRITERS = {
    Kind.RELATION: _write_relation,
    Kind.PREDICATE: lambda asks, naming, units: _decided_pair(asks, naming),
    Kind.VALUED: _write_value,
    Kind.PICK: _write_pick,
    Kind.ORDER: _write_order,
}
