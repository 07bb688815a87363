"""Chains of thought: the printed steps are the measures, add up as printed, and lead to what is so."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from box_pages import page_of

from spatialgen.export.forms import form
from spatialgen.export.forms.base import form_wording
from spatialgen.export.forms.reasoning import RELATIONS
from spatialgen.export.graph import Edge, scene_graph
from spatialgen.export.pages import Page
from spatialgen.qa.numbers import parse
from spatialgen.records import ObjectGeometry, Scene
from spatialgen.testing.box_scenes import furnished_boxes

Export = Callable[[str], list[dict[str, Any]]]
LENGTH = r"\d+(?:\.\d+)? ?(?:metres?|m|cm|centimetres?|ft|feet|foot|inches|inch|in)\b"


def _geometry(scene: Scene, object_id: str) -> ObjectGeometry:
    [geometry] = [thing.geometry for thing in scene.objects if thing.object_id == object_id]
    assert geometry is not None
    return geometry


MEASURES: dict[str, Callable[[ObjectGeometry, Scene], float]] = {
    "nearer": lambda g, s: float(np.linalg.norm(g.center_m - s.camera_center_m)),
    "taller": lambda g, s: float(g.size_m[2]),
    "wider": lambda g, s: float(np.ptp(g.x_interval_m)),
    "longer": lambda g, s: float(g.size_m.max()),
    "higher_top": lambda g, s: float(g.z_interval_m[1]),
    "left_of": lambda g, s: abs(float(g.center_m[0])),
    "in_front_of": lambda g, s: float(g.center_m[1]),
    "above": lambda g, s: float(g.center_m[2]),
    "height_ratio": lambda g, s: float(g.size_m[2]),
}


def test_steps_are_measured_and_add_up(exported: Export, book: dict[str, Page]) -> None:
    records = exported("reasoning")
    assert len(records) >= 10
    for record in records:
        scene = book[record["image_id"]].scene
        one, type_, other = record["fact"]
        a, b = _geometry(scene, one), _geometry(scene, other)
        v, w, t = record["measures"]
        if type_ == "distance":
            delta = a.center_m - b.center_m
            assert (v, w) == pytest.approx((float(np.hypot(*delta[:2])), abs(float(delta[2]))), rel=1e-5)
            assert t == pytest.approx(float(np.linalg.norm(delta)), rel=1e-5)
        else:
            assert (v, w) == pytest.approx((MEASURES[type_](a, scene), MEASURES[type_](b, scene)), rel=1e-5)
        answer = record["conversations"][1]["value"]
        lengths = [parse(text) for text in re.findall(LENGTH, answer)]
        if type_ == "height_ratio":
            factor = re.search(r"([\d.]+) times", answer)
            assert factor is not None
            assert float(factor[1]) == pytest.approx(v / w, rel=0.06)
            assert lengths[0] / lengths[1] == pytest.approx(float(factor[1]), abs=0.06)
            continue
        assert lengths[:2] == pytest.approx([v, w], rel=0.06, abs=0.06)
        assert lengths[-1] == pytest.approx(t, rel=0.06, abs=0.06)
        if type_ == "distance":
            assert np.hypot(*lengths[:2]) == pytest.approx(lengths[-1], rel=0.05)
        else:
            step = 1 if "+" in answer else -1
            assert abs(lengths[0] + step * lengths[1]) == pytest.approx(lengths[-1], abs=1e-6), answer
            equation = re.search(rf"({LENGTH}) ([+-]) ({LENGTH}) = ({LENGTH})", answer)
            assert equation is not None
            left, right, result = (parse(equation[k]) for k in (1, 3, 4))
            assert left + (right if equation[2] == "+" else -right) == pytest.approx(result, abs=1e-6)
            assert {left, right} == set(lengths[:2])


def test_the_answer_is_so(exported: Export, book: dict[str, Page]) -> None:
    types = set()
    for record in exported("reasoning"):
        page = book[record["image_id"]]
        one, type_, other = record["fact"]
        types.add(type_)
        index = {thing.object_id: k for k, thing in enumerate(page.scene.objects)}
        question, answer = (turn["value"].lower() for turn in record["conversations"])
        names = [page.naming.phrases[index[k]].lower() for k in (one, other)]
        assert all(name in question and name in answer for name in names)
        if type_ not in RELATIONS:
            continue
        assert scene_graph(page)[Edge(type_, index[one], index[other])]
        conclusion = re.split(r"so |therefore |which makes ", answer)[-1]
        less = [word for word in _words(type_) if word in question]
        assert names[1 if less else 0] in conclusion
        assert names[0 if less else 1] not in conclusion
    assert len(types) >= 6


def _words(type_: str) -> list[str]:
    """What the question says when it asks for the other one."""
    group = "left_across" if type_ == "left_of" else type_
    template = form_wording("reasoning", group).of("ask_other")[0].text
    found = re.fullmatch(r"Which is (.*), \{x\} or \{y\}\? Work it out step by step\.", template)
    assert found is not None
    return [found[1]]


def test_lengths_are_told_only_where_the_scale_is_trusted() -> None:
    boxes = furnished_boxes(3, 6)
    assert list(form("reasoning").records(page_of(boxes)))
    assert not list(form("reasoning").records(page_of(boxes, scale=0.2)))
    assert list(form("proximity").records(page_of(boxes, scale=0.2)))


def test_without_gravity_only_what_needs_none_is_told() -> None:
    boxes = furnished_boxes(3, 6)
    told = [edge for record in form("relations").records(page_of(boxes, gravity=False)) for edge in record["relations"]]
    assert {type_ for _, type_, _ in told} == {"nearer", "farther"}
    assert not list(form("reasoning").records(page_of(boxes, gravity=False)))
