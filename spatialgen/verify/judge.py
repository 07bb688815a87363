"""Rows of the questions table beside the truth."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from spatialgen.testing.truth import Answer, TrueScene, truth_value
from spatialgen.testing.truth.answer import silent, untold
from spatialgen.testing.truth.seen import clear_radius_m, floor_point_m
from spatialgen.verify.askable import askable_facts
from spatialgen.verify.judged import Judged
from spatialgen.verify.kinds import BOXES, fact_key, is_quality, kind_of, summary_name

Row = Mapping[str, Any]
FactKey = tuple[str, tuple[str, ...], str]


def judge_rows(rows: Iterable[Row], truth: TrueScene) -> list[Judged]:
    """Return every decided fact of the rows of one scene beside its truth, once, and every askable fact left out.

    `rows` are those of `schema.QUESTIONS` as mappings; of things without a truth nothing is judged. Rows of the same
    fact in several forms count once; rows whose answer is "about the same" count as the type "same" (right if the true
    difference is at most twice the floor).
    """
    askable, known = askable_facts(truth), {item.object_id for item in truth.objects}
    facts: dict[FactKey, Judged] = {}
    for row in rows:
        if not known.issuperset(row["subjects"]):
            continue
        key = fact_key(row["question_type"], row["subjects"], row["params"])
        if row["status"] == "same":
            facts.setdefault(("same", *key[1:]), judge_tie(row, truth))
        elif row["status"] == "decided" and key not in facts:
            facts[key] = judge_fact(row, truth, askable=key in askable)
    left_out = [_left_out(key, truth) for key in sorted(askable - facts.keys())]
    return [item for item in facts.values() if item.note != "unknown"] + left_out


def _left_out(key: FactKey, truth: TrueScene) -> Judged:
    name, subjects, _ = key
    return Judged(
        summary_name(name), kind_of(name), truth.scene_id, subjects, None, None, askable=True, note="left out"
    )


def _answer(row: Row, truth: TrueScene) -> Answer:
    params = json.loads(row["params"] or "{}")
    if row["question_type"] == "free_space_point":
        return _free_space(row, truth, float(params["radius_m"]))
    return truth_value(truth, row["question_type"], row["subjects"], params)


def _free_space(row: Row, truth: TrueScene, radius_m: float) -> Answer:
    """The answer is the row's own point if floor is seen there and nothing stands within the radius (less 3 cm)."""
    if truth.depth_m is None or truth.camera is None:
        return untold("no exact picture")
    height, width = truth.depth_m.shape
    side = max(height, width)
    x, y = row["answer_values"]
    u = (x + 0.5) * side / 1000 - (side - width) // 2 - 0.5
    v = (y + 0.5) * side / 1000 - (side - height) // 2 - 0.5
    point = floor_point_m(truth, min(max(u, 0), width - 1), min(max(v, 0), height - 1))
    if point is None:
        return silent("no floor is seen there")
    clear = clear_radius_m(truth, point)
    return Answer(0.0, values=(x, y)) if clear >= radius_m - 0.03 else silent(f"only {clear:.2f} m are free there")


def judge_fact(row: Row, truth: TrueScene, *, askable: bool) -> Judged:
    """Return a decided row beside its truth; `note` is "unknown" where the truth cannot tell."""
    answer = _answer(row, truth)
    name, value = row["question_type"], row["answer_value"]
    return Judged(
        type=summary_name(name),
        kind=kind_of(name),
        scene_id=truth.scene_id,
        subjects=tuple(row["subjects"]),
        value=None if value is None else float(value),
        truth=answer.value,
        unit=row["answer_unit"],
        sigma=float(row["sigma"] or 0.0),
        right=is_right(row, answer) if is_quality(name) else None,
        askable=askable,
        note=answer.note if answer.known else "unknown",
    )


def is_right(row: Row, answer: Answer) -> bool:
    """Return whether a decided row of a quality tells the truth. Where silence was due, no answer is right."""
    if answer.value is None:
        return False
    if answer.order is not None and tuple(row["subjects"]) != answer.order:
        return False
    if row["question_type"] in BOXES:
        return _box_is_right(row, answer)
    if row["answer_value"] is None:
        return answer.order is not None
    return float(row["answer_value"]) == answer.value


def _box_is_right(row: Row, answer: Answer) -> bool:
    """A box in the picture: each side within 1 % of the picture. A box in space: the centre within 5 cm or 5 % of
    its distance from the origin, sizes within 10 % or 1 cm, yaw within 10 degrees (none if both say none)."""
    found, true = row["answer_values"], answer.values
    if found is None or true is None or len(found) != len(true):
        return False
    if row["question_type"] != "box_3d":
        return all(abs(f - t) <= 10 for f, t in zip(found, true, strict=True))
    reach = max(0.05, 0.05 * sum(t * t for t in true[:3]) ** 0.5)
    near = all(abs(f - t) <= reach for f, t in zip(found[:3], true[:3], strict=True))
    sized = all(abs(f - t) <= max(0.01, 0.1 * t) for f, t in zip(found[3:6], true[3:6], strict=True))
    return near and sized and _yaw_is_right(found[6], true[6], true[3] / true[4])


def _yaw_is_right(found: float | None, true: float, ratio: float) -> bool:
    if found is None or math.isnan(found) or math.isnan(true):
        return ratio < 1.15  # near-square footprints may pass for square ones, and the other way round
    return abs((found - true + 90) % 180 - 90) <= 10 or ratio < 1.1


def judge_tie(row: Row, truth: TrueScene) -> Judged:
    """Return an "about the same" row: right where the truth is silent or differs by at most the floor."""
    answer = _answer(row, truth)
    right = answer.value is None or answer.margin <= max(answer.floor, 1e-9)
    note = "" if answer.known else "unknown"
    subjects = tuple(row["subjects"])
    return Judged("same", "quality", truth.scene_id, subjects, None, answer.value, right=right, note=note)
