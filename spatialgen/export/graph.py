"""The scene graph of an image: which decided relations hold between its objects, and which surely do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from spatialgen.export.pages import Page
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind, family_of_type
from spatialgen.qa.grid import to_grid
from spatialgen.qa.statements import GROUPS
from spatialgen.qa.types import INVERSE, PAIR_QUALITATIVE

CONTACT = "contact"


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """A stands in relation `type` to B; `a` and `b` are indices of the scene's objects."""

    type: str
    a: int
    b: int

    @property
    def group(self) -> str:
        """What it is about: side, depth, height, size, or how the two are joined (`contact`)."""
        return GROUPS.get(family_of_type()[self.type].name, CONTACT)

    @property
    def pair(self) -> tuple[int, int]:
        """The two objects, whatever their order."""
        return min(self.a, self.b), max(self.a, self.b)


Graph = dict[Edge, bool]


def scene_graph(page: Page) -> Graph:
    """Return every decided relation of the scene, both ways round and with its inverse, and whether it holds."""
    return {
        edge: holds
        for facts in page.facts(*PAIR_QUALITATIVE)
        for a, b, value in _rows(facts)
        for edge, holds in _followed(family_of_type()[facts.type], facts.type, a, b, value)
    }


def _rows(facts: Facts) -> Iterator[tuple[int, int, bool]]:
    for (a, b), value in zip(facts.subjects.tolist(), facts.value.tolist(), strict=True):
        yield a, b, value > 0.5


def _followed(family: Family, type_: str, a: int, b: int, holds: bool) -> Iterator[tuple[Edge, bool]]:
    yield Edge(type_, a, b), holds
    if family.symmetric:
        yield Edge(type_, b, a), holds
    if family.kind is Kind.RELATION:
        yield Edge(type_, b, a), not holds
        if type_ in INVERSE:
            yield Edge(INVERSE[type_], a, b), not holds
            yield Edge(INVERSE[type_], b, a), holds


def grid_boxes(page: Page) -> dict[int, tuple[int, int, int, int]]:
    """Return the box of each object that can be named, 0..999 of the padded square, where it is one and its own."""
    found: dict[int, tuple[int, int, int, int]] = {}
    for k, row in enumerate(
        to_grid(page.arrays.o.box, page.arrays.s.size_wh[page.arrays.o.scene]).astype(int).tolist()
    ):
        x0, y0, x1, y1 = row
        if page.naming.askable[k] and x0 < x1 and y0 < y1:
            found[k] = (x0, y0, x1, y1)
    boxes = list(found.values())
    return {k: box for k, box in found.items() if boxes.count(box) == 1}
