"""Names: a phrase that fits one object of the picture and no other, or none."""

from __future__ import annotations

import pytest
from qa_scenes import Box, make_scene
from rows import rows_of

from spatialgen.qa.config import AskConfig
from spatialgen.qa.english import plural, singular_thing, with_article
from spatialgen.qa.names import name_objects

NEAR, LEFT, RIGHT = (0.0, 2.0, 0.3), (-0.8, 3.0, 0.3), (0.9, 3.0, 0.3)
SIZE = (0.4, 0.3, 0.6)


def names(*boxes: Box) -> list[str]:
    return list(name_objects([make_scene(boxes)]).phrases)


def test_given_distinct_names_are_used_as_they_are() -> None:
    boxes = [Box("mug", LEFT, SIZE, name="red mug"), Box("mug", RIGHT, SIZE, name="the blue mug")]
    assert names(*boxes) == ["the red mug", "the blue mug"]


def test_a_label_is_enough_where_it_is_alone() -> None:
    assert names(Box("table", LEFT, SIZE), Box("chair", RIGHT, SIZE)) == ["the table", "the chair"]


def test_colour_tells_two_of_a_kind_apart() -> None:
    boxes = [Box("chair", LEFT, SIZE, color="red"), Box("chair", RIGHT, SIZE, color="green")]
    assert names(*boxes) == ["the red chair", "the green chair"]


def test_colour_does_not_help_where_the_other_one_s_is_unknown() -> None:
    boxes = [Box("chair", LEFT, SIZE, color="red"), Box("chair", RIGHT, SIZE)]
    assert names(*boxes) == ["the chair on the left", "the chair on the right"]


def test_three_of_a_kind_by_place() -> None:
    boxes = [Box("chair", RIGHT, SIZE), Box("chair", NEAR, SIZE), Box("chair", LEFT, SIZE)]
    assert names(*boxes) == ["the chair on the right", "the chair in the middle", "the chair on the left"]


def test_what_cannot_be_singled_out_has_no_name() -> None:
    close = [Box("chair", (0.0, 3.0, 0.3), SIZE), Box("chair", (0.02, 3.1, 0.3), SIZE)]
    assert names(*close, Box("table", RIGHT, SIZE)) == ["", "", "the table"]


def test_objects_that_are_never_asked_about_count_too() -> None:
    cut = Box("chair", RIGHT, SIZE, solid=False, cut=("right",))
    assert names(Box("chair", LEFT, SIZE), cut)[0] == "the chair on the left"


def test_synonyms_and_spellings_are_one_name() -> None:
    boxes = [Box("sofa", LEFT, SIZE, name="gray sofa"), Box("couch", RIGHT, SIZE, name="grey couch")]
    assert names(*boxes) == ["the sofa on the left", "the couch on the right"]


def test_a_name_that_fits_another_object_is_not_used() -> None:
    boxes = [Box("chair", LEFT, SIZE, name="chair", color="blue"), Box("chair", RIGHT, SIZE, name="red chair")]
    assert names(*boxes) == ["the blue chair", "the red chair"]
    unknown = [Box("chair", LEFT, SIZE, name="chair"), Box("chair", RIGHT, SIZE, name="red chair")]
    assert names(*unknown) == ["the chair on the left", "the chair on the right"]


def test_relation_to_a_support() -> None:
    boxes = [
        Box("table", LEFT, SIZE),
        Box("mug", (-0.8, 3.0, 0.65), (0.1, 0.1, 0.1), on="1"),
        Box("mug", (-0.75, 3.05, 0.05), (0.1, 0.1, 0.1), on="floor"),
    ]
    assert names(*boxes)[1] in ("the mug on the table", "the mug higher up in the picture")


def test_captions_that_are_unlike_tell_things_apart() -> None:
    boxes = [
        Box("chair", (0.0, 3.0, 0.3), SIZE, caption="a wooden chair with armrests"),
        Box("chair", (0.15, 3.0, 0.3), SIZE, caption="an office chair on wheels"),
    ]
    assert names(*boxes) == ["the wooden chair with armrests", "the office chair on wheels"]


def test_near_duplicate_boxes_are_silent() -> None:
    boxes = [Box("chair", LEFT, SIZE), Box("chair", (-0.8, 3.0, 0.301), SIZE), Box("table", RIGHT, SIZE)]
    assert names(*boxes) == ["", "", "the table"]
    assert name_objects([make_scene(boxes)]).doubled.tolist() == [True, True, False]


@pytest.mark.parametrize(
    "name", ["mug [B]", "mug {{ }}", "<image>", "<mask>", "<ref>mug</ref>", "mug</s>", "a\nb", "%s"]
)
def test_unsafe_names_never_appear(name: str) -> None:
    assert name not in names(Box("mug", LEFT, SIZE, name=name))[0]
    assert names(Box(name, LEFT, SIZE)) == [""] or name == "%s"


def test_plural_things_take_is() -> None:
    assert singular_thing("scissors") == "pair of scissors"
    assert singular_thing("mouse traps") == "set of mouse traps"
    assert singular_thing("pair of shoes") == "pair of shoes"
    assert [singular_thing(one) for one in ("bus", "glass", "cactus", "lens")] == ["bus", "glass", "cactus", "lens"]
    assert names(Box("curtains", LEFT, SIZE)) == ["the set of curtains"]


@pytest.mark.parametrize(
    ("noun", "many"),
    [
        ("chair", "chairs"),
        ("bookshelf", "bookshelves"),
        ("mouse", "mice"),
        ("box", "boxes"),
        ("battery", "batteries"),
        ("toy", "toys"),
        ("potted plant", "potted plants"),
        ("pair of scissors", "pairs of scissors"),
        ("bus", "buses"),
        ("wine glass", "wine glasses"),
        ("person", "people"),
        ("sheep", "sheep"),
        ("mouse traps", "mouse traps"),
        ("people", "people"),
    ],
)
def test_plurals(noun: str, many: str) -> None:
    assert plural(noun) == many


@pytest.mark.parametrize(
    "phrase",
    [
        "an apple",
        "a mug",
        "an hourglass",
        "a uniform",
        "an umbrella",
        "a one-way sign",
        "an orange ball",
        "a unicorn",
        "an uncle",
    ],
)
def test_articles(phrase: str) -> None:
    assert with_article(phrase.partition(" ")[2]) == phrase


def test_no_question_is_answered_by_the_names_in_it() -> None:
    """Is the chair on the left to the left of the chair on the right? Asked only where every fact is wanted."""
    boxes = [Box("chair", LEFT, SIZE), Box("chair", RIGHT, SIZE), Box("table", NEAR, SIZE)]
    chairs = {"1", "2"}

    def sides(config: AskConfig) -> list[set[str]]:
        rows = rows_of([make_scene(boxes)], config)
        return [set(r["subjects"]) for r in rows if r["question_type"] in ("left_of", "right_of")]

    assert chairs in sides(AskConfig(per_image="all"))
    some = sides(AskConfig(per_image=200))
    assert some
    assert chairs not in some
