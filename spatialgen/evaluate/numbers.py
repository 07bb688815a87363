"""Numbers as people write them: 1,200 / 1 1/2 / two and a half / 10-15 / between 2 and 3 -> floats with their place."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_ONES += ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SMALL = {w: float(i) for i, w in enumerate(_ONES)} | {w: 20.0 + 10 * i for i, w in enumerate(_TENS)}
_VULGAR = {"½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8"}
_WORD = "|".join(sorted([*_SMALL, "hundred", "thousand"], key=len, reverse=True))

_PLAIN = {
    "\u00a0": " ",
    "\u2009": " ",
    "\u202f": " ",
    "’": "'",
    "‘": "'",
    "′": "'",
    "“": '"',
    "”": '"',
    "″": '"',
    "–": "-",
    "—": "-",
    "−": "-",
    "‐": "-",
    "‑": "-",
    "×": "x",
    "³": "^3",
    "²": "^2",
    "º": "°",
    "˚": "°",
}

# A word must not continue a name ("table2", "v1.5"); a digit must not continue another number.
_DIGITS = re.compile(
    r"(?<![\w.,/])(?P<sign>[+-](?=[\d.]))?"
    r"(?:(?P<whole>\d+)[ -](?P<num>\d+)/(?P<den>\d+)|(?P<num2>\d+)/(?P<den2>\d+)"
    r"|(?P<thousands>\d{1,3}(?:,\d{3})+(?:\.\d+)?)|(?P<comma>\d+,\d{1,2}(?!\d))|(?P<plain>\d+(?:\.\d+)?|\.\d+))"
    r"(?:e(?P<exp>[+-]?\d{1,2})(?!\w))?",
    re.IGNORECASE,
)
_WORDS = re.compile(
    rf"(?<![\w-])(?:(?P<number>(?:{_WORD})(?:(?:\s+and\s+|[\s-]+)(?:{_WORD}))*)(?![\w])"
    r"(?P<half>\s+and\s+(?:a\s+(?:half|quarter)|(?:one|three)[\s-](?:half|quarters?|third)))?"
    r"|(?P<part>half|(?:a|one)\s+quarter|three\s+quarters|(?:a|one)\s+third|two\s+thirds)(?:\s+of)?(?:\s+an?)?(?=\s)"
    r"|(?P<a>an?)(?P<a_half>\s+and\s+a\s+half)?(?=\s))",
    re.IGNORECASE,
)
_PARTS = {"half": 0.5, "quarter": 0.25, "quarters": 0.75, "third": 1 / 3, "thirds": 2 / 3}


@dataclass(frozen=True, slots=True)
class Number:
    """A number read at text[start:end]. `article` marks "a" and "an", which count only before a unit."""

    value: float
    start: int
    end: int
    article: bool = False
    signed: bool = False


def plain(text: str) -> str:
    """Return `text` in lower case with typographic quotes, dashes, spaces, powers and fractions made plain."""
    for old, new in _PLAIN.items():
        text = text.replace(old, new)
    for old, new in _VULGAR.items():
        text = re.sub(rf"(?<=\d){old}", f" {new}", text).replace(old, new)
    return text.lower()


def find_numbers(text: str) -> list[Number]:
    """Return all numbers of `text` (made plain before), digits and words, in order."""
    found = [_from_digits(m) for m in _DIGITS.finditer(text)]
    found += [n for n in map(_from_words, _WORDS.finditer(text)) if n is not None]
    return sorted((n for n in found if n is not None), key=lambda n: n.start)


def _from_digits(m: re.Match[str]) -> Number | None:
    num, den = m["num"] or m["num2"], m["den"] or m["den2"]
    if den is not None:
        if float(den) == 0:
            return None
        value = float(m["whole"] or 0) + float(num) / float(den)
    elif m["thousands"]:
        value = float(m["thousands"].replace(",", ""))
    else:
        value = float((m["comma"] or m["plain"]).replace(",", "."))
    if m["exp"]:
        value *= 10.0 ** int(m["exp"])
    return Number(-value if m["sign"] == "-" else value, m.start(), m.end(), signed=m["sign"] is not None)


def _from_words(m: re.Match[str]) -> Number | None:
    if m["a"]:
        return Number(1.5 if m["a_half"] else 1.0, m.start(), m.end(), article=True)
    if m["part"]:
        return Number(_PARTS[m["part"].split()[-1]], m.start(), m.end())
    value = _sum_words(re.findall(_WORD, m["number"]))
    if m["half"]:
        value += 0.75 if "three" in m["half"] else _PARTS[re.split(r"[\s-]", m["half"].strip())[-1]]
    return Number(value, m.start(), m.end())


def _sum_words(words: list[str]) -> float:
    total = current = 0.0
    for word in words:
        if word == "hundred":
            current = max(current, 1.0) * 100
        elif word == "thousand":
            total, current = total + max(current, 1.0) * 1000, 0.0
        else:
            current += _SMALL[word]
    return total + current
