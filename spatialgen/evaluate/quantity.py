"""An answer in words to a quantity in SI: no language model, no guess about the unit."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from spatialgen.evaluate.numbers import Number, find_numbers, plain

_METRE = {"m": 1.0, "km": 1000.0, "dm": 0.1, "cm": 0.01, "mm": 0.001, "in": 0.0254, "ft": 0.3048, "yd": 0.9144}
_NAMES = {
    "km": r"kilomet(?:er|re)s?|kms?",
    "dm": r"decimet(?:er|re)s?|dm",
    "cm": r"centimet(?:er|re)s?|cms?",
    "mm": r"millimet(?:er|re)s?|mms?",
    "m": r"met(?:er|re)s?|mtrs?|ms?",
    "in": r"inch(?:es)?|ins?\b\.?|\"|''",
    "ft": r"foot|feet|fts?\b\.?|'(?!')",
    "yd": r"yards?|yds?",
}
_LENGTH = "|".join(f"(?P<{unit}>(?:{names}))" for unit, names in _NAMES.items())
_LITRES = {"ml": 1e-6, "cl": 1e-5, "l": 1e-3, "gal": 0.003785411784}
_VOLUME = r"(?P<ml>millilit(?:er|re)s?|ml)|(?P<cl>centilit(?:er|re)s?|cl)|(?P<gal>gallons?|gal)|(?P<l>lit(?:er|re)s?|l)"
_END = r"(?:(?<=['\"])|(?![\w^]))"
_CUBE = r"(?:\s*(?:\^3|\*\*3|cubed)|3(?!\d))"  # "feet 3 inches" is no volume
_SQUARE = r"(?:\s*(?:\^2|\*\*2|squared)|2(?!\d))"
_CUBED_LENGTH = _LENGTH.replace("(?P<", "(?P<c_")
_UNITS = {
    "m": re.compile(rf"\s*-?\s*(?:{_LENGTH})(?:(?<=['\"])|(?!{_CUBE}|{_SQUARE})){_END}"),
    "m3": re.compile(rf"\s*-?\s*(?:(?:cubic|cu\.?)[\s-]*(?:{_LENGTH})|(?:{_CUBED_LENGTH}){_CUBE}|{_VOLUME}){_END}"),
    "deg": re.compile(rf"\s*-?\s*(?P<deg>degrees?|degs?|°)|\s*(?P<rad>radians?|rads?){_END}"),
    "ratio": re.compile(
        rf"\s*(?:(?P<x>times|x|fold)|(?P<percent>%|percent|per cent)){_END}|\s*:\s*(?P<to>\d+(?:\.\d+)?)"
    ),
}
_RATIO_WORDS = {"twice": 2.0, "double": 2.0, "thrice": 3.0, "triple": 3.0, "half": 0.5, "equal": 1.0, "same": 1.0}
_JOIN = re.compile(r"\s*(?:,|and|plus)?\s*")
_FEET_INCHES = re.compile(r"(\d')\s*(\d{1,2})(?![\d\"'./])")
_SENTENCE = re.compile(r"(?<=[.!?;\n])\s+(?!\d+\s*(?:in|ft)\b)")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value in SI (m, m3, deg, ratio) read at text[start:end]."""

    value: float
    start: int
    end: int


def parse_quantity(text: str, unit: str, bare_unit: str | None = None) -> float | None:
    """Return the quantity that `text` states, in `unit` ("m", "m3", "deg", "ratio", "count", "none"), or None.

    A length without a unit, or with an unknown one, is not an answer, unless `bare_unit` ("m", "cm", ...) says what
    a bare number means, as some benchmarks do in their prompt. A range counts as its middle, "5'11\\"" and
    "1 m 20 cm" as one length. With several quantities the last sentence that has any decides, by its first.
    """
    for sentence in reversed(_SENTENCE.split(_FEET_INCHES.sub(r'\1\2"', plain(text)))):
        found = find_quantities(sentence, unit)
        if found:
            return found[0].value
    return None if bare_unit is None or unit == "ratio" else _bare(plain(text), unit, bare_unit)


def find_quantities(text: str, unit: str) -> list[Quantity]:
    """Return the quantities of dimension `unit` in `text` (made plain before), in order; those after "not" left out."""
    numbers = find_numbers(text)
    if unit in ("count", "none", "index", "hour"):
        found = [Quantity(n.value, n.start, n.end) for n in numbers if not n.article and _free(text, n.end)]
    else:
        found = _merge_ranges(text, _merge_parts(text, _with_units(text, numbers, unit), unit))
        if unit == "ratio":
            found = sorted(found + _ratio_words(text), key=lambda q: q.start)
    return [q for q in found if not re.search(r"\bnot\s+(?:about\s+|around\s+)?$", text[: q.start])]


def _free(text: str, end: int) -> bool:
    return re.match(r"[^\W\d_]|['\"°%]", text[end : end + 1]) is None


_PARTS = {"half": 0.5, "quarter": 0.25, "third": 1 / 3}
_AND_A_HALF = re.compile(r"\s+and\s+(?:a|one)\s+(half|quarter|third)\b(?!\s+[a-z])", re.IGNORECASE)


def _with_units(text: str, numbers: list[Number], unit: str) -> list[Quantity]:
    found: list[Quantity] = []
    for i, number in enumerate(numbers):
        m = _UNITS[unit].match(text, number.end)
        if m is None:
            continue
        more = _AND_A_HALF.match(text, m.end())  # "a metre and a half"
        value, start = _si(number.value + (_PARTS[more[1]] if more else 0.0), m, unit), number.start
        low = _range_start(text, numbers[:i], number)
        if low is not None and value is not None:
            other = _si(low.value, m, unit)
            value, start = (value + other) / 2 if other is not None else value, low.start
        if value is not None:
            found.append(Quantity(value, start, more.end() if more else m.end()))
    return found


def _range_start(text: str, before: list[Number], number: Number) -> Number | None:
    """Return the lower end of a range that ends in `number` ("10-15", "2 to 3"), if there is one."""
    low = before[-1] if before else None
    if low is None or low.article or number.article or (low.value > number.value and not number.signed):
        return None
    between = text[low.end : number.start]
    if number.signed and between == "" and number.value < 0:
        return None
    return low if _spans_range(text, low.start, between) else None


def _si(value: float, m: re.Match[str], unit: str) -> float | None:
    groups = {k.removeprefix("c_") for k, v in m.groupdict().items() if v is not None}
    if unit in ("m", "m3"):
        name = next(iter(groups))
        factor = _METRE[name] if name in _METRE else _LITRES[name]
        return value * (factor**3 if unit == "m3" and name in _METRE else factor)
    if unit == "deg":
        return math.degrees(value) if "rad" in groups else value
    if "to" in groups:
        return value / float(m["to"]) if float(m["to"]) else None
    return value / 100 if "percent" in groups else value


def _merge_parts(text: str, found: list[Quantity], unit: str) -> list[Quantity]:
    """Join neighbours that are one length in two units: 5 ft 11 in, 1 m 20 cm, 5'11\"."""
    merged: list[Quantity] = []
    for q in found:
        last = merged[-1] if merged else None
        if unit == "m" and last and last.value > q.value > 0 and _is_part(text, last, q):
            merged[-1] = Quantity(last.value + q.value, last.start, q.end)
        else:
            merged.append(q)
    return merged


def _merge_ranges(text: str, found: list[Quantity]) -> list[Quantity]:
    """Join "1 m to 3 m" and "between 1 m and 3 m" to their middle."""
    merged: list[Quantity] = []
    for q in found:
        last = merged[-1] if merged else None
        if last and last.value < q.value and _spans_range(text, last.start, text[last.end : q.start]):
            merged[-1] = Quantity((last.value + q.value) / 2, last.start, q.end)
        else:
            merged.append(q)
    return merged


def _spans_range(text: str, start: int, between: str) -> bool:
    if between.strip() == "and":
        return re.search(r"\bbetween\s+$", text[:start]) is not None
    return between.strip() in ("-", "~", "to", "or", "up to")


def _is_part(text: str, large: Quantity, small: Quantity) -> bool:
    if _JOIN.fullmatch(text[large.end : small.start]) is None:
        return False
    ends = tuple(re.sub(r".*?([a-z'\"]+)\.?$", r"\1", text[q.start : q.end]) for q in (large, small))
    feet, metres = re.compile(_NAMES["ft"]), re.compile(_NAMES["m"])
    if feet.fullmatch(ends[0]):
        return re.fullmatch(_NAMES["in"], ends[1]) is not None and small.value < 0.3048
    return (
        metres.fullmatch(ends[0]) is not None and small.value < 1.0 and re.fullmatch(_NAMES["cm"], ends[1]) is not None
    )


def _ratio_words(text: str) -> list[Quantity]:
    pattern = re.compile(r"\b(?:" + "|".join(_RATIO_WORDS) + r")\b(?!\s+(?:times|of\s+an?\s+met))")
    return [Quantity(_RATIO_WORDS[m[0]], m.start(), m.end()) for m in pattern.finditer(text)]


def _bare(text: str, unit: str, bare_unit: str) -> float | None:
    """Return the only bare number of `text`, taken in `bare_unit`; None where a word follows it that is no unit."""
    numbers = [n for n in find_numbers(text) if not n.article]
    if not numbers or re.match(r"\s*-?\s*(?!and\b|or\b|to\b|in\b|$)[a-z'\"°%]", text[numbers[-1].end :]):
        return None
    factor = _METRE[bare_unit] ** {"m": 1, "m3": 3}.get(unit, 0)
    low = _range_start(text, numbers[:-1], numbers[-1])
    value = numbers[-1].value if low is None else (low.value + numbers[-1].value) / 2
    return value * factor
