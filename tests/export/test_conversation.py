"""Conversations of several turns: the questions of the set, none answered by what another turn says."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

from box_pages import page_of

from spatialgen.export.forms.conversation import LEFT_OUT, TOPICS, independent, topics_of
from spatialgen.export.pages import Page
from spatialgen.qa.family import families
from spatialgen.qa.select import GIVEN_AWAY
from spatialgen.qa.types import INVERSE, TYPES
from spatialgen.testing.box_scenes import Box

Export = Callable[[str], list[dict[str, Any]]]


def test_every_type_has_a_topic_or_is_left_out() -> None:
    assert {type_ for type_ in TYPES if not topics_of(type_)} <= LEFT_OUT
    assert {type_ for types in TOPICS.values() for type_ in types} <= set(TYPES)


def test_types_of_one_concept_share_a_topic() -> None:
    concepts: dict[str, list[str]] = {}
    for family in families():
        for type_ in family.types:
            concepts.setdefault(family.concepts.get(type_, type_), []).append(type_)
    linked = [types for types in concepts.values() if len(types) > 1] + [list(pair) for pair in INVERSE.items()]
    linked += [list(types) for types in GIVEN_AWAY.values()]
    assert len(linked) > 10
    for types in linked:
        for one, other in combinations(set(types) - LEFT_OUT, 2):
            assert set(topics_of(one)) & set(topics_of(other)), (one, other)


def test_turns_share_no_topic_and_object(exported: Export, book: dict[str, Page]) -> None:
    records = exported("conversation")
    assert len(records) >= 4
    for record in records:
        page = book[record["image_id"]]
        rows = {row["qa_id"]: row for row in page.rows}
        turns = [turn["value"] for turn in record["conversations"]]
        told = [rows[qa_id] for qa_id in record["qa_ids"]]
        assert 2 <= len(told) <= 8
        assert turns[::2] == [f"<image>\n{told[0]['question']}", *[row["question"] for row in told[1:]]]
        assert turns[1::2] == [row["answer"] for row in told]
        assert {row["status"] for row in told} == {"decided"}
        for one, other in combinations(told, 2):
            shared = set(one["subjects"]) & set(other["subjects"])
            topics = set(topics_of(one["question_type"])) & set(topics_of(other["question_type"]))
            assert not (shared and topics), (one["question"], other["question"])
        for row in told:
            things = {t.object_id: page.naming.reveals[k] for k, t in enumerate(page.scene.objects)}
            for subject in row["subjects"]:
                assert row["question_type"] not in GIVEN_AWAY.get(things[subject], ())


def test_long_ones_are_of_many_types(exported: Export, book: dict[str, Page]) -> None:
    longest = max(exported("conversation"), key=lambda record: len(record["qa_ids"]))
    rows = {row["qa_id"]: row for row in book[longest["image_id"]].rows}
    assert len(longest["qa_ids"]) >= 5
    assert len({rows[qa_id]["question_type"] for qa_id in longest["qa_ids"]}) >= 4


def test_a_name_that_tells_the_side_answers_no_question_about_it() -> None:
    chairs = [Box("chair", (x, 3.0, 0.45), (0.5, 0.45, 0.9)) for x in (-1.0, 1.0)]
    page = page_of([*chairs, Box("lamp", (0.1, 4.0, 0.8), (0.3, 0.28, 1.6))])
    assert page.naming.phrases == ["the chair on the left", "the chair on the right", "the lamp"]
    about = [row for row in page.rows if {"1", "2"} & set(row["subjects"])]
    assert {"bearing_from_camera", "image_third"} <= {row["question_type"] for row in about}
    chosen = independent(page, about)
    assert chosen
    assert not [row["question_type"] for row in chosen if "side" in topics_of(row["question_type"])]
    lamp = independent(page, [row for row in page.rows if row["subjects"] == ["3"]])
    assert [row for row in lamp if "side" in topics_of(row["question_type"])]
