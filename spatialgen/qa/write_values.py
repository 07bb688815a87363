"""Words for facts with a value of their own: a number, a class, a box."""

from __future__ import annotations

import re

import numpy as np

from spatialgen.qa.asks import Asks
from spatialgen.qa.columns import either
from spatialgen.qa.english import capital
from spatialgen.qa.facts import DECIDED, F64
from spatialgen.qa.keys import U64, coin, draw
from spatialgen.qa.names import Naming
from spatialgen.qa.numbers import parse
from spatialgen.qa.phrase import Wording, frames, wording
from spatialgen.qa.speech import SPEAKERS, limit_texts
from spatialgen.qa.writing import (
    Words,
    Written,
    joined,
    lettered_options,
    pick,
    pick_either,
    put_claim,
    subject_words,
    value_statement,
    yes_no_answers,
)

_CLEAR_OF = 0.25
"""How far a limit stays from the two values that it lies between, relative to what they differ by."""

ZERO = 1e-3


def write_value(asks: Asks, naming: Naming, units: str) -> Written:
    words = subject_words(asks.facts, naming)
    own = wording(asks.family.name, asks.type)
    if asks.facts.status[0] != DECIDED:
        questions, question_ids = pick(own.of("open"), asks.keys, "question", words)
        answers, answer_ids = pick(frames().of("unknown_one"), asks.keys, "answer", words)
        return Written(questions, answers, joined(question_ids, answer_ids))
    bits = draw(asks.keys, "units")
    speak = SPEAKERS[asks.family.say[asks.type]]
    words["v"] = speak(asks.facts, np.arange(len(asks)), bits, units)
    if asks.form == "open":
        questions, question_ids = pick(own.of("open"), asks.keys, "question", words)
        answers, answer_ids = pick(own.of("statement.") + own.of("short"), asks.keys, "answer", words)
        return Written(questions, _plain_zeros(answers, asks.facts.value), joined(question_ids, answer_ids))
    assert asks.pool is not None
    assert asks.options is not None
    assert asks.right is not None
    columns = [speak(asks.pool, asks.options[:, k], bits, units) for k in range(asks.options.shape[1])]
    if asks.form == "multiple_choice":
        stems, stem_ids = pick(own.of("open"), asks.keys, "question", words)
        rows = [list(row) for row in zip(*columns, strict=True)]
        return lettered_options(stems, stem_ids, rows, asks.right.tolist(), asks.keys)
    if asks.form == "choice":
        return _closer(asks, own, words, columns)
    return _limit(asks, own, words, bits, units) if asks.way == "limit" else _stated(asks, own, words, columns)


def _plain_zeros(answers: list[str], values: F64) -> list[str]:
    """Nobody says "about 0 cm": where the value is none, the number stands alone."""
    zero = np.flatnonzero(np.abs(values) < ZERO)
    for row in zero.tolist():
        answers[row] = capital(re.sub(r"\b(?:about|roughly|around) (?=0 )", "", answers[row], flags=re.IGNORECASE))
    return answers


def _closer(asks: Asks, own: Wording, words: Words, columns: list[list[str]]) -> Written:
    """Two values to choose from: in words of the type's own, or with the frames for what can be compared."""
    words = words | {"x": columns[0], "y": columns[1]}
    if own.of("choice"):
        questions, names = pick(own.of("choice"), asks.keys, "question", words)
        answers, answer_ids = pick(own.of("short") + own.of("statement."), asks.keys, "answer", words)
        return Written(questions, answers, joined(names, answer_ids))
    measured, measure_ids = pick(own.of("measure"), asks.keys, "measure", words)
    words = words | {"m": measured}
    questions, question_ids = pick(frames().of("closer"), asks.keys, "question", words)
    answers, answer_ids = pick(frames().of("closer_answer") + own.of("statement."), asks.keys, "answer", words)
    names = [f"{m}.{q.partition('/')[2]}" for m, q in zip(measure_ids, question_ids, strict=True)]
    return Written(questions, answers, joined(names, answer_ids))


def _limit(asks: Asks, own: Wording, words: Words, bits: U64, units: str) -> Written:
    """Ask whether it is more, or less, than a limit halfway to the value of another fact of the scene."""
    assert asks.pool is not None
    assert asks.options is not None
    values = np.abs(asks.pool.value[asks.options])
    say = asks.family.say[asks.type]
    low, high, value = values.min(axis=1), values.max(axis=1), np.abs(asks.facts.value)
    above = value > values.mean(axis=1)
    spoken = np.array([parse(text) for text in words["v"]])  # the answer says it: it must not contradict the limit
    low = np.where(above, low, np.maximum(low, np.minimum(spoken, high)))
    high = np.where(above, np.minimum(high, np.maximum(spoken, low)), high)
    room = np.maximum(_CLEAR_OF * (high - low), 2.0 * asks.pool.sigma[asks.options].max(axis=1))
    limits = limit_texts(say, low, high, np.minimum(room, 0.49 * (high - low)), bits, units)
    measured, measure_ids = pick(own.of("measure"), asks.keys, "measure", words)
    words = words | {"m": measured, "t": limits}
    less = coin(asks.keys, "inverted")
    frame = frames().of("less"), frames().of("more")
    questions, question_ids = pick_either(*frame, less, asks.keys, "question", words)
    names = [f"{m}.{q.partition('/')[2]}" for m, q in zip(measure_ids, question_ids, strict=True)]
    stated = value_statement(asks, own, words)
    return yes_no_answers(questions, names, above != less, asks.keys, stated)


def _stated(asks: Asks, own: Wording, words: Words, columns: list[list[str]]) -> Written:
    """State the value, or that of another fact of the scene, each half of the time."""
    assert asks.right is not None
    said = coin(asks.keys, "said")
    partner = either(asks.right == 0, columns[1], columns[0])
    claim_words = words | {"v": either(said, words["v"], partner)}
    return put_claim(asks, own, words, claim_words, said)
