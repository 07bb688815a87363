"""`relations`: relation conversations (All-Seeing v2, Wang et al. 2024), which parse back to the scene graph.

Three records an image, as there: a description of all, a caption of one region, and a conversation about pairs.
Only decided relations that hold are told, each of a pair and a group of relations once, none that a name says already.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from spatialgen.evaluate.relations import Box, boxed, named, related
from spatialgen.export.forms.base import Form, Record, Turn, conversation, form_wording, say, shuffled, told_by_name
from spatialgen.export.graph import Edge, grid_boxes, scene_graph
from spatialgen.export.pages import Page
from spatialgen.qa.english import capital, listed

MOST, MOST_OF_PAIR, MOST_TURNS, MOST_TOGETHER = 10, 2, 5, 3


def _records(page: Page) -> Iterator[Record]:
    boxes = grid_boxes(page)
    edges = told(page, boxes)
    if not edges:
        return
    key = page.key("relations")
    kinds = {
        "description": (edges, [_description(page, edges, boxes, key)]),
        "region": _region(page, edges, boxes, key),
        "conversation": _pairs(page, edges, boxes, key),
    }
    for kind, (meant, turns) in kinds.items():
        yield conversation(page, f"relations {kind}", turns, kind=kind, relations=_graph(page, meant))


def told(page: Page, boxes: dict[int, Box]) -> list[Edge]:
    """Return what to say of an image: groups of relations in turn, each of a pair once, two of a pair at most."""
    held = [edge for edge, holds in scene_graph(page).items() if holds and _worth_telling(page, edge, boxes)]
    groups: dict[str, int] = {}
    ranked = []
    for edge in shuffled(held, page.key("told")):
        groups[edge.group] = groups.get(edge.group, -1) + 1
        ranked.append((groups[edge.group], edge))
    chosen: list[Edge] = []
    for _, edge in sorted(ranked, key=lambda pair: pair[0]):
        same = [e for e in chosen if e.pair == edge.pair]
        if len(same) < MOST_OF_PAIR and all(e.group != edge.group for e in same):
            chosen.append(edge)
    return chosen[:MOST]


def _worth_telling(page: Page, edge: Edge, boxes: dict[int, Box]) -> bool:
    return edge.a in boxes and edge.b in boxes and not told_by_name(page, edge.type, (edge.a, edge.b))


def _graph(page: Page, edges: Sequence[Edge]) -> list[list[str]]:
    ids = [thing.object_id for thing in page.scene.objects]
    return [[ids[e.a], e.type, ids[e.b]] for e in edges]


def _description(page: Page, edges: Sequence[Edge], boxes: dict[int, Box], key: int) -> Turn:
    by_end = sorted(edges, key=lambda e: edges.index(next(o for o in edges if _joined(o) == _joined(e))))
    sentences = []
    for _, joined in groupby(by_end, key=_joined):
        together = list(joined)
        parts = [together[k : k + MOST_TOGETHER] for k in range(0, len(together), MOST_TOGETHER)]
        sentences += [_sentence(page, part, boxes, key) for part in parts]
    return say(form_wording("relations", "description"), "ask", key), " ".join(sentences)


def _joined(edge: Edge) -> tuple[str, int]:
    return edge.type, edge.b


def _region(page: Page, edges: Sequence[Edge], boxes: dict[int, Box], key: int) -> tuple[list[Edge], list[Turn]]:
    """What is said of the object that most relations begin with."""
    of = {a: [e for e in edges if e.a == a] for a in sorted({e.a for e in edges})}
    meant = max(of.values(), key=len)
    asked = say(form_wording("relations", "region"), "ask", key, {"a": boxed([boxes[meant[0].a]])})
    return meant, [(asked, " ".join(_sentence(page, [e], boxes, key) for e in meant))]


def _pairs(page: Page, edges: Sequence[Edge], boxes: dict[int, Box], key: int) -> tuple[list[Edge], list[Turn]]:
    """Turns about pairs, each pair once."""
    first = list({edge.pair: edge for edge in reversed(edges)}.values())[::-1][:MOST_TURNS]
    own = form_wording("relations", "pairs")
    turns = []
    for edge in first:
        words = {"a": named(page.naming.phrases[edge.a], boxes[edge.a])}
        words |= {"b": named(page.naming.phrases[edge.b], boxes[edge.b])}
        words |= {"^a": named(page.naming.capitals[edge.a], boxes[edge.a])}
        asked = say(own, edge.group, page.key("relations", str(edge)), words)
        turns.append((asked, _sentence(page, [edge], boxes, key)))
    return first, turns


def _sentence(page: Page, edges: Sequence[Edge], boxes: dict[int, Box], key: int) -> str:
    """Say one relation of several subjects to one object."""
    own = page.key("relations", *map(str, edges))
    subjects, target = [e.a for e in edges], edges[0].b
    words = say(form_wording("relations", edges[0].type), "predicate", own)
    things = [named(page.naming.phrases[a], boxes[a]) for a in subjects]
    first = named(capital(page.naming.phrases[subjects[0]]), boxes[subjects[0]])
    slots = {
        "and_list": listed(things, "and"),
        "^and_list": listed([first, *things[1:]], "and"),
        "r": related(words, [boxes[a] for a in subjects], [boxes[target]]),
        "b": named(page.naming.phrases[target], boxes[target]),
    }
    return say(form_wording("relations", "sentence"), "one" if len(edges) == 1 else "many", own, slots)


FORM = Form(_records)
