"""Relation conversations: they parse back to the scene graph, whose edges are so by the geometry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from box_pages import page_of

from spatialgen.evaluate.relations import Relation, named, parse_named, parse_relations, related
from spatialgen.export.forms import form
from spatialgen.export.forms.base import form_wording
from spatialgen.export.graph import Edge, grid_boxes, scene_graph
from spatialgen.export.pages import Page
from spatialgen.qa.select import GIVEN_AWAY
from spatialgen.qa.types import INVERSE, PAIR_QUALITATIVE
from spatialgen.testing.box_scenes import Box

Export = Callable[[str], list[dict[str, Any]]]
A, B, C = (1, 2, 30, 40), (5, 6, 70, 80), (0, 0, 999, 999)


def test_sentences_read_back() -> None:
    text = f"{named('The mug', A)} and {named('the jug', B)} are {related('on', [A, B], [C])} {named('the table', C)}."
    assert text.startswith("<ref>The mug</ref><box>[[1, 2, 30, 40]]</box>")
    assert parse_relations(text) == [
        Relation("The mug", A, "on", "the table", C),
        Relation("the jug", B, "on", "the table", C),
    ]
    assert parse_relations(f"{named('both', A, B)} are {related('by', [A, B], [B, A])}") == [
        Relation("both", A, "by", "both", B),
        Relation("both", B, "by", "both", A),
    ]
    assert parse_relations("Nothing is tagged here.") == []


@pytest.mark.parametrize(
    "text",
    [
        f"{named('x', A)} is {related('on', [A], [B])} y",
        f"{named('x', A)} and {named('y', B)}: {related('on', [A, B, A], [A, B])}",
        "<ref>x</ref><box>[[1, 2, 3]]</box>",
        "<ref>x</ref><box>[[1, 2, 3, 1000]]</box>",
        "<ref>x</ref><box>[[1, 2, 3, 4.5]]</box>",
        f"{named('x', A)} is <pred>on</pred><box>[[1, 2, 30, 40]]</box>",
        f"{named('x', A)} is <pred>on{related('on', [A], [A])}",
    ],
)
def test_what_is_malformed_is_not_guessed_at(text: str) -> None:
    assert parse_relations(text) is None


def test_a_predicate_belongs_to_one_type() -> None:
    phrases = [t.text for type_ in PAIR_QUALITATIVE for t in form_wording("relations", type_).of("predicate")]
    assert len(phrases) == len(set(phrases))


TYPE_OF = {t.text: type_ for type_ in PAIR_QUALITATIVE for t in form_wording("relations", type_).of("predicate")}


def test_every_answer_parses_back_to_the_graph(exported: Export, book: dict[str, Page]) -> None:
    found: set[str] = set()
    records = exported("relations")
    assert {r["kind"] for r in records} == {"description", "region", "conversation"}
    for record in records:
        page = book[record["image_id"]]
        ids = [thing.object_id for thing in page.scene.objects]
        boxes = {box: k for k, box in grid_boxes(page).items()}
        graph = scene_graph(page)
        edges = set()
        for turn in record["conversations"][1::2]:
            relations = parse_relations(turn["value"])
            assert relations
            for relation in relations:
                edge = Edge(TYPE_OF[relation.predicate], boxes[relation.subject_box], boxes[relation.object_box])
                assert graph[edge]
                assert relation.subject.lower() == page.naming.phrases[edge.a].lower()
                assert relation.object.lower() == page.naming.phrases[edge.b].lower()
                assert edge.type not in GIVEN_AWAY.get(page.naming.reveals[edge.a], ())
                edges.add((ids[edge.a], edge.type, ids[edge.b]))
        assert edges == {tuple(edge) for edge in record["relations"]}
        assert len(edges) == len(record["relations"])
        found |= {type_ for _, type_, _ in edges}
        for turn in record["conversations"][::2]:
            assert parse_named(turn["value"]) is not None
    assert len(found) > 10


def test_the_graph_agrees_with_the_rows_and_with_itself(book: dict[str, Page]) -> None:
    compared = 0
    for page in book.values():
        graph = scene_graph(page)
        index = {thing.object_id: k for k, thing in enumerate(page.scene.objects)}
        for row in page.rows:
            if row["question_type"] in PAIR_QUALITATIVE and row["status"] == "decided":
                a, b = (index[s] for s in row["subjects"])
                assert graph[Edge(row["question_type"], a, b)] == (row["answer_value"] > 0.5)
                compared += 1
            elif row["question_type"] in PAIR_QUALITATIVE:
                a, b = (index[s] for s in row["subjects"])
                assert Edge(row["question_type"], a, b) not in graph
        for edge, holds in graph.items():
            if edge.type in INVERSE:
                assert graph[Edge(INVERSE[edge.type], edge.b, edge.a)] == holds
    assert compared > 100


def test_boxes_lie_on_the_padded_square(exported: Export, book: dict[str, Page]) -> None:
    exported("relations")
    shapes = {(p.scene.width > p.scene.height, p.scene.width < p.scene.height) for p in book.values()}
    assert shapes >= {(True, False), (False, True)}
    for page in book.values():
        w, h = page.scene.width, page.scene.height
        side = max(w, h)
        for k, box in grid_boxes(page).items():
            pads = ((side - w) // 2, (side - h) // 2) * 2
            edges = [
                min(999, int(1000 * (e + pad) / side))
                for e, pad in zip(page.scene.objects[k].box_px, pads, strict=True)
            ]
            assert list(box) == edges


def test_no_pair_is_told_the_same_thing_twice(exported: Export) -> None:
    for record in exported("relations"):
        told = [(frozenset((a, b)), Edge(type_, 0, 1).group) for a, type_, b in record["relations"]]
        assert len(told) == len(set(told))


def test_a_box_that_two_things_share_names_neither() -> None:
    twins = [Box(label, (0.5, 3.0, 0.5), (0.6, 0.5, 1.0)) for label in ("crate", "basket")]
    others = [Box("lamp", (-1.0, 4.0, 0.8), (0.3, 0.28, 1.6)), Box("sofa", (0.6, 6.0, 0.4), (2.0, 0.9, 0.8))]
    page = page_of([*twins, *others])
    assert all(page.naming.phrases)
    assert sorted(grid_boxes(page)) == [2, 3]
    told = [record["relations"] for record in form("relations").records(page)]
    assert {end for relations in told for a, _, b in relations for end in (a, b)} == {"3", "4"}


def test_several_subjects_of_one_relation_are_told_together() -> None:
    places = {"red mug": -0.4, "blue mug": 0.0, "vase": 0.4}
    small = [Box("mug", (x, 3.0, 0.8), (0.1, 0.09, 0.12), name=name, on="4") for name, x in places.items()]
    page = page_of([*small, Box("table", (0.0, 3.1, 0.37), (1.4, 0.8, 0.74))])
    answers = [r["conversations"][1]["value"] for r in form("relations").records(page) if r["kind"] == "description"]
    relations = parse_relations(answers[0])
    assert relations
    assert answers[0].count("<pred>") < len(relations)
