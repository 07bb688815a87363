"""Templates: enough of them, stable ids, slots checked when loaded and filled once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import pytest
from rows import many_rows

from spatialgen.errors import ConfigError
from spatialgen.qa.columns import fill
from spatialgen.qa.facts import I64
from spatialgen.qa.family import family_of_type
from spatialgen.qa.phrase import FRAGMENTS, Template, compile_template, frames, wording
from spatialgen.qa.types import TYPES

QUESTION = ("open", "yes_no", "yes_no_inverted", "choice", "stem")
ANSWER = ("statement", "holds", "fails", "short", "winner", "same", "among", "holds_told", "fails_told")
LAYOUT = frozenset({"options_answer"})  # "B", "(B) ...": ways to write a letter, not words

WORDS = {
    **{"a": "the red mug", "b": "the lamp", "c": "the sofa", "x": "the red mug", "y": "the lamp", "w": "the red mug"},
    **{"r": "the sofa", "v": "1.2 m", "t": "80 cm", "m": "the height of the lamp", "s": "the red mug is on the sofa"},
    **{"or_list": "the red mug, the lamp or the sofa", "and_list": "the red mug, the lamp and the sofa"},
    **{"order": "the red mug, the sofa, the lamp", "options": "A. the red mug", "letter": "A", "rank": "third"},
    **{"point": "(120, 640)", "radius": "30 cm", "width": "70 cm", "phrase": "the second mug from the left"},
    **{"label": "mug", "a_label": "a mug", "labels": "mugs"},
}


def tokens(template: Template) -> tuple[str, ...]:
    """What a reader sees, in words: slots filled, no punctuation."""
    text = re.sub(r"\{(\w+)\}", lambda slot: WORDS[slot[1]], template.text)
    return tuple(re.findall(r"[\w']+", text.lower()))


def in_more_than_one_word(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether it takes more than one word put in, left out or exchanged to get from one text to the other."""
    if abs(len(one) - len(other)) > 1:
        return True
    same = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        same += 1
    rest, other_rest = one[same:], other[same:]
    return rest[1:] != other_rest[1:] and rest[1:] != other_rest and rest != other_rest[1:]


def near_pairs(templates: Sequence[Template]) -> list[tuple[str, str]]:
    read = [(t.text, tokens(t)) for t in templates]
    return [(x, y) for k, (x, a) in enumerate(read) for y, b in read[:k] if not in_more_than_one_word(a, b)]


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        ("is the mug on it", False),
        ("is the red mug on", False),
        ("is the red cup on it", False),
        ("is the red mug right on it", False),
        ("is the cup on it", True),
        ("on the red mug is it", True),
    ],
)
def test_what_counts_as_more_than_one_word(other: str, differs: bool) -> None:
    assert in_more_than_one_word(("is", "the", "red", "mug", "on", "it"), tuple(other.split())) is differs


@pytest.mark.parametrize("type_", TYPES)
def test_twenty_questions_and_ten_answers_a_type(type_: str) -> None:
    """All of them differ in more than one word as they are read: those of all forms, and of answers."""
    words = wording(family_of_type()[type_].name, type_)
    questions = [t for s in QUESTION for t in words.of(s)]
    answers = [t for s in ANSWER for t in words.of(s)]
    assert near_pairs(questions) == []
    assert near_pairs(answers) == []
    assert near_pairs(words.of("measure")) == []
    assert len(questions) >= 20
    assert len(words.of("holds") or answers) >= 10
    assert len(words.of("fails") or answers) >= 10


@pytest.mark.parametrize("section", sorted(s for s in frames().sections if s not in LAYOUT and not s.endswith(".")))
def test_frames_differ_in_more_than_one_word(section: str) -> None:
    assert near_pairs(frames().of(section)) == []


@pytest.mark.parametrize("type_", TYPES)
def test_every_type_can_be_asked_openly(type_: str) -> None:
    assert len(wording(family_of_type()[type_].name, type_).of("open")) >= 6


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
