"""The parts of writing that all kinds of questions share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spatialgen.qa.asks import Asks
from spatialgen.qa.columns import LETTERS, choose, fill, ids, lettered, rows_of
from spatialgen.qa.facts import I64, Bool, Facts
from spatialgen.qa.keys import U64, below, coin, draw
from spatialgen.qa.names import Naming
from spatialgen.qa.phrase import Template, Wording, frames

Words = dict[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Written:
    """n questions and answers in words, with the ids of their templates."""

    questions: list[str]
    answers: list[str]
    templates: list[str]


def subject_words(facts: Facts, naming: Naming) -> Words:
    words: Words = dict(facts.words or {})
    for slot, column in zip("abc", range(facts.subjects.shape[1]), strict=False):
        index = facts.subjects[:, column]
        words[slot] = rows_of(naming.phrases, index)
        words[f"^{slot}"] = rows_of(naming.capitals, index)
    return words


def pick(templates: tuple[Template, ...], keys: U64, purpose: str, words: Words) -> tuple[list[str], list[str]]:
    """Choose a template a row and fill it: texts and ids."""
    choice = choose(templates, keys, purpose)
    return fill(templates, choice, words), ids(templates, choice)


def pick_either(
    yes: tuple[Template, ...], no: tuple[Template, ...], first: Bool, keys: U64, purpose: str, words: Words
) -> tuple[list[str], list[str]]:
    """Choose a template of `yes` where `first`, else of `no`, and fill it: texts and ids."""
    templates = yes + no
    choice = np.where(first, choose(yes, keys, purpose), len(yes) + choose(no, keys, purpose))
    return fill(templates, choice, words), ids(templates, choice)


def with_statement(words: Words, inline: list[str], sentence: list[str]) -> Words:
    """Add a statement to the words: {s}, which becomes a sentence's beginning where it stands at one."""
    return words | {"s": inline, "^s": [text[:-1] for text in sentence]}


def joined(question_ids: list[str], answer_ids: list[str]) -> list[str]:
    return [f"{q}+{a.partition('/')[2]}" for q, a in zip(question_ids, answer_ids, strict=True)]


def merge(parts: Sequence[tuple[I64, Written]], n: int) -> Written:
    questions, answers, templates = [""] * n, [""] * n, [""] * n
    for rows, written in parts:
        for k, row in enumerate(rows.tolist()):
            questions[row], answers[row] = written.questions[k], written.answers[k]
            templates[row] = written.templates[k]
    return Written(questions, answers, templates)


def yes_no_answers(
    questions: list[str], question_ids: list[str], says_yes: Bool, keys: U64, words: Words, *, truth: str = "yes_no"
) -> Written:
    """Answer with the frames of yes and no, or of true and false; {s} of `words` states the fact."""
    good, bad = ("says_yes", "says_no") if truth == "yes_no" else ("says_true", "says_false")
    answers, answer_ids = pick_either(frames().of(good), frames().of(bad), says_yes, keys, "answer", words)
    return Written(questions, answers, joined(question_ids, answer_ids))


def lettered_options(
    stems: list[str],
    stem_ids: list[str],
    options: Sequence[Sequence[str]],
    right: Sequence[int],
    keys: U64,
) -> Written:
    """Put lettered options under each stem; `right` is the index of the one that is so."""
    styles = below(keys, "letters", 3).tolist()
    blocks = [lettered(texts, style) for texts, style in zip(options, styles, strict=True)]
    questions, _ = pick(frames().of("options"), keys, "options", {"s": stems, "^s": stems, "options": blocks})
    words: Words = {
        "letter": [LETTERS[k] for k in right],
        "x": [texts[k] for texts, k in zip(options, right, strict=True)],
    }
    answers, answer_ids = pick(frames().of("options_answer"), keys, "option answer", words)
    return Written(questions, answers, joined(stem_ids, answer_ids))


def shuffled(options: list[list[str]], right: list[int], keys: U64) -> tuple[list[list[str]], list[int]]:
    """Put each row's options in an order drawn from its key, and follow the right one."""
    width = max(len(texts) for texts in options)
    draws = np.stack([draw(keys, f"place {k}") for k in range(width)], axis=1)
    result, places = [], []
    for texts, answer, row in zip(options, right, draws, strict=True):
        order = np.argsort(row[: len(texts)], kind="stable").tolist()
        result.append([texts[k] for k in order])
        places.append(order.index(answer))
    return result, places


def value_statement(asks: Asks, own: Wording, words: Words) -> Words:
    templates, sentences = own.of("statement"), own.of("statement.")
    choice = choose(templates, asks.keys, "answer statement")
    return with_statement(words, fill(templates, choice, words), fill(sentences, choice, words))


def put_claim(asks: Asks, own: Wording, words: Words, claim_words: Words, said: Bool) -> Written:
    """Claim what `claim_words` say, which is so where `said`, as true or false or as yes or no."""
    among, sentences = own.of("among") or own.of("statement"), own.of("among.") or own.of("statement.")
    choice = choose(among, asks.keys, "claim")
    claim = with_statement(claim_words, fill(among, choice, claim_words), fill(sentences, choice, claim_words))
    stated = value_statement(asks, own, words)
    if asks.form == "true_false":
        questions, question_ids = pick(frames().of("true_false"), asks.keys, "question", claim)
        says_yes = said
    else:
        inverted = coin(asks.keys, "inverted")
        frame = frames().of("claim_inverted"), frames().of("claim")
        questions, question_ids = pick_either(*frame, inverted, asks.keys, "question", claim)
        says_yes = said != inverted
    names = [f"{c}.{q.partition('/')[2]}" for c, q in zip(ids(among, choice), question_ids, strict=True)]
    return yes_no_answers(questions, names, says_yes, asks.keys, stated, truth=asks.form)
