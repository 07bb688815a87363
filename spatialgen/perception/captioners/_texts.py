"""From what a network said of each crop to the texts of each frame's objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spatialgen.perception.captioners import measured
from spatialgen.perception.captioners._words import clean
from spatialgen.qa.safety import unsafe_text
from spatialgen.records import Frame, ObjectText


def object_texts(frames: Sequence[Frame], said: Sequence[str], max_chars: int) -> list[tuple[ObjectText, ...]]:
    """Return the texts of each frame's objects from what was `said`, one an object, frame after frame.

    The colour is measured on the object's pixels, not read out of the caption.
    """
    captions = iter([safe_caption(text, max_chars) for text in said])
    measured_texts = measured.Backend(measured.Config.model_validate({})).describe(frames)
    return [tuple(replace(text, caption=next(captions)) for text in texts) for texts in measured_texts]


def safe_caption(text: str, max_chars: int) -> str | None:
    """Return `text` cleaned, or None where nothing is left that a question may contain."""
    phrase = clean(text, max_chars)
    return None if phrase is None or unsafe_text(phrase) is not None else phrase
