"""Numbers as people say them: a unit that suits the size, and digits that the error allows.

The printed step is a power of ten, or half of one where a whole one would be over a twentieth of the value. It is
never finer than sigma, and leaves two significant figures where sigma is above 10 %, one above 25 %.
`parse` reads the printed text back, so that a test can hold every answer against its value.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

INCH_M = 0.0254
FOOT_M = 0.3048


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: its size in SI, its finest printed step, and the ways to write it ("{} m", "{} metres")."""

    name: str
    si: float
    finest: float
    plain: tuple[str, ...]
    one: tuple[str, ...]  # the same ways where the number is 1


METRE = Unit("m", 1.0, 0.01, (" m", " metres", " m"), (" m", " metre", " m"))
CENTIMETRE = Unit("cm", 0.01, 1.0, (" cm", " centimetres", " cm"), (" cm", " centimetre", " cm"))
SMALL_CENTIMETRE = Unit("cm", 0.01, 0.1, (" cm", " centimetres", " cm"), (" cm", " centimetre", " cm"))
FOOT = Unit("ft", FOOT_M, 0.1, (" ft", " feet", " feet"), (" ft", " foot", " foot"))
INCH = Unit("in", INCH_M, 1.0, (" in", " inches", " inches"), (" in", " inch", " inch"))
SMALL_INCH = Unit("in", INCH_M, 0.1, (" in", " inches", " inches"), (" in", " inch", " inch"))
CUBIC_METRE = Unit("m3", 1.0, 0.0, (" m³", " cubic metres", " cubic metres"), (" m³", " cubic metre", " cubic metre"))
LITRE = Unit("l", 0.001, 0.0, (" litres", " litres", " L"), (" litre", " litre", " L"))
CUBIC_FOOT = Unit("ft3", FOOT_M**3, 0.0, (" cubic feet", " cubic feet", " ft³"), (" cubic foot", " cubic foot", " ft³"))
CUBIC_INCH = Unit(
    "in3", INCH_M**3, 0.0, (" cubic inches", " cubic inches", " in³"), (" cubic inch", " cubic inch", " in³")
)
DEGREE = Unit("deg", 1.0, 1.0, (" degrees", "°", " degrees"), (" degree", "°", " degree"))
SMALL_DEGREE = Unit("deg", 1.0, 0.1, (" degrees", "°", " degrees"), (" degree", "°", " degree"))
TIMES = Unit("ratio", 1.0, 0.01, (" times", " times", " times"), (" times", " times", " times"))
PERCENT = Unit("ratio", 0.01, 1.0, ("%", " percent", "%"), ("%", " percent", "%"))
SMALL_PERCENT = Unit("ratio", 0.01, 0.1, ("%", " percent", "%"), ("%", " percent", "%"))
BARE = Unit("ratio", 1.0, 0.01, ("", "", ""), ("", "", ""))


def printed_step(value: float, sigma: float, finest: float) -> float:
    """Return the step to print `value` in, all in one unit: see the module's text."""
    value = abs(value)
    least = max(sigma, finest, value * 1e-3)
    if value > 0 and sigma > 0.1 * value:
        figures = 0 if sigma > 0.25 * value else 1
        least = max(least, 10.0 ** (math.floor(math.log10(value)) - figures))
    step: float = 10.0 ** math.ceil(math.log10(least) - 1e-9)
    half = step / 2.0
    return half if half >= max(sigma, finest) and value < 10.0 * step and sigma <= 0.1 * value else step


def digits(value: float, sigma: float, finest: float) -> str:
    """Return `value` as printed digits without a unit and without trailing zeros; 0 is "0", never "0.0"."""
    step = printed_step(value, sigma, finest)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    text = f"{round(value / step) * step:.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def with_unit(value_si: float, sigma_si: float, unit: Unit, style: int) -> str:
    """Return a number with its unit; `style` picks among the unit's ways to be written."""
    text = digits(value_si / unit.si, sigma_si / unit.si, unit.finest)
    ways = unit.one if text == "1" else unit.plain
    return text + ways[style % len(ways)]


def length_text(value_m: float, sigma_m: float, bits: int, units: str = "mixed") -> str:
    """Return a length (>= 0, m): unit by size, system and style by `bits` (any integer) and `units`."""
    imperial = units == "imperial" or (units == "mixed" and bits & 1 == 1)
    style = (bits >> 8) % 3
    if imperial:
        if 0.6 <= value_m < 4.0 and bits & 2 and sigma_m < INCH_M:
            return feet_and_inches(value_m, style)
        feet = value_m >= 1.2 or (value_m >= 0.45 and bits & 4 != 0)
        inch = INCH if value_m >= 0.254 else SMALL_INCH
        return with_unit(value_m, sigma_m, FOOT if feet else inch, style)
    metres = value_m >= 1.5 or (value_m >= 0.5 and bits & 2 != 0)
    centimetre = CENTIMETRE if value_m >= 0.1 else SMALL_CENTIMETRE
    return with_unit(value_m, sigma_m, METRE if metres else centimetre, style)


def feet_and_inches(value_m: float, style: int) -> str:
    """Return "4 ft 1 in", "4 feet 1 inch" or "4'1\\"", to the inch."""
    inches = round(value_m / INCH_M)
    feet, rest = divmod(inches, 12)
    if style == 0:
        return f"{feet} ft {rest} in" if rest else f"{feet} ft"
    if style == 1:
        words = f"{feet} {'foot' if feet == 1 else 'feet'}"
        return f"{words} {rest} {'inch' if rest == 1 else 'inches'}" if rest else words
    return f"{feet}'{rest}\""


def volume_text(value_m3: float, sigma_m3: float, bits: int, units: str = "mixed") -> str:
    """Return a volume (m3): litres or cubic metres, cubic inches or cubic feet."""
    imperial = units == "imperial" or (units == "mixed" and bits & 1 == 1)
    style = (bits >> 8) % 3
    if imperial:
        return with_unit(value_m3, sigma_m3, CUBIC_INCH if value_m3 < 0.014 else CUBIC_FOOT, style)
    litres = value_m3 < 0.1 or (value_m3 < 1.0 and bits & 2 != 0)
    return with_unit(value_m3, sigma_m3, LITRE if litres else CUBIC_METRE, style)


def angle_text(value_deg: float, sigma_deg: float, bits: int, units: str = "mixed") -> str:
    """Return an angle (>= 0, degrees)."""
    return with_unit(value_deg, sigma_deg, DEGREE if value_deg >= 10.0 else SMALL_DEGREE, (bits >> 8) % 3)


def times_text(value: float, sigma: float, bits: int, units: str = "mixed") -> str:
    """Return a ratio: "1.8 times", and "1.0 times", as nobody says "1 times"."""
    text = with_unit(value, sigma, TIMES, 0)
    return "1.0 times" if text == "1 times" else text


def share_text(value: float, sigma: float, bits: int, units: str = "mixed") -> str:
    """Return a share in [0, 1] as a percentage."""
    return with_unit(value, sigma, PERCENT if value >= 0.1 else SMALL_PERCENT, (bits >> 8) % 3)


def fraction_text(value: float, sigma: float, bits: int, units: str = "mixed") -> str:
    """Return a number in [0, 1] as it is: "0.35"."""
    return with_unit(value, sigma, BARE, 0)


_UNITS_SI = {
    **dict.fromkeys(("m", "metre", "metres", "meter", "meters"), 1.0),
    **dict.fromkeys(("cm", "centimetre", "centimetres", "centimeter", "centimeters"), 0.01),
    **dict.fromkeys(("ft", "foot", "feet", "'"), FOOT_M),
    **dict.fromkeys(("in", "inch", "inches", '"'), INCH_M),
    **dict.fromkeys(("m³", "cubic metre", "cubic metres"), 1.0),
    **dict.fromkeys(("litre", "litres", "L"), 0.001),
    **dict.fromkeys(("cubic foot", "cubic feet", "ft³"), FOOT_M**3),
    **dict.fromkeys(("cubic inch", "cubic inches", "in³"), INCH_M**3),
    **dict.fromkeys(("degree", "degrees", "°", "times", "o'clock"), 1.0),
    **dict.fromkeys(("%", "percent"), 0.01),
}
_UNIT = "|".join(sorted((re.escape(u) for u in _UNITS_SI), key=len, reverse=True))
_NUMBER = re.compile(rf"(?<![\w.])(\d+(?:\.\d+)?)\s*({_UNIT})?(?![\w³])")
_FEET_INCHES = re.compile(r"(\d+)\s*(?:ft|feet|foot|')\s*(\d+)\s*(?:in\b|inches|inch|\")")


def parse(text: str) -> float:
    """Return the first number of `text` in SI units (m, m3, degrees, ratios). Raises ValueError if none."""
    both = _FEET_INCHES.search(text)
    if both:
        return int(both[1]) * FOOT_M + int(both[2]) * INCH_M
    found = _NUMBER.search(text)
    if not found:
        raise ValueError(f"no number in {text!r}")
    return float(found[1]) * _UNITS_SI.get(found[2] or "", 1.0)
