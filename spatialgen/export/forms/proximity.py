"""`proximity`: Proximity QA (Li et al. 2024), both phases as one conversation an image.

Perceive: the relative depth of each object, 0 nearest and 1 farthest. Analyse: which of two is nearer, reasoned from
the depths as they were told. It is asked only where these differ decidedly and the distances from the camera agree.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spatialgen.export.forms.base import (
    Form,
    Record,
    Turn,
    conversation,
    drawn,
    form_wording,
    say,
    shuffled,
    told_by_name,
)
from spatialgen.export.graph import Edge, Graph, scene_graph
from spatialgen.export.pages import Page
from spatialgen.qa.decide import difference_decided
from spatialgen.qa.families.relative_depth import APART
from spatialgen.qa.phrase import wording
from spatialgen.qa.speech import SPEAKERS

MOST_OBJECTS, MOST_PAIRS = 6, 4


@dataclass(frozen=True, slots=True)
class Depth:
    """The relative depth of an object, its error, and how it is printed."""

    thing: int
    value: float
    sigma: float
    text: str


def _records(page: Page) -> Iterator[Record]:
    key = page.key("proximity")
    depths = shuffled(_depths(page), key, lambda d: page.scene.objects[d.thing].object_id)[:MOST_OBJECTS]
    graph = scene_graph(page)
    pairs = [pair for two in itertools.combinations(depths, 2) if (pair := _ordered(page, graph, *two))]
    pairs = shuffled(pairs, key, lambda pair: f"{pair[0].thing} {pair[1].thing}")[:MOST_PAIRS]
    if not pairs:
        return
    ids = [thing.object_id for thing in page.scene.objects]
    yield conversation(
        page,
        "proximity",
        [*[_perceive(page, depth) for depth in depths], *[_analyse(page, *pair) for pair in pairs]],
        depths={ids[d.thing]: d.value for d in depths},
        nearer=[[ids[near.thing], ids[far.thing]] for near, far in pairs],
    )


def _depths(page: Page) -> Iterator[Depth]:
    for facts in page.facts("relative_depth"):
        rows = np.arange(len(facts))
        texts = SPEAKERS["fraction"](facts, rows, np.zeros(len(facts), np.uint64), page.config.units)
        columns = (facts.subjects[:, 0].tolist(), facts.value.tolist(), facts.sigma.tolist(), texts)
        yield from itertools.starmap(Depth, zip(*columns, strict=True))


def _ordered(page: Page, graph: Graph, one: Depth, other: Depth) -> tuple[Depth, Depth] | None:
    """Return the two, nearer first, or None where that is not decided, or not as it is printed."""
    near, far = sorted((one, other), key=lambda d: d.value)
    solid = page.arrays.o.solid[[near.thing, far.thing]].all()
    agreed = graph.get(Edge("nearer", near.thing, far.thing), False) or not solid
    sigma = np.array([np.hypot(near.sigma, far.sigma)])
    decided = bool(difference_decided(np.array([far.value - near.value]), sigma, APART)[0])
    told = told_by_name(page, "nearer", (near.thing, far.thing))
    return (near, far) if decided and agreed and not told and float(near.text) < float(far.text) else None


def _perceive(page: Page, depth: Depth) -> Turn:
    own = wording("relative_depth", "relative_depth")
    key = page.key("proximity", "perceive", page.scene.objects[depth.thing].object_id)
    words = {"a": page.naming.phrases[depth.thing], "^a": page.naming.capitals[depth.thing], "v": depth.text}
    return say(own, "open", key, words), say(own, "statement.", key, words)


def _analyse(page: Page, near: Depth, far: Depth) -> Turn:
    key = page.key("proximity", "analyse", *(page.scene.objects[d.thing].object_id for d in (near, far)))
    first, second = (near, far) if drawn(key, "mention", 2) else (far, near)
    asked = {"x": page.naming.phrases[first.thing], "^x": page.naming.capitals[first.thing]}
    asked |= {"y": page.naming.phrases[second.thing]}
    said = {"a": page.naming.phrases[near.thing], "^a": page.naming.capitals[near.thing], "v": near.text}
    said |= {"b": page.naming.phrases[far.thing], "^b": page.naming.capitals[far.thing], "w": far.text}
    own = form_wording("proximity", "farther" if drawn(key, "which", 2) else "nearer")
    return say(own, "ask", key, asked), say(own, "answer", key, said)


FORM = Form(_records)
