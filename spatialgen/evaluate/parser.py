"""Answers in words to what they say: yes or no, which option, which hour, which box. None where they do not say.

Nothing here asks a language model, remembers the sample before, or guesses: an answer that cannot be read counts as
a parse failure, which every report shows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from spatialgen.evaluate.numbers import find_numbers, plain
from spatialgen.evaluate.quantity import parse_quantity

__all__ = ["parse_box", "parse_choice", "parse_hour", "parse_order", "parse_quantity", "parse_side", "parse_yes_no"]

_YES = r"yes|yeah|yep|yup|true|correct|indeed|affirmative|certainly|definitely|absolutely|of course|sure"
_NO = r"no|nope|false|incorrect|negative|never|not at all|not really|definitely not|absolutely not|certainly not"
_LEAD = re.compile(
    rf"\W*(?:(?:the\s+)?(?:answer|statement|claim)(?:\s+is)?\W+|it\s+is\s+|that\s+is\s+|that's\s+)?(?:(?P<no>{_NO})|(?P<yes>{_YES}))\b"
)
_WEIGHED = re.compile(r"\W*(?:yes and no|no doubt|not (?:sure|certain|clear|possible|enough))\b")
_UNSURE = re.compile(
    r"\b(?:cannot|can't|can not|unable to|impossible to|hard to|do not know|don't know|unclear|unknown)\b"
)
_NEGATION = re.compile(r"\b(?:not|isn't|aren't|doesn't|don't|does not|wasn't|won't)\b")


def parse_yes_no(text: str) -> bool | None:
    """Return True for yes, False for no, None if the text says neither or both.

    The leading word decides ("No, it is to the right" is a no); later words only where none leads.
    """
    text = plain(text).strip()
    if _WEIGHED.match(text):
        return True if text.startswith("no doubt") else None
    lead = _LEAD.match(text)
    if lead:
        return lead["no"] is None
    if _UNSURE.search(text):
        return None
    yes, no = re.search(rf"\b(?:{_YES})\b", text), re.search(rf"\b(?:{_NO})\b", text)
    if yes and not no:
        return _NEGATION.search(text[: yes.start()]) is None
    if no and not yes:
        return False if no[0] not in ("false", "incorrect") else _NEGATION.search(text[: no.start()]) is not None
    return False if no is None and _NEGATION.search(text) else None


_ORDINALS = {"first": 0, "former": 0, "second": 1, "latter": 1, "third": 2, "fourth": 3}
# Clauses that name what the answer is *not*, or only what it is compared with.
_ASIDE = re.compile(
    r"(?:\b(?:than|compared (?:to|with)|relative to|rather than|instead of|unlike|not|but not|as opposed to)\s+)"
    r"(?P<named>[^,.;:]*)"
)
_BETWEEN = re.compile(r"^\W*(?:between|of|among|comparing|out of)\b[^,]*\band\b[^,]*,")


def parse_choice(text: str, options: Sequence[str]) -> int | None:
    """Return the index of the one option that `text` picks, by letter, by its words or as "the first"; else None.

    "A chair" is no letter A; an option whose words lie inside another's ("chair", "red chair") is not seen there.
    """
    letter = _letter(text, len(options))
    if letter is not None:
        return letter
    words, wanted = _words(text), [_words(o) for o in options]
    if words in wanted and wanted.count(words) == 1:
        return wanted.index(words)
    lowered = _BETWEEN.sub(" ", plain(text))
    for attempt in (_ASIDE.sub(" ", lowered), lowered):
        named = _mentions(_words(attempt), wanted)
        if len(named) == 1:
            return named[0]
    ordinal = re.search(
        r"\bthe\s+(first|second|third|fourth|former|latter)(?:\s+(?:one|option|object|choice))?\b", lowered
    )
    if ordinal and not named and _ORDINALS[ordinal[1]] < len(options):
        return _ORDINALS[ordinal[1]]
    return None


def _letter(text: str, count: int) -> int | None:
    letters = "".join(chr(ord("A") + i) for i in range(count))
    patterns = (
        rf"^\W*(?:(?:the\s+)?(?:correct\s+)?(?:answer|option|choice)\s*(?:is|:)?\s*)?\(?([{letters}])(?:[).:,]|\s*$)",
        rf"(?:answer|option|choice)\s*(?:is|:)?\s*\(?\**([{letters}])(?![\w'])(?!\s+[a-z])",
        rf"\(([{letters}])\)",
    )
    for pattern in patterns:
        found = set(re.findall(pattern, text, re.IGNORECASE if pattern.startswith("(?:answer") else 0))
        if not found and len(text.strip()) <= 3:
            found = set(re.findall(pattern, text.upper()))
        if len(found) == 1:
            return letters.index(found.pop().upper())
    return None


def _words(text: str) -> tuple[str, ...]:
    found = re.findall(r"[^\W_]+(?:'s)?", plain(text))
    return tuple(w for w in found if w not in ("a", "an", "the"))


def _mentions(words: tuple[str, ...], options: Sequence[tuple[str, ...]]) -> list[int]:
    taken = [False] * len(words)
    named = []
    for index in sorted(range(len(options)), key=lambda i: -len(options[i])):
        size = len(options[index])
        places = [i for i in range(len(words) - size + 1) if size and words[i : i + size] == options[index]]
        free = [i for i in places if not any(taken[i : i + size])]
        for i in free:
            taken[i : i + size] = [True] * size
        if free:
            named.append(index)
    return named


_HOUR_WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_HOUR = rf"(?P<h>\d{{1,2}}|{'|'.join(_HOUR_WORDS)})"
_CLOCK = re.compile(rf"(?<![\w.,]){_HOUR}(?::(?P<min>\d\d))?\s*-?\s*o\s*'?\s*clock\b")
_COLON = re.compile(rf"(?<![\w.,:]){_HOUR.replace('<h>', '<h2>')}:(?P<min2>\d\d)(?!\d)")
_TWO_HOURS = re.compile(
    rf"\b{_HOUR.replace('<h>', '<a>')}\s*(?:o\s*'?\s*clock\s*)?(?:-|to|and|or)\s*"
    rf"{_HOUR.replace('<h>', '<b>')}\s*-?\s*o\s*'?\s*clock\b"
)


def parse_hour(text: str) -> float | None:
    """Return the clock hour in (0, 12] that `text` names (12 is straight ahead), or None. "2 or 3 o'clock" is 2.5."""
    text = plain(text).strip()
    pair = _TWO_HOURS.search(text)
    if pair:
        first, second = _hour(pair["a"]), _hour(pair["b"])
        return None if first is None or second is None else _middle(first, second)
    found = _CLOCK.search(text)
    if found:
        return _with_minutes(_hour(found["h"]), found["min"])
    colon = _COLON.search(text)
    if colon:
        return _with_minutes(_hour(colon["h2"]), colon["min2"])
    bare = re.fullmatch(rf"\W*(?:about\s+|around\s+|at\s+)?{_HOUR}\W*", text)
    return _hour(bare["h"]) if bare else None


def _hour(text: str) -> float | None:
    value = float(_HOUR_WORDS.index(text) + 1) if text in _HOUR_WORDS else float(text)
    if not 0 <= value <= 24:
        return None
    return (value - 1) % 12 + 1


def _with_minutes(hour: float | None, minutes: str | None) -> float | None:
    if hour is None or minutes is None:
        return hour
    return (hour + int(minutes) / 60 - 1e-12) % 12 + 1e-12 if int(minutes) < 60 else None


def _middle(first: float, second: float) -> float:
    gap = (second - first + 6) % 12 - 6
    return (first + gap / 2 - 1e-12) % 12 + 1e-12


_SIDES = (
    ("left", "right"),
    ("below", "above"),
    ("lower", "higher"),
    ("behind", "in front"),
    ("down", "up"),
    ("farther", "closer"),
    ("beyond", "nearer"),
)


def parse_side(text: str) -> str | None:
    """Return the one direction word of `text` ("left", "behind", ...) that gives a signed quantity its sign."""
    text = plain(text)
    found = {w for pair in _SIDES for w in pair if re.search(rf"\b{w}\b", text)}
    return found.pop() if len(found) == 1 else None


def parse_box(text: str, numbers: int = 4) -> tuple[float, ...] | None:
    """Return the first bracketed list of exactly `numbers` numbers, such as [12, 40, 300, 512], or None."""
    for group in re.findall(r"[\[(]([^\[\]()]*)[\])]", text):
        if re.fullmatch(r"[\s\d.,;eE+-]*", group):
            values = re.findall(r"[+-]?\d+(?:\.\d+)?", group)
            if len(values) == numbers:
                return tuple(float(v) for v in values)
    bare = [n.value for n in find_numbers(plain(text.replace(",", " "))) if not n.article]
    return tuple(bare) if len(bare) == numbers and "[" not in text and "(" not in text else None


def parse_order(text: str, names: Sequence[str]) -> tuple[int, ...] | None:
    """Return the indices of `names` in the order in which `text` mentions them; None unless each is mentioned."""
    words, wanted = _words(text), [_words(n) for n in names]
    taken = [False] * len(words)
    first: dict[int, int] = {}
    for index in sorted(range(len(wanted)), key=lambda i: -len(wanted[i])):
        size = len(wanted[index])
        for i in range(len(words) - size + 1):
            if words[i : i + size] == wanted[index] and not any(taken[i : i + size]):
                first.setdefault(index, i)
                taken[i : i + size] = [True] * size
    return tuple(sorted(first, key=first.__getitem__)) if len(first) == len(names) else None
