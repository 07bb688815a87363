"""Predicates: which form carries a fact that holds or fails, and what an open answer says as its reason."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import numpy as np
import pytest
from box_truth import distance, gap, volume
from qa_scenes import Box, make_scene
from rows import Row, boxes_of, many_rows, rows_of

from spatialgen.qa.ask import draft
from spatialgen.qa.config import AskConfig
from spatialgen.qa.family import Kind, facts_of, families, family_of_type
from spatialgen.qa.numbers import parse
from spatialgen.qa.phrase import REASON
from spatialgen.testing.box_scenes import furnished_boxes

PREDICATES = tuple(t for family in families() if family.kind is Kind.PREDICATE for t in family.types)
CLOSED = ("yes_no", "choice", "true_false", "multiple_choice")


def of(type_: str, *forms: str) -> list[Row]:
    return [r for r in many_rows() if r["question_type"] == type_ and r["form"] in forms]


@pytest.mark.parametrize("forms", ["all", ("open",), ("yes_no", "open"), ("multiple_choice", "open"), ("yes_no",)])
def test_every_fact_has_a_row_where_all_is_asked_openly_and_none_has_two_of_a_form(forms: object) -> None:
    scene = make_scene(furnished_boxes(5, 6), "room")
    config = AskConfig(per_image="all", forms=forms)
    _, a, _ = draft([scene], config)
    rows = rows_of([scene], config)
    for family in families():
        for facts in facts_of(family, a) if family.kind is Kind.PREDICATE else ():
            asked = Counter(
                (tuple(r["subjects"]), str(sorted(r["params"].items())), r["form"])
                for r in rows
                if r["question_type"] == facts.type
            )
            assert max(asked.values(), default=1) == 1
            if forms != ("yes_no",):
                assert len({key[:2] for key in asked}) == len(facts), facts.type


@pytest.mark.parametrize("type_", ["touching", "next_to", "far_from", "between", "fits_on", "same_size"])
def test_closed_forms_are_even_and_the_rarer_answer_is_open_too(type_: str) -> None:
    by_scene = defaultdict(list)
    for row in of(type_, *CLOSED, "open"):
        by_scene[row["image_id"]].append(row)
    for rows in by_scene.values():
        facts = Counter({tuple(r["subjects"]): r["answer_value"] for r in rows}.values())
        opened = Counter(r["answer_value"] for r in rows if r["form"] == "open")
        if facts[0.0] != facts[1.0]:
            closed = Counter(r["answer_value"] for r in rows if r["form"] != "open")
            assert closed[0.0] == closed[1.0]
            rarer = min(facts, key=lambda value: facts[value])
            assert opened[rarer] == facts[rarer]


MEASURES = {
    "touching": gap,
    "next_to": gap,
    "far_from": gap,
    "passes_between": gap,
    "fits_between": lambda a, b, c: gap(b, c),
    "aligned_horizontally": lambda a, b: abs(a.center[2] - b.center[2]),
    "aligned_vertically": lambda a, b: distance(
        Box("", (*a.center[:2], 0.0), a.size), Box("", (*b.center[:2], 0.0), b.size)
    ),
    "same_size": lambda a, b: max(volume(a), volume(b)) / min(volume(a), volume(b)),
}


@pytest.mark.parametrize("type_", sorted(MEASURES))
def test_the_reason_that_an_open_answer_gives_is_measured(type_: str) -> None:
    told = [r for r in of(type_, "open") if REASON in r["template_id"]]
    assert len(told) > 5
    for row in told:
        text = re.sub(r"number \d", "", row["answer"])
        truth = MEASURES[type_](*boxes_of(row))
        numbers = [parse(part) for part in re.findall(r"[Aa]bout (\d[^,;:?]*)", text)]
        assert any(n == pytest.approx(truth, rel=0.08, abs=0.013) for n in numbers), (row["answer"], truth)


def test_what_it_stands_on_instead() -> None:
    table = Box("table", (-0.6, 3.0, 0.36), (1.4, 0.8, 0.72))
    mug = Box("mug", (-0.8, 2.9, 0.77), (0.1, 0.09, 0.1), on="1")
    sofa = Box("sofa", (1.4, 4.0, 0.4), (1.0, 0.8, 0.8))
    shelf = Box("shelf", (1.4, 2.0, 1.5), (0.9, 0.3, 0.04), on=None)
    rows = rows_of([make_scene([table, mug, sofa, shelf])], AskConfig(per_image="all", types=("on_top_of", "inside")))
    told = {(r["question_type"], *r["subjects"]): r["answer"].lower() for r in rows if REASON in r["template_id"]}
    assert all("the table" in text for (type_, a, b), text in told.items() if a == "2" and type_ == "on_top_of")
    assert "the floor" in told["on_top_of", "3", "1"]
    assert not any(a == "4" for _, a, _ in told)
    assert all(row["answer_value"] == 0.0 for row in rows if (row["question_type"], *row["subjects"]) in told)


def test_all_predicates_are_looked_at() -> None:
    assert len(PREDICATES) == 14
    assert all(family_of_type()[t].kind is Kind.PREDICATE for t in PREDICATES)


@pytest.mark.parametrize("tray_first", [False, True])
def test_what_is_said_to_carry_a_cup_does_not_hang_on_the_order_of_things(tray_first: bool) -> None:
    """A thin tray on a table: the cup is within three centimetres of both."""
    tray, table = ("3", "2") if not tray_first else ("2", "3")
    below = [
        Box("table", (-0.6, 3.0, 0.36), (1.4, 0.8, 0.72)),
        Box("tray", (-0.6, 3.0, 0.73), (0.5, 0.35, 0.02), on=table),
    ]
    cup = Box("cup", (-0.6, 3.0, 0.79), (0.09, 0.08, 0.10), on=tray)
    boxes = [cup, *(below[::-1] if tray_first else below), Box("chair", (0.9, 2.6, 0.45), (0.5, 0.45, 0.9))]
    _, a, _ = draft([make_scene(boxes)], AskConfig(per_image="all"))
    (facts,) = facts_of(family_of_type()["on_top_of"], a)
    index = {box.label: k for k, box in enumerate(boxes)}
    held = {tuple(pair) for pair, value in zip(facts.subjects.tolist(), facts.value, strict=True) if value > 0.5}
    assert (index["cup"], index["table"]) in held, "both carry it, by the definition"
    (row,) = np.flatnonzero((facts.subjects == [index["cup"], index["chair"]]).all(axis=1))
    assert facts.instead[row] == index["tray"]
