"""From facts to the words of their values: a speaker for each kind of value."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from spatialgen.qa.english import count_word
from spatialgen.qa.facts import F64, I64, Facts
from spatialgen.qa.keys import U64
from spatialgen.qa.numbers import (
    angle_text,
    digits,
    fraction_text,
    length_text,
    parse,
    share_text,
    times_text,
    volume_text,
)

Speaker = Callable[[Facts, I64, U64, str], list[str]]
NumberText = Callable[[float, float, int, str], str]

THIRDS = ("left", "middle", "right")
QUARTERS = ("ahead and to the left", "ahead and to the right", "behind and to the left", "behind and to the right")
FACINGS = ("away from the viewer", "to the viewer's right", "towards the viewer", "to the viewer's left")


def _numbers(say: NumberText, signs: tuple[str, str] = ("", "")) -> Speaker:
    """A speaker of the absolute value, followed by words for its sign: (not negative, negative)."""

    def speak(facts: Facts, rows: I64, bits: U64, units: str) -> list[str]:
        value = facts.value[rows]
        words = [signs[0] if v >= 0 else signs[1] for v in value.tolist()]
        columns = (np.abs(value).tolist(), facts.sigma[rows].tolist(), bits.tolist(), words)
        return [say(v, s, b, units) + word for v, s, b, word in zip(*columns, strict=True)]

    return speak


def _classes(names: Sequence[str]) -> Speaker:
    def speak(facts: Facts, rows: I64, bits: U64, units: str) -> list[str]:
        return [names[k] for k in facts.value[rows].astype(int).tolist()]

    return speak


def _hour(facts: Facts, rows: I64, bits: U64, units: str) -> list[str]:
    return [f"{k} o'clock" for k in facts.value[rows].astype(int).tolist()]


def _count(facts: Facts, rows: I64, bits: U64, units: str) -> list[str]:
    counts, coins = facts.value[rows].astype(int).tolist(), (bits & np.uint64(1)).tolist()
    return [count_word(k) if word else str(k) for k, word in zip(counts, coins, strict=True)]


def _box(facts: Facts, rows: I64, bits: U64, units: str) -> list[str]:
    assert facts.values is not None
    return [f"[{x0:.0f}, {y0:.0f}, {x1:.0f}, {y1:.0f}]" for x0, y0, x1, y1 in facts.values[rows].tolist()]


def _point(facts: Facts, rows: I64, bits: U64, units: str) -> list[str]:
    assert facts.values is not None
    return [f"({x:.0f}, {y:.0f})" for x, y in facts.values[rows].tolist()]


def _box_3d(facts: Facts, rows: I64, bits: U64, units: str) -> list[str]:
    assert facts.values is not None
    result = []
    for values, sigma in zip(facts.values[rows].tolist(), facts.sigma[rows].tolist(), strict=True):
        x, y, z, length, width, height = (("-" if v < 0 else "") + digits(abs(v), sigma, 0.01) for v in values[:6])
        turn = 0 if np.isnan(values[6]) else round(values[6]) % 180
        yaw = "" if np.isnan(values[6]) else f", yaw {turn} degree{'' if turn == 1 else 's'}"
        result.append(f"centre ({x}, {y}, {z}) m, length {length} m, width {width} m, height {height} m{yaw}")
    return result


SPEAKERS: dict[str, Speaker] = {
    "length": _numbers(length_text),
    "volume": _numbers(volume_text),
    "angle": _numbers(angle_text),
    "times": _numbers(times_text),
    "share": _numbers(share_text),
    "fraction": _numbers(fraction_text),
    "sideways": _numbers(length_text, (" to the right", " to the left")),
    "forward": _numbers(length_text, (" farther back", " nearer to the viewer")),
    "up_down": _numbers(angle_text, (" upwards", " downwards")),
    "right_left": _numbers(angle_text, (" to the right", " to the left")),
    "hour": _hour,
    "count": _count,
    "third": _classes([f"the {name} third" for name in THIRDS]),
    "quarter": _classes(QUARTERS),
    "facing": _classes(FACINGS),
    "box": _box,
    "box_3d": _box_3d,
    "point": _point,
}

# How a number between two values, or one given as a reason, is printed, by speaker: only of those that are a size.
NUMBER_TEXTS: dict[str, NumberText] = {
    "length": length_text,
    "volume": volume_text,
    "times": times_text,
    "share": share_text,
    "fraction": fraction_text,
}


def limit_texts(say: str, low: F64, high: F64, room: F64, bits: U64, units: str) -> list[str]:
    """Return a round number between `low` and `high` (n,), `room` (n,) away from both, as coarse as that allows.

    Where no number of any unit is, the one farthest from both.
    """
    rows = zip(low.tolist(), high.tolist(), room.tolist(), bits.tolist(), strict=True)
    return [_limit(NUMBER_TEXTS[say], lo, hi, apart, b, units) for lo, hi, apart, b in rows]


def _limit(speak: NumberText, low: float, high: float, room: float, bits: int, units: str) -> str:
    middle, best, farthest = (low + high) / 2.0, "", -math.inf
    for other_unit in (0, 2, 4, 1, 3):
        for share in (0.3, 0.1, 0.01, 0.0):
            text = speak(middle, (high - low) * share, bits ^ other_unit, units)
            away = min(parse(text) - low, high - parse(text))
            if away >= room:
                return text
            if away > farthest:
                best, farthest = text, away
    return best
