"""One test for each line of the known defects of public systems that concerns questions."""

from __future__ import annotations

import re

import pyarrow.parquet as pq
import pytest
from qa_scenes import ROOM, Box, make_scene, room
from rows import many_rows, rows_of

from spatialgen.qa.ask import ask_scenes
from spatialgen.qa.config import AskConfig
from spatialgen.qa.numbers import parse

TWO = (0.5, 0.4, 0.6)


def only(type_: str, *boxes: Box) -> list[dict]:
    return rows_of([make_scene(boxes)], AskConfig(per_image="all", types=(type_,), undecided=False))


def test_1_in_front_of_is_towards_the_viewer() -> None:
    rows = only("in_front_of", Box("table", (0.0, 2.0, 0.3), TWO), Box("lamp", (0.2, 5.0, 0.3), TWO))
    assert {(r["subjects"][0], r["answer_value"]) for r in rows} <= {("1", 1.0), ("2", 0.0)}
    assert rows


def test_2_the_height_question_returns_the_height() -> None:
    (row,) = only("height", Box("table", (0.0, 3.0, 0.3), (2.0, 1.0, 0.6)))
    assert row["answer_value"] == pytest.approx(0.6)


def test_3_answers_without_a_number_stay() -> None:
    assert sum(not re.search(r"\d", r["answer"].replace("number", "")) for r in many_rows()) > 500


@pytest.mark.parametrize(("degrees", "hour"), [(5.0, 12.0), (335.0, 11.0), (355.0, 12.0), (95.0, 3.0)])
def test_4_clock_hours_are_the_nearest(degrees: float, hour: float) -> None:
    import math

    x, y = 2 * math.sin(math.radians(degrees)), 4 + 2 * math.cos(math.radians(degrees))
    rows = only("clock_direction", Box("table", (0.0, 4.0, 0.3), TWO), Box("lamp", (x, y, 0.3), TWO))
    assert [r["answer_value"] for r in rows if r["subjects"] == ["1", "2"]] == [hour]


def test_4_horizontal_distance_is_in_the_ground_plane() -> None:
    (row,) = only("horizontal_distance", Box("table", (0.0, 2.0, 0.3), TWO), Box("lamp", (0.3, 2.4, 1.3), TWO))
    assert row["answer_value"] == pytest.approx(0.5)


def test_4_support_goes_along_the_vertical() -> None:
    beside = only("on_top_of", Box("table", (0.0, 3.0, 0.3), TWO), Box("mug", (0.3, 3.0, 0.05), (0.1, 0.1, 0.1)))
    assert {r["answer_value"] for r in beside} == {0.0}
    above = only("on_top_of", Box("table", (0.0, 3.0, 0.3), TWO), Box("mug", (0.0, 3.0, 0.65), (0.1, 0.1, 0.1), on="1"))
    assert [r["answer_value"] for r in above if r["subjects"] == ["2", "1"]] == [1.0]


def test_5_one_millimetre_decides_nothing() -> None:
    boxes = (Box("table", (0.0, 3.0, 0.3), TWO), Box("lamp", (0.001, 3.001, 0.301), (0.501, 0.401, 0.601)))
    decided = {
        r["question_type"] for r in rows_of([make_scene(boxes)]) if r["status"] == "decided" and len(r["subjects"]) == 2
    }
    relations = {
        "left_of",
        "right_of",
        "above",
        "below",
        "in_front_of",
        "behind",
        "nearer",
        "farther",
        "wider",
        "narrower",
        "taller",
        "shorter",
        "bigger",
        "smaller",
        "longer",
        "higher_top",
    }
    assert not decided & relations


def test_6_gap_and_distance_are_two_measures_and_symmetric() -> None:
    boxes = (Box("table", (0.0, 3.0, 0.3), TWO), Box("lamp", (1.5, 3.0, 0.3), TWO))
    assert only("distance", *boxes)[0]["answer_value"] == pytest.approx(1.5)
    assert only("gap", *boxes)[0]["answer_value"] == pytest.approx(1.0)
    assert only("gap", *boxes[::-1])[0]["answer_value"] == pytest.approx(1.0)


def test_7_everything_seen_is_counted() -> None:
    cut = Box("chair", (2.5, 3.0, 0.4), TWO, solid=False, cut=("right",))
    tiny = Box("chair", (-1.5, 6.0, 0.05), (0.03, 0.03, 0.03), solid=False)
    rows = only("count", Box("chair", (0.0, 3.0, 0.3), TWO), cut, tiny)
    assert [r["answer_value"] for r in rows] == [3.0]


def test_7_the_longest_side_is_the_longest() -> None:
    for size in ((0.3, 0.2, 1.6), (2.0, 0.5, 0.4)):
        (row,) = only("longest_side", Box("lamp", (0.0, 3.0, size[2] / 2), size))
        assert row["answer_value"] == max(size)


def test_7_distractors_differ_from_the_answer() -> None:
    for row in many_rows():
        options = re.findall(r"^\(?[A-H][.)] (.+)$", row["question"], re.MULTILINE)
        assert len(set(options)) == len(options)


def test_7_same_is_sometimes_right() -> None:
    rows = [r for r in many_rows() if r["status"] == "same" and r["form"] == "multiple_choice"]
    tie = re.compile(r"^\(?[A-H][.)] (about the same|they are about equal|no clear difference)$", re.MULTILINE)
    tied = [r for r in many_rows() if tie.search(r["question"])]
    assert rows
    assert len(tied) == 3 * len(rows)


@pytest.mark.parametrize("name", ["mug [B]", "{b}", "<image>", "mug %s"])
def test_8_a_name_is_never_taken_for_a_slot(name: str) -> None:
    boxes = (Box("mug", (-0.5, 3.0, 0.3), TWO, name=name), Box("table", (0.9, 3.0, 0.3), TWO, name="table"))
    rows = rows_of([make_scene(boxes)])
    assert rows
    assert not any(name in r["question"] + r["answer"] for r in rows)


def test_8_what_is_printed_is_what_was_computed() -> None:
    for row in many_rows():
        if row["question_type"] == "distance" and row["form"] == "open":
            text = re.sub(r"number \d", "", row["answer"])
            assert parse(text) == pytest.approx(row["answer_value"], rel=0.05, abs=0.013)
            assert "0.0" not in text


def test_9_no_sizes_of_objects_that_the_border_cuts() -> None:
    rows = only("width", *ROOM[:2], Box("sofa", (2.4, 3.0, 0.4), (2.0, 0.9, 0.8), solid=False, cut=("right",)))
    assert {s for r in rows for s in r["subjects"]} == {"1", "2"}


def test_11_nothing_depends_on_a_global_generator() -> None:
    import random

    import numpy as np

    config = AskConfig(per_image="all")
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    one = ask_scenes([room()], config)
    random.seed(2)
    np.random.seed(2)  # noqa: NPY002
    assert ask_scenes([room()], config).equals(one)


def test_a_question_takes_at_most_150_bytes(tmp_path) -> None:
    from qa_scenes import random_boxes

    table = ask_scenes(
        [make_scene(random_boxes(k, 6), f"scene-{k:06d}") for k in range(30)], AskConfig(per_image="all")
    )
    pq.write_table(table, tmp_path / "questions.parquet", compression="zstd")
    assert (tmp_path / "questions.parquet").stat().st_size <= 150 * table.num_rows
