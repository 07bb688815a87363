"""Relation conversations (All-Seeing v2, Wang et al. 2024): text with `<ref>`, `<box>` and `<pred>` tags, and back.

    <ref>The mug</ref><box>[[412, 300, 455, 371]]</box> is <pred>on top of</pred><box>[[412, 300, 455, 371]]</box>
    <box>[[300, 360, 780, 655]]</box> <ref>the table</ref><box>[[300, 360, 780, 655]]</box>.

Boxes are integers 0 .. 999 of the picture padded to a square. The two lists after a predicate are subjects and objects,
pair by pair; a single box on one side goes with each on the other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

Box = tuple[int, int, int, int]

_BOX = r"\s*<box>\s*(\[.*?\])\s*</box>"
_REF = re.compile(rf"<ref>(.*?)</ref>{_BOX}", re.DOTALL)
_PRED = re.compile(rf"<pred>(.*?)</pred>{_BOX}{_BOX}", re.DOTALL)
_TAG = re.compile(r"<(/?)(ref|pred|box)>")


@dataclass(frozen=True, slots=True)
class Relation:
    """An edge of a scene graph: the names of its two ends are those that the text gave their boxes."""

    subject: str
    subject_box: Box
    predicate: str
    object: str
    object_box: Box


def named(words: str, *boxes: Box) -> str:
    """Return words for one or more things, tagged with their boxes."""
    return f"<ref>{words}</ref>{boxed(boxes)}"


def related(words: str, subjects: Sequence[Box], objects: Sequence[Box]) -> str:
    """Return a predicate tagged with the boxes of its subjects and objects."""
    return f"<pred>{words}</pred>{boxed(subjects)}{boxed(objects)}"


def boxed(boxes: Sequence[Box]) -> str:
    """Return boxes as a tag."""
    return f"<box>{[list(box) for box in boxes]}</box>"


def parse_named(text: str) -> dict[Box, str] | None:
    """Return the name of every box that `text` names, or None where a list of boxes is malformed."""
    found: dict[Box, str] = {}
    for words, listed in _REF.findall(text):
        boxes = _boxes(listed)
        if boxes is None:
            return None
        for box in boxes:
            found.setdefault(box, words.strip())
    return found


def parse_relations(text: str) -> list[Relation] | None:
    """Return the relations that `text` states, in order; None where it is malformed.

    Malformed: a tag without its partner, boxes that are none, lists that do not pair up, a box without a name.
    """
    names = parse_named(text)
    if names is None or not _closed(text) or text.count("<pred>") != len(_PRED.findall(text)):
        return None
    found: list[Relation] = []
    for words, left, right in _PRED.findall(text):
        subjects, objects = _boxes(left), _boxes(right)
        if subjects is None or objects is None:
            return None
        longer = max(len(subjects), len(objects))
        if {len(subjects), len(objects)} - {1, longer}:
            return None
        subjects, objects = (side * longer if len(side) == 1 else side for side in (subjects, objects))
        if any(box not in names for box in (*subjects, *objects)):
            return None
        found += [Relation(names[s], s, words.strip(), names[o], o) for s, o in zip(subjects, objects, strict=True)]
    return found


def _boxes(text: str) -> list[Box] | None:
    try:
        rows = json.loads(text)
        boxes = [(x0, y0, x1, y1) for x0, y0, x1, y1 in rows]
    except (ValueError, TypeError):
        return None
    whole = all(isinstance(n, int) and 0 <= n <= 999 for box in boxes for n in box)
    return boxes if boxes and whole else None


def _closed(text: str) -> bool:
    """Whether each tag is closed before the next one opens."""
    tags = _TAG.findall(text)
    pairs = zip(tags[::2], tags[1::2], strict=False)
    return len(tags) % 2 == 0 and all(a == "" and b == "/" and one == two for (a, one), (b, two) in pairs)
