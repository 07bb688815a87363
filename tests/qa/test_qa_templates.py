"""Templates: enough of them, stable ids, slots checked when loaded and filled once."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from rows import many_rows

from spatialgen.errors import ConfigError
from spatialgen.qa.columns import fill
from spatialgen.qa.facts import I64
from spatialgen.qa.family import family_of_type
from spatialgen.qa.phrase import FRAGMENTS, compile_template, frames, wording
from spatialgen.qa.types import TYPES

QUESTION = ("open", "yes_no", "yes_no_inverted", "choice", "stem")
ANSWER = ("statement", "holds", "fails", "short", "winner", "same")


@pytest.mark.parametrize("type_", TYPES)
def test_twenty_questions_and_ten_answers_a_type(type_: str) -> None:
    words = wording(family_of_type()[type_].name, type_)
    questions = {t.text for s in QUESTION for t in words.of(s)}
    answers = {t.text for s in ANSWER for t in words.of(s)}
    assert len(questions) >= 20
    assert len(answers) >= 10


@pytest.mark.parametrize("type_", TYPES)
def test_ids_are_unique_and_texts_are_clean(type_: str) -> None:
    words = wording(family_of_type()[type_].name, type_)
    templates = [(s, t) for s in words.sections if not s.endswith(".") for t in words.of(s)]
    assert max(Counter(t.id for _, t in templates).values()) == 1
    for section, template in templates:
        assert template.text == template.text.strip()
        assert not re.search(r" {2}| [.,?!;]|\.\.|\ba \{a_label|\?\.", template.text), template.text
        if section in FRAGMENTS:
            assert template.text[-1] not in ".?!,", template.text
        elif section not in ("short",):
            assert template.text[-1] in ".?!", template.text


def test_texts_differ_in_more_than_one_word() -> None:
    """Of all pairs of questions of a type and form, hardly any differ by a single word."""
    for type_ in TYPES:
        words = wording(family_of_type()[type_].name, type_)
        for section in ("open", "yes_no"):
            bags = [Counter(t.text.lower().split()) for t in words.of(section)]
            near = sum(((a - b) + (b - a)).total() <= 2 for i, a in enumerate(bags) for b in bags[:i])
            assert near == 0, (type_, section)


def test_unknown_slots_and_stray_braces_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"unknown slot \{who\}"):
        compile_template("x/q01", "Where is {who}?")
    with pytest.raises(ConfigError, match="stray brace"):
        compile_template("x/q01", "Where is {A}?")
    with pytest.raises(ConfigError, match=r"no words for slot \{b\}"):
        fill((compile_template("x/q01", "Where is {b}?"),), _zero(), {"a": ["the mug"]})


def _zero() -> I64:
    import numpy as np

    return np.zeros(1, np.int64)


def test_slots_are_filled_once() -> None:
    template = compile_template("x/q01", "Is {a} 100% left of {b}? {b} is big.")
    assert template.slots == ("a", "b", "^b")
    text = fill((template,), _zero(), {"a": ["the {b} of %s"], "b": ["the mug"], "^b": ["The mug"]})
    assert text == ["Is the {b} of %s 100% left of the mug? The mug is big."]


def test_a_family_without_its_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"templates/nothing\.yaml"):
        wording("nothing", "nothing")


def test_frames_have_enough_ways() -> None:
    for section in ("true_false", "claim", "claim_inverted", "more", "less", "which_statement"):
        assert len(frames().of(section)) >= 6


def test_rows_read_well() -> None:
    for row in many_rows():
        question, answer = row["question"], row["answer"]
        for text in (question, answer):
            assert text == text.strip()
            assert text[0].isupper() or text[0] in "0123456789([", text
            assert not re.search(r" {2}|[{}]|\bthe the\b|\ba a\b|\ba [aeiou](?!ne\b|ni)|None(?! of)|\bnan\b", text), (
                text
            )
            assert not re.search(r"[.?!,] [.?!,]|\.\.|,\.", text), text
            assert not re.search(r"[a-z][.?!] [a-z]", text.replace("o'clock. ", "")), text
        assert question.split("\n")[0][-1] in ".?!:", question
        if row["form"] in ("yes_no", "true_false"):
            assert answer[-1] in ".!"


def test_template_ids_name_the_family() -> None:
    for row in many_rows():
        assert row["template_id"].startswith(family_of_type()[row["question_type"]].name + "/")
        assert "+" in row["template_id"]
