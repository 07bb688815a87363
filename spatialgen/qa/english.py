"""The little English grammar that names and numbers need: articles, plurals, lists, ordinals."""

from __future__ import annotations

import re
from collections.abc import Sequence

_IRREGULAR = {
    "bookshelf": "bookshelves",
    "child": "children",
    "foot": "feet",
    "goose": "geese",
    "half": "halves",
    "knife": "knives",
    "leaf": "leaves",
    "loaf": "loaves",
    "man": "men",
    "mouse": "mice",
    "person": "people",
    "scarf": "scarves",
    "shelf": "shelves",
    "thief": "thieves",
    "tooth": "teeth",
    "wife": "wives",
    "wolf": "wolves",
    "woman": "women",
}
_SAME = frozenset({"aircraft", "deer", "fish", "luggage", "furniture", "sheep", "series"})
_O_ES = frozenset({"hero", "potato", "tomato", "mango", "buffalo"})
_PLURAL_HEADS = {
    "binoculars": "pair of",
    "blinds": "set of",
    "curtains": "set of",
    "drapes": "set of",
    "drawers": "set of",
    "glasses": "pair of",
    "goggles": "pair of",
    "headphones": "pair of",
    "jeans": "pair of",
    "pants": "pair of",
    "pliers": "pair of",
    "people": "group of",
    "scissors": "pair of",
    "shades": "set of",
    "shorts": "pair of",
    "skis": "pair of",
    "stairs": "flight of",
    "sunglasses": "pair of",
    "tongs": "pair of",
    "trousers": "pair of",
}
_ONE_IN_S = frozenset(
    {"atlas", "canvas", "chaos", "christmas", "cosmos", "gas", "lens", "mercedes", "news", "series", "species"}
)
_AN_EXCEPTIONS = re.compile(r"^(hour|honest|heir|honou?r|x-|mri|led\b|lcd|f\d|8|11|18)", re.IGNORECASE)
_A_EXCEPTIONS = re.compile(r"^(uni([^n]|$)|use|user|util|ura|euro|ewe|one\b|once|ukulele|u-)", re.IGNORECASE)


def with_article(phrase: str) -> str:
    """Return "a mug", "an apple", "an hourglass", "a uniform"."""
    if _AN_EXCEPTIONS.match(phrase):
        return f"an {phrase}"
    if _A_EXCEPTIONS.match(phrase):
        return f"a {phrase}"
    return f"an {phrase}" if phrase[:1].lower() in "aeiou" else f"a {phrase}"


def plural(noun: str) -> str:
    """Return the plural of a noun phrase by its last word: "red mugs", "bookshelves", "pairs of scissors"."""
    first, _, last = noun.rpartition(" ")
    prefix = f"{first} " if first else ""
    if " of " in noun:
        head, _, rest = noun.partition(" of ")
        return f"{plural(head)} of {rest}"
    word = last.lower()
    if word in _IRREGULAR:
        return prefix + _IRREGULAR[word]
    if word in _SAME or _looks_plural(word):
        return noun
    if word.endswith(("s", "x", "z", "ch", "sh")) or word in _O_ES:
        return f"{noun}es"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def singular_thing(label: str) -> str:
    """Return a label as one thing that takes "is": "pair of scissors", "set of books", else as it stands."""
    head = label.rpartition(" ")[2].lower()
    counter = _PLURAL_HEADS.get(head, "set of" if _looks_plural(head) else None)
    return f"{counter} {label}" if counter and " of " not in label else label


def _looks_plural(word: str) -> bool:
    """Labels of open vocabularies may be plural already; words like "bus", "glass" and "iris" are not."""
    ends = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word in _IRREGULAR.values() or (ends and word not in _ONE_IN_S)


def capital(text: str) -> str:
    """Return `text` with its first letter in upper case and the rest as it is."""
    return text[:1].upper() + text[1:]


def listed(items: Sequence[str], word: str) -> str:
    """Return "x and y", "x, y and z" (or with another `word`)."""
    if len(items) == 1:
        return items[0]
    return f"{', '.join(items[:-1])} {word} {items[-1]}"


def ordinal(n: int) -> str:
    """Return "first" .. "twelfth", then "13th"."""
    words = [
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
        "twelfth",
    ]
    return words[n - 1] if n <= len(words) else f"{n}th"


def count_word(n: int) -> str:
    """Return "no", "one" .. "twelve", then digits."""
    words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    return words[n] if n < len(words) else str(n)
