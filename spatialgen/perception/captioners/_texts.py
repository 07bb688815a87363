"""From what a network said of each crop to the texts of each frame's objects."""

from __future__ import annotations

from collections.abc import Sequence

from spatialgen.perception.captioners._words import clean
from spatialgen.qa.safety import unsafe_text
from spatialgen.records import Frame, ObjectText


def object_texts(frames: Sequence[Frame], said: Sequence[str], max_chars: int) -> list[tuple[ObjectText, ...]]:
    """Return the texts of each frame's objects from what was `said`, one an object, frame after frame."""
    captions = iter([safe_caption(text, max_chars) for text in said])
    return [tuple(ObjectText(caption=next(captions)) for _ in range(_count(frame))) for frame in frames]


def safe_caption(text: str, max_chars: int) -> str | None:
    """Return `text` cleaned, or None where nothing is left that a question may contain."""
    phrase = clean(text, max_chars)
    return None if phrase is None or unsafe_text(phrase) is not None else phrase


def _count(frame: Frame) -> int:
    return 0 if frame.detections is None else len(frame.detections)
