"""CRPE probes: read by the bench itself, right by the facts, and with wrong options that are wrong by the facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from box_pages import page_of

from spatialgen.evaluate.benches import bench
from spatialgen.evaluate.benches.crpe import _OPTION
from spatialgen.evaluate.run import evaluate
from spatialgen.export.forms import form
from spatialgen.export.forms.base import form_wording
from spatialgen.export.graph import Edge, scene_graph
from spatialgen.export.llava import export_llava
from spatialgen.export.pages import Page
from spatialgen.export.reader import BuildReader
from spatialgen.qa.types import PAIR_QUALITATIVE
from spatialgen.testing.box_scenes import furnished_boxes

Export = Callable[[str], list[dict[str, Any]]]
TYPE_OF = {t.text: type_ for type_ in PAIR_QUALITATIVE for t in form_wording("relations", type_).of("predicate")}


def test_the_bench_reads_the_file_and_scores_it(built: BuildReader, tmp_path: Path) -> None:
    path = export_llava(built, tmp_path, "default", None, "crpe")
    chosen = bench("crpe")
    items = list(chosen.items(path, None))
    assert {item.row["category"] for item in items} == {"exist", "subject", "predicate", "object"}
    for item in items[:3]:
        assert item.image() is not None
    right = [item.row["correct_option"] for item in items]
    for answers, circular, single in ((right, 1.0, 1.0), (["A"] * len(items), 0.0, 0.25)):
        said = dict(zip([item.item_id for item in items], answers, strict=True))
        out = tmp_path / str(circular)
        report = evaluate("crpe", path, None, lambda asked, said=said: [said[i.item_id] for i in asked], out)
        assert report.questions == len(items)
        for line in report.lines:
            expected = circular if line.metric == "accuracy (all rotations)" else single
            assert line.estimate.mean == pytest.approx(expected)


def test_four_rotations_share_an_id_and_the_right_one_takes_each_letter(exported: Export) -> None:
    groups: dict[str, list[dict[str, Any]]] = {}
    for record in exported("crpe"):
        groups.setdefault(record["question_id"], []).append(record)
    assert len(groups) > 20
    for group in groups.values():
        assert sorted(r["correct_option"] for r in group) == ["A", "B", "C", "D"]
        options = [[text for _, text in _OPTION.findall(r["text"])] for r in group]
        assert all(sorted(o) == sorted(options[0]) and len(set(o)) == 4 for o in options)
        assert all(options[0][k:] + options[0][:k] == o for k, o in enumerate(options))


def test_the_right_option_is_a_fact_and_the_others_are_decided_otherwise(
    exported: Export, book: dict[str, Page]
) -> None:
    for record in exported("crpe"):
        page = book[record["image_id"]]
        graph, labels = scene_graph(page), {thing.label for thing in page.scene.objects}
        index = {thing.object_id: k for k, thing in enumerate(page.scene.objects)}
        options = [text for _, text in _OPTION.findall(record["text"])]
        right = "ABCD".index(record["correct_option"])
        for k, (text, fact) in enumerate(zip(options, record["facts"], strict=True)):
            if record["category"] == "exist":
                assert text.split(" ", 1)[1] == fact
                assert (fact in labels) == (k == right)
                continue
            edge = Edge(fact[1], index[fact[0]], index[fact[2]])
            assert graph[edge] == (k == right)
            named = page.naming.phrases[edge.a], page.naming.phrases[edge.b]
            stem = record["text"].lower()
            if record["category"] == "predicate":
                assert TYPE_OF[text] == edge.type
                assert all(name.lower() in stem for name in named)
            else:
                told, asked = named if record["category"] == "subject" else named[::-1]
                assert text == told
                assert asked.lower() in stem
                assert any(t.text in stem for t in form_wording("relations", edge.type).of("predicate"))


def test_options_of_a_predicate_come_from_different_groups(exported: Export) -> None:
    for record in exported("crpe"):
        if record["category"] == "predicate":
            edges = [Edge(fact[1], 0, 1) for fact in record["facts"]]
            assert len({edge.group for edge in edges}) == 4


def test_a_phrase_tells_nothing_by_itself() -> None:
    """Over many pairs, each phrase is right about as often as any other: one time in four."""
    offered, right = Counter[str](), Counter[str]()
    for seed in range(120):
        for record in form("crpe").records(page_of(furnished_boxes(seed, 5), image_id=str(seed))):
            if record["category"] == "predicate" and record["id"].endswith("-0"):
                types = [fact[1] for fact in record["facts"]]
                offered.update(types)
                right[types["ABCD".index(record["correct_option"])]] += 1
    assert sum(right.values()) > 300
    for type_, times in offered.items():
        assert abs(right[type_] - times / 4) < 4 * (times * 3 / 16) ** 0.5, type_


def test_a_probe_is_asked_once(exported: Export) -> None:
    stems = Counter((r["image_id"], r["question_id"]) for r in exported("crpe"))
    assert set(stems.values()) == {4}
