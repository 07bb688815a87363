"""Numbers as people say them: digits by the error, units by size, and the text parses back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialgen.qa.numbers import (
    FOOT_M,
    INCH_M,
    angle_text,
    digits,
    feet_and_inches,
    fraction_text,
    length_text,
    parse,
    printed_step,
    share_text,
    times_text,
    volume_text,
)

BITS = st.integers(0, 2**16)
LENGTHS = st.floats(0.0, 50.0)
SHARES = st.floats(0.0001, 0.06)


@given(LENGTHS, SHARES, BITS)
def test_lengths_parse_back_within_their_rounding(value: float, share: float, bits: int) -> None:
    sigma = max(share * value, 0.0005)
    read = parse(length_text(value, sigma, bits))
    unit = 1.0 if bits & 1 == 0 else FOOT_M
    step = max(printed_step(value / unit, sigma / unit, 0.0) * unit, 0.5, 0.0) if value > 20 else None
    slack = 0.06 * value + 10 * sigma + INCH_M / 2
    assert abs(read - value) <= (step or slack) + slack


@given(st.floats(0.02, 20.0), BITS, st.sampled_from(["metric", "imperial"]))
def test_exact_lengths_are_said_within_three_percent_or_a_centimetre(value: float, bits: int, units: str) -> None:
    text = length_text(value, 0.0005, bits, units)
    assert abs(parse(text) - value) <= max(0.03 * value, 0.013)
    metric = re.search(r"\d ?(m|cm|metres?|centimetres?)$", text) is not None
    assert metric == (units == "metric")


@given(st.floats(0.001, 40.0), st.floats(0.0, 0.6))
def test_printed_step_is_never_finer_than_the_error(value: float, share: float) -> None:
    sigma = share * value
    step = printed_step(value, sigma, 0.0)
    assert step >= sigma * (1 - 1e-9)
    text = digits(value, sigma, 0.0)
    assert abs(float(text) - value) <= step / 2 + 1e-9
    figures = len(text.lstrip("0.").replace(".", "").rstrip("0")) if float(text) else 0
    assert figures <= (1 if share > 0.25 else 2 if share > 0.1 else 4)


@pytest.mark.parametrize(
    ("value", "sigma", "expected"),
    [
        (1.2345, 0.004, "1.23"),
        (1.2345, 0.03, "1.2"),
        (2.5, 0.11, "2.5"),
        (7.4, 0.3, "7.5"),
        (0.0, 0.01, "0"),
        (12.0, 0.4, "12"),
    ],
)
def test_digits(value: float, sigma: float, expected: str) -> None:
    assert digits(value, sigma, 0.0) == expected


def test_all_units_are_exercised() -> None:
    said = " ".join(length_text(v, 0.002, bits) for v in (0.05, 0.4, 0.8, 1.7, 3.0) for bits in range(2048))
    for unit in ("m", "metres", "cm", "centimetres", "ft", "feet", "in", "inches"):
        assert re.search(rf"\d {unit}\b", said), unit
    assert re.search(r"\d ft \d+ in\b", said)
    assert re.search(r"\d'\d+\"", said)


@given(LENGTHS, st.floats(0.0, 0.02), BITS)
def test_zero_is_never_printed_as_a_decimal(value: float, sigma: float, bits: int) -> None:
    assert not re.search(r"\b0\.0+\b(?!\d)", length_text(value, sigma, bits))


def test_one_takes_the_singular() -> None:
    assert length_text(0.01, 0.0005, 256, "metric") == "1 centimetre"
    assert feet_and_inches(13 * INCH_M, 1) == "1 foot 1 inch"


@given(st.floats(1e-5, 20.0), BITS)
def test_volumes_parse_back(value: float, bits: int) -> None:
    assert parse(volume_text(value, 0.01 * value, bits)) == pytest.approx(value, rel=0.06)


@given(st.floats(0.5, 360.0), BITS)
def test_angles_parse_back(value: float, bits: int) -> None:
    assert parse(angle_text(value, 0.01, bits)) == pytest.approx(value, abs=0.51 if value >= 10 else 0.06)


@given(st.floats(0.05, 1.0), BITS)
def test_shares_ratios_and_fractions_parse_back(value: float, bits: int) -> None:
    assert parse(share_text(value, 0.0, bits)) == pytest.approx(value, abs=0.006)
    assert parse(times_text(value, 0.001, bits)) == pytest.approx(value, abs=0.006)
    assert parse(fraction_text(value, 0.001, bits)) == pytest.approx(value, abs=0.006)


@pytest.mark.parametrize(
    ("text", "metres"),
    [("4 ft 1 in", 49 * INCH_M), ("5'11\"", 71 * INCH_M), ("about 2 metres", 2.0), ("120 cm", 1.2), ("3 o'clock", 3.0)],
)
def test_parse(text: str, metres: float) -> None:
    assert parse(text) == pytest.approx(metres)


def test_parse_refuses_text_without_a_number() -> None:
    with pytest.raises(ValueError, match="no number"):
        parse("a few steps")


@pytest.mark.parametrize(
    ("value", "sigma", "text"), [(1.0, 0.01, "1.0 times"), (1.49, 0.02, "1.5 times"), (12.0, 0.1, "12 times")]
)
def test_nobody_says_one_times(value: float, sigma: float, text: str) -> None:
    assert times_text(value, sigma, 0) == text
    assert parse(text) == pytest.approx(value, rel=0.05)
