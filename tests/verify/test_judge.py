"""Answers made right, wrong and undecided on purpose are judged as such."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spatialgen.testing.render import render
from spatialgen.testing.scenes import sample_scene
from spatialgen.testing.truth import TrueScene, from_analytic, truth_value
from spatialgen.verify.askable import askable_facts, whole_objects
from spatialgen.verify.judge import judge_rows
from spatialgen.verify.judged import Judged, by_type, summarise
from spatialgen.verify.kinds import fact_key, kind_of, summary_name


@pytest.fixture(scope="module")
def truth() -> TrueScene:
    scene = sample_scene(16, size_wh=(320, 240))
    return from_analytic(scene, render(scene))


def row(name: str, subjects: tuple[str, ...], value: float | None, **more: Any) -> dict[str, Any]:
    base = {
        "question_type": name,
        "subjects": list(subjects),
        "status": "decided",
        "answer_value": value,
        "answer_values": None,
        "answer_unit": "m",
        "sigma": 0.01,
        "params": "{}",
    }
    return base | more


def asked(judged: list[Judged]) -> list[Judged]:
    return [item for item in judged if item.asked]


def test_a_right_and_a_wrong_relation(truth: TrueScene) -> None:
    ids = [item.object_id for item in truth.objects]
    pair = next((a, b) for a in ids for b in ids if truth_value(truth, "left_of", (a, b)).clear)
    true = truth_value(truth, "left_of", pair).value
    assert true is not None
    assert asked(judge_rows([row("left_of", pair, true)], truth))[0].right is True
    assert asked(judge_rows([row("left_of", pair, 1 - true)], truth))[0].right is False
    assert asked(judge_rows([row("right_of", pair, 1 - true)], truth))[0].right is True


def test_an_answer_where_silence_was_due_is_wrong(truth: TrueScene) -> None:
    ids = [item.object_id for item in truth.objects]
    pairs = [(a, b) for a in ids for b in ids if a != b]
    pair = next(p for p in pairs if truth_value(truth, "next_to", p).value is None)
    assert [item.right for item in asked(judge_rows([row("next_to", pair, v) for v in (1.0,)], truth))] == [False]


def test_forms_and_inverses_of_a_fact_count_once(truth: TrueScene) -> None:
    rows = [row("nearer", ("1", "2"), 1.0), row("farther", ("2", "1"), 1.0), row("nearer", ("1", "2"), 1.0)]
    assert len(asked(judge_rows(rows, truth))) == 1
    assert len(asked(judge_rows([row("on_top_of", ("1", "2"), 0.0), row("on_top_of", ("2", "1"), 0.0)], truth))) == 2


def test_quantities_have_errors_shares_and_calibration() -> None:
    base = Judged("width", "quantity", "s", ("1",), 1.0, 1.0, sigma=0.05, askable=True)
    items = [replace(base, value=1.0 + off) for off in (0.0, 0.04, 0.09, 0.2, 0.3)]
    silent = replace(base, value=None)
    summary = summarise("width", "quantity", [*items, silent])
    assert (summary.asked, summary.askable) == (5, 6)
    assert summary.coverage == pytest.approx(5 / 6)
    assert (summary.within_10, summary.within_25) == (0.6, 0.8)
    assert (summary.within_1_sigma, summary.within_2_sigma, summary.within_3_sigma) == (0.4, 0.6, 0.6)
    assert summary.median_error == pytest.approx(0.09)


def test_one_centimetre_is_enough_in_small_things_and_angles_go_around() -> None:
    assert Judged("width", "quantity", "s", ("1",), 0.05, 0.041).within(0.10)
    assert not Judged("volume", "quantity", "s", ("1",), 0.005, 0.004, unit="m3").within(0.10)
    assert Judged("bearing", "quantity", "s", ("1",), 359.0, 4.0, unit="deg").error == pytest.approx(5.0)


def test_boxes_are_judged_by_all_their_numbers(truth: TrueScene) -> None:
    seen = next(k for k in truth.visible)
    flat = truth_value(truth, "box_2d", (seen,)).values
    assert flat is not None
    for shift, right in ((4.0, True), (15.0, False)):
        values = [flat[0] + shift, *flat[1:]]
        assert asked(judge_rows([row("box_2d", (seen,), None, answer_values=values)], truth))[0].right is right
    solid = truth_value(truth, "box_3d", (seen,)).values
    assert solid is not None
    for scale, right in ((1.05, True), (1.3, False)):
        values = [*solid[:3], solid[3] * scale, *solid[4:]]
        assert asked(judge_rows([row("box_3d", (seen,), None, answer_values=values)], truth))[0].right is right


def test_what_could_be_asked_leaves_out_the_cut_and_the_small(truth: TrueScene) -> None:
    whole = whole_objects(truth)
    assert truth.ids is not None
    border = np.concatenate([truth.ids[0], truth.ids[-1], truth.ids[:, 0], truth.ids[:, -1]])
    assert whole
    for item in truth.objects:
        cut = int(item.object_id) in border
        small = (truth.ids == int(item.object_id)).sum() < 400
        assert (item.object_id in whole) == (not cut and not small)
    keys = askable_facts(truth)
    assert len([key for key in keys if key[0] == "width"]) == len(whole)
    assert len([key for key in keys if key[0] == "distance"]) == len(whole) * (len(whole) - 1) // 2
    assert all(set(key[1]) <= whole for key in keys)


def test_what_is_left_out_lowers_coverage(truth: TrueScene) -> None:
    rows = {item.type: item for item in by_type(judge_rows([], truth))}
    assert rows["width"].coverage == 0.0
    assert math.isnan(rows["width"].within_10)


def test_names_of_types() -> None:
    assert summary_name("right_of") == summary_name("left_of") == "left_of/right_of"
    assert fact_key("below", ("2", "1"), "{}") == fact_key("above", ("1", "2"), "{}")
    assert (kind_of("tallest"), kind_of("gap"), kind_of("box_3d")) == ("quality", "quantity", "box")
    assert kind_of("facing") == "quality"
