"""The words against the fact: yes and no, the letter, the winner, the number."""

from __future__ import annotations

import re

import pytest
from qa_scenes import Box, make_scene, room
from rows import Row, boxes_of, many_rows, rows_of

from spatialgen.qa.config import AskConfig
from spatialgen.qa.english import listed
from spatialgen.qa.family import Kind, family_of_type
from spatialgen.qa.numbers import parse

NAME = re.compile(
    r"the \w+ \w+ number \d|the (?:table|red mug|chair on the (?:left|right)|sofa|lamp|wooden crate|apple)"
)


def of(form: str, *kinds: Kind, status: str = "decided") -> list[Row]:
    return [
        r
        for r in many_rows()
        if r["form"] == form and r["status"] == status and family_of_type()[r["question_type"]].kind in kinds
    ]


def question_id(row: Row) -> str:
    return row["template_id"].partition("/")[2].partition("+")[0]


def test_yes_and_no_follow_from_the_fact_and_the_phrase() -> None:
    rows = of("yes_no", Kind.RELATION, Kind.PREDICATE)
    assert len(rows) > 300
    for row in rows:
        inverted = question_id(row).endswith("!") or question_id(row).startswith("n")
        says_yes = row["answer"].startswith("Yes")
        assert says_yes == ((row["answer_value"] == 1.0) != inverted), (row["question"], row["answer"])
        assert says_yes or row["answer"].startswith("No")


LEFT = re.compile(rf"^Is ({NAME.pattern}) (to the left of|to the right of) ({NAME.pattern}), as seen from here\?$")


def test_an_inverted_phrase_changes_the_text_and_not_the_fact() -> None:
    rows = [(r, LEFT.match(r["question"])) for r in of("yes_no", Kind.RELATION)]
    checked = [(r, m) for r, m in rows if m]
    assert checked
    for row, match in checked:
        left = (row["question_type"] == "left_of") == (row["answer_value"] == 1.0)
        assert row["answer"].startswith("Yes") == (("left" in match[2]) == left)


def test_true_and_false_of_relations_agree_with_yes_and_no_words() -> None:
    for row in of("true_false", *Kind):
        assert re.match(r"(True|False|That is (true|false)|The statement is (true|false))", row["answer"]), row[
            "answer"
        ]


def options_of(question: str) -> dict[str, str]:
    return dict(re.findall(r"^\(?([A-H])[.)] (.+)$", question, re.MULTILINE))


def letter_of(answer: str) -> str:
    found = re.match(r"(?:Option |The answer is |\()?([A-H])\b", answer)
    assert found, answer
    return found[1]


def test_the_letter_is_that_of_the_right_option() -> None:
    rows = [r for r in many_rows() if r["form"] == "multiple_choice"]
    assert len(rows) > 300
    for row in rows:
        options = options_of(row["question"])
        right = options[letter_of(row["answer"])]
        assert len(set(options.values())) == len(options) >= 3, row["question"]
        rest = re.sub(r"^(Option |The answer is |\()?[A-H][).:]* ?", "", row["answer"])
        assert rest in ("", right, right + ".") or rest.rstrip(".") == right.rstrip("."), row["answer"]


def test_picks_name_the_winner() -> None:
    for row in of("choice", Kind.PICK):
        names = NAME.findall(row["question"].lower())
        assert len(set(names)) >= len(row["subjects"]) - 1
    mc = of("multiple_choice", Kind.PICK)
    for row in mc:
        options = list(options_of(row["question"]).values())
        reference = len(row["subjects"]) - len(options)
        index = "ABCDEFGH".index(letter_of(row["answer"]))
        assert index == int(row["answer_value"]) - reference


def test_open_picks_name_the_candidates_and_answer_with_a_sentence() -> None:
    rows = of("open", Kind.PICK)
    assert {r["question_type"] for r in rows} == {
        t for t, family in family_of_type().items() if family.kind is Kind.PICK
    }
    for row in rows:
        boxes = boxes_of(row)
        listed_names = set(NAME.findall(row["question"].lower()))
        assert len(listed_names) == len(boxes), row["question"]
        winner = boxes[int(row["answer_value"])]
        told = row["answer"].lower()
        assert (winner.name or winner.label) in told
        assert len(told.split()) > len((winner.name or winner.label).split()) + 3
        assert not re.search(r"in the (room|scene|picture)|of all|everything", row["question"]), row["question"]


def test_a_choice_between_two_is_answered_by_the_winner() -> None:
    for row in of("choice", Kind.RELATION):
        first, second = NAME.findall(row["question"].lower())[:2]
        winner = first if row["answer_value"] == 1.0 else second
        answer = row["answer"].lower()
        if len(NAME.findall(answer)) == 1:
            assert winner in answer, (row["question"], row["answer"])


@pytest.mark.parametrize(
    "type_",
    [
        "distance",
        "gap",
        "width",
        "height",
        "volume",
        "height_ratio",
        "distance_to_camera",
        "relative_depth",
        "top_height",
        "image_coverage",
        "vertical_distance",
    ],
)
def test_open_answers_parse_back_to_the_value(type_: str) -> None:
    rows = [r for r in many_rows() if r["question_type"] == type_ and r["form"] == "open" and r["status"] == "decided"]
    assert rows
    for row in rows:
        text = re.sub(r"number \d", "", row["answer"])
        text = re.sub(
            r"from 0(?:, \w+,)? to 1(?:, \w+,)?|0 to 1|from 0|nearest counts 0|farthest 1|from 0, near, to 1, far",
            "",
            text,
        )
        text = re.sub(r"with 0 as the nearest and 1 as the farthest|0, nearest, to 1, farthest,?", "", text)
        read, value = parse(text), row["answer_value"]
        assert abs(read - value) <= max(0.055 * value, 0.013 if row["answer_unit"] == "m" else 0.006), (
            row["answer"],
            value,
        )


def test_signed_offsets_name_the_side() -> None:
    for row in many_rows():
        if row["form"] != "open" or row["status"] != "decided":
            continue
        if row["question_type"] == "lateral_offset":
            assert ("to the right" in row["answer"]) == (row["answer_value"] > 0)
            assert ("to the left" in row["answer"]) == (row["answer_value"] < 0)
        if row["question_type"] == "elevation_angle":
            assert ("upwards" in row["answer"]) == (row["answer_value"] > 0)
        if row["question_type"] == "forward_offset":
            assert ("farther back" in row["answer"]) == (row["answer_value"] > 0)


def test_limits_and_claims_agree_with_the_value() -> None:
    seen = 0
    for row in of("yes_no", Kind.VALUED):
        match = re.search(
            r"(?:more than|less than|over|under|greater than|smaller than|exceed|above|below) (\d[^?]*)\?$",
            row["question"],
        )
        if not match or row["answer_unit"] not in ("m", "m3", "ratio"):
            continue
        above = question_id(row).partition(".")[2].startswith("m")
        limit, value = parse(match[1]), abs(row["answer_value"])
        assert row["answer"].startswith("Yes") == ((value > limit) == above), (row["question"], row["answer"], value)
        assert abs(value - limit) > 2 * row["sigma"], (row["question"], row["answer"], value)
        said = re.search(r"\d.*", re.sub(r"number \d+|\(\d+, \d+\)", "", row["answer"]))
        if said and row["question_type"] != "relative_depth":  # whose scale is told in numbers, too
            assert (parse(said[0]) > limit) == (value > limit), (row["question"], row["answer"])
        seen += 1
    assert seen > 50


def test_ties_and_unknowns_are_right_answers() -> None:
    twins = [
        Box("sofa", (-1.5, 3.0, 0.4), (1.0, 0.5, 0.8), name="old sofa"),
        Box("bed", (1.0, 3.0, 0.4), (1.01, 0.5, 0.8), name="bed"),
        Box("lamp", (0.2, 2.0, 0.8), (0.3, 0.25, 1.6), name="lamp"),
        Box("table", (2.0, 5.0, 0.3), (1.5, 0.8, 0.6), name="table"),
        Box("rug", (-2.4, 2.4, 0.01), (2.0, 1.0, 0.02), name="rug", solid=False, cut=("left", "bottom")),
    ]
    rows = [r for k in range(12) for r in rows_of([make_scene(twins, f"twins-{k}")])]
    same = [r for r in rows if r["status"] == "same"]
    assert {"wider", "taller", "bigger"} & {r["question_type"] for r in same}
    assert all(r["answer_value"] is None for r in same)
    assert {"open", "multiple_choice"} == {r["form"] for r in same}
    for row in same:
        if row["form"] == "multiple_choice":
            assert re.search(r"same|equal|no clear", options_of(row["question"])[letter_of(row["answer"])])
    unknown = [r for r in rows if r["status"] == "unknown"]
    assert {"width", "height", "volume"} <= {r["question_type"] for r in unknown}
    assert all(r["subjects"] == ["5"] and r["answer_value"] is None for r in unknown)
    assert all("rug" in r["answer"] for r in unknown)
    assert not [
        r for r in rows_of([make_scene(twins)], AskConfig(per_image="all", undecided=False)) if r["status"] != "decided"
    ]


def test_orders_list_the_subjects_in_order() -> None:
    for row in of("open", Kind.ORDER):
        named = NAME.findall(row["answer"].lower())
        assert len(named) == len(row["subjects"])
        assert listed(["x", "y"], "and") == "x and y"


def test_few_wordings_change_the_words_only() -> None:
    """One template of each section is used then: the facts, forms and answers of all types and forms stay."""
    plain = rows_of([room()], AskConfig(per_image="all", wordings=1))
    usual = rows_of([room()])

    def facts(rows: list[Row]) -> list[object]:
        return [(r["question_type"], r["form"], r["answer_value"], r["answer_unit"], r["subjects"]) for r in rows]

    assert facts(plain) == facts(usual)
    asked = {(r["question_type"], r["form"], question_id(r)) for r in plain}
    assert len(asked) < len({(r["question_type"], r["form"], question_id(r)) for r in usual}) / 2
    left = {NAME.sub("X", r["question"]) for r in plain if r["question_type"] == "left_of" and r["form"] == "choice"}
    assert left == {"Which is further left as seen from here, X or X?"}
