"""Proximity QA: depths as measured, comparisons that follow from the printed depths and are so in the scene."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from spatialgen.export.graph import Edge, scene_graph
from spatialgen.export.pages import Page

Export = Callable[[str], list[dict[str, Any]]]


def _numbers(text: str) -> list[float]:
    return [float(n) for n in re.findall(r"\b(?:0\.\d+|0|1)\b", text)]


def test_depths_are_those_of_the_scene(exported: Export, book: dict[str, Page]) -> None:
    records = exported("proximity")
    assert len(records) >= 3
    for record in records:
        page = book[record["image_id"]]
        things = {t.object_id: (t, page.naming.phrases[k]) for k, t in enumerate(page.scene.objects)}
        low, high = page.scene.depth_range_m
        turns = [t["value"] for t in record["conversations"]]
        for turn, (object_id, value) in zip(
            zip(turns[::2], turns[1::2], strict=True), record["depths"].items(), strict=False
        ):
            thing, name = things[object_id]
            expected = np.clip((thing.median_depth_m - low) / (high - low), 0, 1)
            assert abs(value - expected) < 1e-6
            assert name.lower() in turn[0].lower()
            numbers = [n for n in _numbers(turn[1]) if n not in (0.0, 1.0)] or _numbers(turn[1])
            assert min(abs(n - value) for n in numbers) <= 0.05
        assert len(turns) == 2 * (len(record["depths"]) + len(record["nearer"]))


def test_comparisons_follow_from_what_was_told(exported: Export, book: dict[str, Page]) -> None:
    nearer_asked = farther_asked = 0
    for record in exported("proximity"):
        page = book[record["image_id"]]
        index = {t.object_id: k for k, t in enumerate(page.scene.objects)}
        graph, depths = scene_graph(page), record["depths"]
        turns = [t["value"] for t in record["conversations"]][2 * len(depths) :]
        perceived = " ".join(t["value"] for t in record["conversations"][1 : 2 * len(depths) : 2])
        for asked, said, (near, far) in zip(turns[::2], turns[1::2], record["nearer"], strict=True):
            assert depths[far] - depths[near] > 0.1
            a, b = index[near], index[far]
            assert graph.get(Edge("nearer", a, b), not page.arrays.o.solid[[a, b]].all())
            values = _numbers(said)
            assert min(values) < max(values)
            assert all(str(v).rstrip("0").rstrip(".") in perceived for v in values)
            names = [page.naming.phrases[a].lower(), page.naming.phrases[b].lower()]
            assert all(name in asked.lower() and name in said.lower() for name in names)
            conclusion = re.split(r"[.;:,] ", said.lower().rstrip("."))[-1]
            farther = re.search(r"farther|distant|larger|last", asked) is not None
            named = [(conclusion.index(name), k) for k, name in enumerate(names) if name in conclusion]
            assert min(named)[1] == int(farther), "the thing named first in the last clause is the answer"
            nearer_asked += not farther
            farther_asked += farther
    assert nearer_asked
    assert farther_asked
