"""What a form is: records made from one image of a build, and how they are put into words.

To add one, write `forms/<name>.py` with a `FORM`, and `forms/templates/<name>.yaml` with its wording, in the format of
`qa/templates`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from spatialgen.export.pages import Page
from spatialgen.qa.columns import fill
from spatialgen.qa.keys import mix_one, purpose_key
from spatialgen.qa.phrase import Wording, wording
from spatialgen.qa.select import GIVEN_AWAY

Record = dict[str, Any]
Turn = tuple[str, str]
T = TypeVar("T")

_ONE = np.zeros(1, np.int64)


@dataclass(frozen=True, slots=True)
class Form:
    """`records` of an image, without `image`, which whoever writes them adds. `lines`: JSON lines, not a JSON list."""

    records: Callable[[Page], Iterable[Record]]
    lines: bool = False


def form_wording(form: str, group: str) -> Wording:
    """Return the templates of a group of `templates/<form>.yaml`."""
    return wording(form, group, "spatialgen.export.forms")


def say(own: Wording, section: str, key: int, words: Mapping[str, str] | None = None) -> str:
    """Return one of the templates of a section, drawn from `key`, filled with `words` (slot to text)."""
    templates = own.of(section)
    chosen = templates[drawn(key, section, len(templates))]
    return fill((chosen,), _ONE, {slot: [text] for slot, text in (words or {}).items()})[0]


def drawn(key: int, purpose: str, n: int) -> int:
    """Return an integer in [0, n) drawn from `key`."""
    return mix_one(key, int(purpose_key(purpose))) % n


def shuffled(items: Iterable[T], key: int, name: Callable[[T], str] = str) -> list[T]:
    """Return `items` in an order drawn from `key`; it depends on what they are (by `name`), not on where they stood."""
    return sorted(items, key=lambda item: (mix_one(key, int(purpose_key(name(item)))), name(item)))


def conversation(page: Page, name: str, turns: Sequence[Turn], **more: Any) -> Record:
    """Return a LLaVA record; its id comes from the image and `name`."""
    said = [(who, text) for turn in turns for who, text in zip(("human", "gpt"), turn, strict=True)]
    said[0] = ("human", f"<image>\n{said[0][1]}")
    return {
        "id": f"{page.key('id', name):016x}",
        "image_id": page.stored["image_id"],
        "conversations": [{"from": who, "value": text} for who, text in said],
        **more,
    }


def told_by_name(page: Page, type_: str, objects: Iterable[int]) -> bool:
    """Return whether the phrase of one of `objects`, such as "the chair on the left", gives facts of `type_` away."""
    return any(type_ in GIVEN_AWAY.get(page.naming.reveals[k], ()) for k in objects)
