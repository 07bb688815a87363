"""`regions`: questions about regions instead of names (SpatialRGPT, Cheng et al. 2024).

`<region1> <mask>` at the first mention in the question, `<region1>` from then on, numbered in the order of mention; the
k-th `<mask>` is `rle[k]`, COCO compressed counts of the visible mask. Wordings are those of the questions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from spatialgen.export.asked import can_be_retold, retold
from spatialgen.export.forms.base import Form, Record, conversation
from spatialgen.export.pages import Page

_TAG = re.compile(r"<region(\d+)>")


def _records(page: Page) -> Iterator[Record]:
    tags = [f"<region{k}>" for k in range(len(page.scene.objects))]
    naming = replace(page.naming, phrases=tags, capitals=tags)
    size = [page.scene.height, page.scene.width]
    for row in filter(can_be_retold, page.rows):
        question, answer = retold(page, row, naming)
        order = list(dict.fromkeys(int(k) for k in _TAG.findall(question)))
        if not tags_agree(question, answer):
            continue
        things = [page.scene.objects[k] for k in order]
        yield conversation(
            page,
            row["qa_id"],
            [(_with_masks(_numbered(question, order)), _numbered(answer, order))],
            qa_id=row["qa_id"],
            regions=[thing.object_id for thing in things],
            rle=[{"size": size, "counts": thing.mask_rle.decode("ascii")} for thing in things],
        )


def tags_agree(question: str, answer: str) -> bool:
    """Return whether the question has regions, and the answer only such as the question has."""
    asked, told = set(_TAG.findall(question)), set(_TAG.findall(answer))
    return bool(asked) and told <= asked


def _numbered(text: str, order: Sequence[int]) -> str:
    return _TAG.sub(lambda match: f"<region{order.index(int(match[1])) + 1}>", text)


def _with_masks(question: str) -> str:
    """Bind each region to its mask where it is mentioned first."""
    seen: set[str] = set()

    def bound(match: re.Match[str]) -> str:
        first = match[0] not in seen
        seen.add(match[0])
        return f"{match[0]} <mask>" if first else match[0]

    return _TAG.sub(bound, question)


FORM = Form(_records)
