"""What a captioner says is data: cleaned before it goes into a scene, or left out."""

from __future__ import annotations

import re
import unicodedata

LOCATION = re.compile(r"<loc_\d+>")
SPECIAL = re.compile(r"</?(?:s|pad|unk|od|ocr|cap|grounding|poly|sep)>|\[(?:SEP|CLS|PAD)\]")
STARTS = re.compile(
    r"^(?:there (?:is|are) |this is |an? (?:photo|picture|image|close[- ]up) (?:of |showing )|the image shows )+",
    re.IGNORECASE,
)


def clean(text: str, max_chars: int) -> str | None:
    """Return `text` as one plain phrase of at most `max_chars` characters, or None if nothing fit is left.

    Goes: tokens of the model, control characters, runs of spaces, "a picture of", the full stop. A phrase that is
    too long ends at its last clause within the limit, never within a clause.
    """
    plain = SPECIAL.sub(" ", LOCATION.sub(" ", unicodedata.normalize("NFKC", text)))
    printable = "".join(c if c.isprintable() else " " for c in plain)
    phrase = STARTS.sub("", " ".join(printable.split()).strip(" .,;:!\"'"))
    if len(phrase) > max_chars:
        clauses = [m.start() for m in re.finditer(r"[,;:.] ", phrase[:max_chars])]
        phrase = phrase[: clauses[-1]] if clauses else ""
    return phrase if any(c.isalpha() for c in phrase) else None
