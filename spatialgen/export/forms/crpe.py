"""`crpe`: single-choice probes of existence, subject, predicate and object (CRPE, Wang et al. 2024).

JSON lines that `spatialgen eval --bench crpe=FILE` reads. A probe is asked four times with its options rotated, under
one `question_id`. The right option is a decided fact; each wrong one is wrong by a decided fact of its own. Options of
a predicate come from the four groups of relations that turn round with the two objects (side, depth, height, size), so
that none follows from another and each phrase is as often right as any other: it tells nothing by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from spatialgen.export.forms.base import Form, Record, drawn, form_wording, say, shuffled, told_by_name
from spatialgen.export.graph import CONTACT, Edge, Graph, scene_graph
from spatialgen.export.pages import Page
from spatialgen.qa.columns import LETTERS, lettered
from spatialgen.qa.english import with_article
from spatialgen.qa.phrase import frames

OPTIONS, MOST = 4, 3


@dataclass(frozen=True, slots=True)
class Probe:
    """A stem and four options, the right one first; `facts` are what makes each right or wrong."""

    category: str
    stem: str
    options: tuple[str, ...]
    facts: tuple[str | Edge, ...]


def _records(page: Page) -> Iterator[Record]:
    graph = {edge: holds for edge, holds in scene_graph(page).items() if _open(page, edge)}
    for probes in (_existence(page), _predicates(page, graph), _ends(page, graph, 0), _ends(page, graph, 1)):
        for probe in islice(probes, MOST):
            yield from _rotations(page, probe)


def _open(page: Page, edge: Edge) -> bool:
    return not told_by_name(page, edge.type, (edge.a, edge.b))


def _rotations(page: Page, probe: Probe) -> Iterator[Record]:
    key = page.key("crpe", probe.category, probe.stem, *probe.options)
    order = shuffled(range(OPTIONS), key)
    ids = [thing.object_id for thing in page.scene.objects]
    facts = [[ids[f.a], f.type, ids[f.b]] if isinstance(f, Edge) else f for f in probe.facts]
    for turn in range(OPTIONS):
        turned = [*order[turn:], *order[:turn]]
        options = lettered([probe.options[k] for k in turned], 0)
        yield {
            "id": f"{key:016x}-{turn}",
            "question_id": f"{key:016x}",
            "image_id": page.stored["image_id"],
            "category": probe.category,
            "text": say(frames(), "options", key, {"s": probe.stem, "^s": probe.stem, "options": options}),
            "correct_option": LETTERS[turned.index(0)],
            "facts": [facts[k] for k in turned],
        }


def _existence(page: Page) -> Iterator[Probe]:
    """One kind that is surely seen among three that are not there."""
    found: dict[bool, list[str]] = {True: [], False: []}
    for facts in page.facts("exists"):
        for value, params in zip(facts.value.tolist(), facts.params or (), strict=True):
            found[value > 0.5].append(json.loads(params)["label"])
    for label in shuffled(found[True], page.key("crpe", "exist")):
        key = page.key("crpe", "exist", label)
        labels = (label, *shuffled(found[False], key)[: OPTIONS - 1])
        if len(labels) == OPTIONS:
            stem = say(form_wording("crpe", "exist"), "stem", key)
            yield Probe("exist", stem, tuple(with_article(text) for text in labels), labels)


def _predicates(page: Page, graph: Graph) -> Iterator[Probe]:
    """One relation of a pair that holds, among three of other groups that do not."""
    pairs = sorted({(edge.a, edge.b) for edge in graph if edge.a < edge.b})
    for pair in shuffled(pairs, page.key("crpe", "predicate")):
        key = page.key("crpe", "predicate", *pair)
        a, b = pair if drawn(key, "turned", 2) else pair[::-1]
        groups = _by_group(graph, a, b)
        chosen = shuffled(groups, key)[:OPTIONS]
        if len(chosen) < OPTIONS:
            continue
        edges = [_first(groups[group], key, holds=k == 0) for k, group in enumerate(chosen)]
        if any(edge is None for edge in edges):
            continue
        meant = tuple(edge for edge in edges if edge is not None)
        words = {"a": page.naming.phrases[a], "^a": page.naming.capitals[a], "b": page.naming.phrases[b]}
        stem = say(form_wording("crpe", "predicate"), "stem", key, words)
        yield Probe("predicate", stem, tuple(_phrase(edge, key) for edge in meant), meant)


def _by_group(graph: Graph, a: int, b: int) -> dict[str, list[tuple[Edge, bool]]]:
    """Return the decided relations of A to B by group; those of contact do not turn round."""
    groups: dict[str, list[tuple[Edge, bool]]] = {}
    for edge, holds in graph.items():
        if (edge.a, edge.b) == (a, b) and edge.group != CONTACT:
            groups.setdefault(edge.group, []).append((edge, holds))
    return groups


def _first(edges: Sequence[tuple[Edge, bool]], key: int, holds: bool) -> Edge | None:
    fitting = [edge for edge, so in edges if so == holds]
    return next(iter(shuffled(fitting, key)), None)


def _ends(page: Page, graph: Graph, end: int) -> Iterator[Probe]:
    """One object that stands in a relation to a given one (end 0), or to which it does (1), among three that do not."""
    category = ("subject", "object")[end]
    asked: dict[tuple[str, int], list[tuple[Edge, bool]]] = {}
    for edge, holds in graph.items():
        asked.setdefault((edge.type, edge.a if end else edge.b), []).append((edge, holds))
    for type_, given in shuffled(asked, page.key("crpe", category)):
        key = page.key("crpe", category, type_, given)
        edges = shuffled(asked[type_, given], key)
        right = [edge for edge, holds in edges if holds][:1]
        meant = (*right, *[edge for edge, holds in edges if not holds][: OPTIONS - 1])
        if len(right) == 1 and len(meant) == OPTIONS:
            words = {"r": _phrase(meant[0], key), "b": page.naming.phrases[given], "^b": page.naming.capitals[given]}
            stem = say(form_wording("crpe", category), "stem", key, words)
            options = tuple(page.naming.phrases[edge.b if end else edge.a] for edge in meant)
            yield Probe(category, stem, options, meant)


def _phrase(edge: Edge, key: int) -> str:
    return say(form_wording("relations", edge.type), "predicate", key)


FORM = Form(_records, lines=True)
