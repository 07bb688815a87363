"""Every trap of the formats page, and those that we found ourselves."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialgen.evaluate.parser import (
    parse_box,
    parse_choice,
    parse_hour,
    parse_order,
    parse_quantity,
    parse_side,
    parse_yes_no,
)

INCH, FOOT = 0.0254, 0.3048


@pytest.mark.parametrize(
    ("text", "metres"),
    [
        ("about 3 m", 3.0),
        ("3m", 3.0),
        ("3.5 meters.", 3.5),
        ("It is roughly 0.75 metres wide.", 0.75),
        ("1,200 mm", 1.2),
        ("1.200,5", None),
        ("1,5 m", 1.5),
        ("5'11\"", 71 * INCH),
        ("5’11”", 71 * INCH),
        ("5 ft 11 in", 71 * INCH),
        ("5 feet, 11 inches", 71 * INCH),
        ("6 feet and 2 inches", 74 * INCH),
        ("5 ft. 11 in.", 71 * INCH),
        ("a depth of 6 feet 3 inches", 75 * INCH),
        ("6 feet 2 inches nearer to the viewer", 74 * INCH),
        ("3 ft.", 3 * FOOT),
        ("10-15 feet", 12.5 * FOOT),
        ("10 – 15 feet", 12.5 * FOOT),
        ("10 to 15 feet", 12.5 * FOOT),
        ("between 1 and 2 metres", 1.5),
        ("somewhere around 2 or 3 m", 2.5),
        ("1 m to 3 m", 2.0),
        ("between 2 feet and 4 feet", 3 * FOOT),
        ("6'", 6 * FOOT),
        ("6'2", 74 * INCH),
        ("two metres", 2.0),
        ("Two and a half metres", 2.5),
        ("one metre and 20 centimetres", 1.2),
        ("1 m 20 cm", 1.2),
        ("half a metre", 0.5),
        ("half of a meter", 0.5),
        ("a metre and a half", 1.5),
        ("It is 2 feet and a quarter.", 2.25 * FOOT),
        ("a foot", FOOT),
        ("twenty-five centimetres", 0.25),
        ("one hundred and twenty cm", 1.2),
        ("1 1/2 feet", 1.5 * FOOT),
        ("1½ feet", 1.5 * FOOT),
        ("¾ inch", 0.75 * INCH),
        ('12"', 12 * INCH),
        ("2 yards", 2 * 0.9144),
        ("1.5e-1 m", 0.15),
        ("a 30-inch gap", 30 * INCH),
        ("-0.5 m", -0.5),
        ("not 3 m but 4 m", 4.0),
        ("The sofa is 2 m wide. So the distance is 3.4 m.", 3.4),
        ("3 smoots", None),
        ("12 units", None),
        ("3", None),
        ("", None),
        ("   ", None),
        ("The red chair.", None),
        ("2 m^2", None),
        ("2 square metres", None),
        ("3 m³", None),
        ("40 degrees", None),
        ("table2 is far", None),
        ("m", None),
        ("1/0 m", None),
        ("A man", None),
        ("3 months", None),
        ("5 inside", None),
    ],
)
def test_length(text: str, metres: float | None) -> None:
    got = parse_quantity(text, "m")
    assert got == (None if metres is None else pytest.approx(metres))


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("0.2 cubic metres", "m3", 0.2),
        ("0.2 m^3", "m3", 0.2),
        ("0.2 m³", "m3", 0.2),
        ("250 litres", "m3", 0.25),
        ("1.5 L", "m3", 0.0015),
        ("500 cm3", "m3", 0.0005),
        ("2 cubic feet", "m3", 2 * FOOT**3),
        ("2 m", "m3", None),
        ("45 degrees", "deg", 45.0),
        ("45°", "deg", 45.0),
        ("about -20 degrees", "deg", -20.0),
        ("1.5708 radians", "deg", math.degrees(1.5708)),
        ("45", "deg", None),
        ("1.5 times as tall", "ratio", 1.5),
        ("twice as tall", "ratio", 2.0),
        ("three times", "ratio", 3.0),
        ("half as wide", "ratio", 0.5),
        ("2x", "ratio", 2.0),
        ("150 %", "ratio", 1.5),
        ("3:2", "ratio", 1.5),
        ("There are 3 chairs.", "count", 3.0),
        ("Three.", "count", 3.0),
        ("A few", "count", None),
        ("0.42", "none", 0.42),
    ],
)
def test_other_dimensions(text: str, unit: str, value: float | None) -> None:
    got = parse_quantity(text, unit)
    assert got == (None if value is None else pytest.approx(value))


def test_a_bare_number_counts_only_where_the_prompt_fixed_the_unit() -> None:
    assert parse_quantity("2.5", "m", bare_unit="m") == 2.5
    assert parse_quantity("120", "m", bare_unit="cm") == pytest.approx(1.2)
    assert parse_quantity("1 to 2", "m", bare_unit="m") == 1.5
    assert parse_quantity("2.5 ft", "m", bare_unit="m") == pytest.approx(2.5 * FOOT)
    assert parse_quantity("3 smoots", "m", bare_unit="m") is None
    assert parse_quantity("", "m", bare_unit="m") is None


@given(
    st.floats(0.01, 999, allow_nan=False), st.sampled_from([("m", 1.0), ("cm", 0.01), ("feet", FOOT), ("inches", INCH)])
)
def test_what_is_printed_is_read_back(value: float, unit: tuple[str, float]) -> None:
    name, factor = unit
    text = f"They are about {value:.2f} {name} apart."
    assert parse_quantity(text, "m") == pytest.approx(float(f"{value:.2f}") * factor)


@given(st.text(max_size=60))
def test_no_text_crashes_a_parser(text: str) -> None:
    for unit in ("m", "m3", "deg", "ratio", "count"):
        parse_quantity(text, unit, bare_unit="m")
    parse_yes_no(text)
    parse_hour(text)
    parse_box(text)
    parse_choice(text, ["red chair", "table"])
    parse_order(text, ["a", "b"])
    parse_side(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Yes", True),
        ("yes.", True),
        ("Yes, it is to the left, not the right.", True),
        ("No, it is to the right", False),
        ("No.", False),
        ("no", False),
        ("Nope", False),
        ("True", True),
        ("False.", False),
        ("That is correct.", True),
        ("Incorrect, the chair is closer.", False),
        ("The answer is no.", False),
        ("Answer: yes", True),
        ("Not really.", False),
        ("Absolutely not", False),
        ("Absolutely.", True),
        ("It is not true.", False),
        ("It is not false.", True),
        ("It isn't.", False),
        ("The statement is true: this scene has no fork.", True),
        ("The statement is false: the plant is wider.", False),
        ("No doubt, yes", True),
        ("Yes and no", None),
        ("", None),
        ("Nothing can be said", None),
        ("I cannot tell.", None),
        ("Not sure", None),
        ("The chair is to the right.", None),
        ("Noah's table", None),
        ("Yesterday", None),
        ("To the right", None),
    ],
)
def test_yes_no(text: str, value: bool | None) -> None:
    assert parse_yes_no(text) is value


@pytest.mark.parametrize(
    ("text", "options", "index"),
    [
        ("B", ["chair", "table"], 1),
        ("b", ["chair", "table"], 1),
        ("(B)", ["chair", "table"], 1),
        ("B. the table", ["chair", "table"], 1),
        ("B) chair", ["chair", "table"], 1),
        ("The answer is B.", ["chair", "table"], 1),
        ("Option A", ["chair", "table"], 0),
        ("A chair", ["table", "chair"], 1),
        ("A", ["table", "chair"], 0),
        ("The table.", ["chair", "table"], 1),
        ("the red chair", ["chair", "red chair"], 1),
        ("The chair is closer than the table.", ["table", "chair"], 1),
        ("Between the chair and the table, the chair is nearer.", ["table", "chair"], 1),
        ("The table, not the chair.", ["chair", "table"], 1),
        ("The chair and the table", ["chair", "table"], None),
        ("the lamp", ["chair", "table"], None),
        ("", ["chair", "table"], None),
        ("chairs", ["chair", "table"], None),
        ("The first one", ["chair", "table"], 0),
        ("the latter", ["chair", "table"], 1),
        ("C", ["chair", "table"], None),
        ("About the same", ["chair", "table", "about the same"], 2),
        ("1.2 m", ["0.6 m", "1.2 m"], 1),
        ("front-left", ["front-left", "front-right", "back-left", "back-right"], 0),
    ],
)
def test_choice(text: str, options: list[str], index: int | None) -> None:
    assert parse_choice(text, options) == index


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("3 o'clock", 3.0),
        ("3 o’clock", 3.0),
        ("At three o'clock.", 3.0),
        ("in the 12 o'clock direction", 12.0),
        ("11 oclock", 11.0),
        ("3:00", 3.0),
        ("2:30", 2.5),
        ("12:30", 0.5),
        ("between 2 and 3 o'clock", 2.5),
        ("12 or 1 o'clock", 0.5),
        ("11 to 12 o'clock", 11.5),
        ("7", 7.0),
        ("15:00", 3.0),
        ("3 m", None),
        ("99 o'clock", None),
        ("", None),
        ("to the right", None),
    ],
)
def test_hour(text: str, hour: float | None) -> None:
    got = parse_hour(text)
    assert got == (None if hour is None else pytest.approx(hour))


def test_boxes_orders_and_sides() -> None:
    assert parse_box("It is at [12, 40, 300, 512].") == (12, 40, 300, 512)
    assert parse_box("<box>[[12, 40, 300, 512]]</box>") == (12, 40, 300, 512)
    assert parse_box("12 40 300 512") == (12, 40, 300, 512)
    assert parse_box("[12, 40, 300]") is None
    assert parse_box("(500, 750)", 2) == (500, 750)
    assert parse_order("the red chair, then the chair, then the mug", ["mug", "chair", "red chair"]) == (2, 1, 0)
    assert parse_order("the mug", ["mug", "chair"]) is None
    assert parse_side("0.4 m to the left") == "left"
    assert parse_side("left or right") is None
