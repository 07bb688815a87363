"""Every decided fact of random scenes against the spec's definitions, computed one by one."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, permutations

import pytest
from box_truth import MARGINS, MEASURES, PICKS, QUALITIES, QUANTITIES, camera_distance, distance, hour
from qa_scenes import Box, make_scene
from rows import boxes_of, many_boxes, many_rows, rows_of

from spatialgen.qa.config import AskConfig
from spatialgen.qa.types import INVERSE, TYPES


def decided(type_: str) -> list[dict]:
    return [r for r in many_rows() if r["question_type"] == type_ and r["status"] == "decided"]


def test_every_type_of_the_spec_is_asked() -> None:
    seen = Counter(r["question_type"] for r in many_rows())
    assert set(TYPES) - set(seen) == set()


@pytest.mark.parametrize("type_", sorted(QUALITIES))
def test_qualities(type_: str) -> None:
    rows = decided(type_)
    assert rows
    for row in rows:
        assert row["answer_value"] == float(QUALITIES[type_](*boxes_of(row))), (row["question"], row["subjects"])
        assert row["answer_unit"] == "none"
    if type_ not in ("inside", "on_top_of"):
        assert {r["answer_value"] for r in rows} == {0.0, 1.0}


def test_on_top_and_inside_hold_in_the_room() -> None:
    held = {
        (r["question_type"], *r["subjects"])
        for r in many_rows()
        if r["image_id"] == "room" and r["answer_value"] == 1.0
    }
    assert ("on_top_of", "2", "1") in held
    assert ("inside", "8", "7") in held
    assert ("touching", "2", "1") in held or ("touching", "1", "2") in held


@pytest.mark.parametrize("type_", sorted(QUANTITIES))
def test_quantities(type_: str) -> None:
    rows = decided(type_)
    assert rows
    for row in rows:
        assert row["answer_value"] == pytest.approx(QUANTITIES[type_](*boxes_of(row)), abs=1e-6)
        assert 2 * row["sigma"] <= max(0.1 * abs(row["answer_value"]), 0.01) or type_ == "clock_direction"


@pytest.mark.parametrize("type_", sorted(MEASURES))
def test_measures_of_one_object(type_: str) -> None:
    rows = decided(type_)
    assert rows
    for row in rows:
        assert row["answer_value"] == pytest.approx(MEASURES[type_](*boxes_of(row)), abs=1e-6)


@pytest.mark.parametrize("type_", sorted(PICKS))
def test_picks_index_the_whole_list(type_: str) -> None:
    measure, largest = PICKS[type_]
    rows = decided(type_)
    assert rows
    for row in rows:
        values = [measure(box) for box in boxes_of(row)]
        best = max(values) if largest else min(values)
        assert row["answer_value"] == values.index(best)
        assert row["answer_unit"] == "index"


@pytest.mark.parametrize(
    ("type_", "largest"), [("closest_to_object", False), ("farthest_from_object", True), ("nearest_neighbour", False)]
)
def test_picks_around_a_reference_list_it_first(type_: str, largest: bool) -> None:
    rows = decided(type_)
    assert rows
    for row in rows:
        reference, *others = boxes_of(row)
        values = [distance(reference, box) for box in others]
        best = max(values) if largest else min(values)
        assert row["answer_value"] == values.index(best) + 1


def test_nth_closest_and_depth_order() -> None:
    for row in decided("nth_closest"):
        boxes = boxes_of(row)
        order = sorted(boxes, key=camera_distance)
        assert boxes[int(row["answer_value"])] is order[row["params"]["rank"] - 1]
    for row in decided("depth_order"):
        distances = [camera_distance(box) for box in boxes_of(row)]
        assert 3 <= len(distances) <= 7
        assert distances == sorted(distances)
        assert row["answer_value"] is None


def test_perspective_by_turning_the_plan() -> None:
    rows = decided("perspective")
    assert {r["answer_value"] for r in rows} == {0.0, 1.0, 2.0, 3.0}
    for row in rows:
        at, facing, seen = (b.center for b in boxes_of(row))
        fx, fy = facing[0] - at[0], facing[1] - at[1]
        sx, sy = seen[0] - at[0], seen[1] - at[1]
        ahead, right = sx * fx + sy * fy, sx * fy - sy * fx
        assert row["answer_value"] == (0 if ahead > 0 else 2) + (1 if right > 0 else 0)


def test_fits_between_by_the_narrower_side() -> None:
    from box_truth import gap

    rows = decided("fits_between")
    assert {r["answer_value"] for r in rows} == {0.0, 1.0}
    for row in rows:
        one, b, c = boxes_of(row)
        assert row["answer_value"] == float(gap(b, c) > one.size[1])


def test_passes_between_by_the_width_asked() -> None:
    from box_truth import gap

    rows = decided("passes_between")
    assert {r["answer_value"] for r in rows} == {0.0, 1.0}
    for row in rows:
        assert row["answer_value"] == float(gap(*boxes_of(row)) > row["params"]["width_m"])


def test_counts_and_existence() -> None:
    rows = [r for r in many_rows() if r["image_id"] == "room"]
    counts = {r["params"]["label"]: r["answer_value"] for r in rows if r["question_type"] == "count"}
    assert counts["chair"] == 2
    assert counts["table"] == 1
    exists = [(r["params"]["label"], r["answer_value"]) for r in rows if r["question_type"] == "exists"]
    there = {"table", "mug", "chair", "sofa", "lamp", "crate", "apple"}
    assert all(value == float(label in there) for label, value in exists)
    assert sum(value for _, value in exists) == len(exists) / 2


def test_pixel_boxes_on_the_padded_grid() -> None:
    box = Box("box", (0.0, 2.0, 1.5), (0.4, 0.4, 0.4))
    scene = make_scene([box, Box("ball", (1.0, 4.0, 1.0), (0.3, 0.3, 0.3))])
    row = next(r for r in rows_of([scene]) if r["question_type"] == "box_2d" and r["subjects"] == ["1"])
    x0, y0, x1, y1 = scene.objects[0].box_px.tolist()
    pad = (640 - 480) // 2
    assert row["answer_values"] == [int(1000 * v / 640) for v in (x0, y0 + pad, x1, y1 + pad)]
    assert row["answer_unit"] == "px1000"


def test_every_decided_pair_fact_has_a_row() -> None:
    """One of a type and its inverse is enough; ordered quantities come both ways."""
    asked = {
        (r["image_id"], r["question_type"], frozenset(r["subjects"])) for r in many_rows() if r["status"] == "decided"
    }
    for k, boxes in enumerate(many_boxes()):
        for type_, margin in MARGINS.items():
            for i, j in combinations(range(len(boxes)), 2):
                if margin(boxes[i], boxes[j]) < 1.2 or type_ in ("left_of", "in_front_of"):
                    continue
                names = {type_, INVERSE.get(type_, type_)}
                pair = frozenset({str(i + 1), str(j + 1)})
                assert any((f"scene-{k}", name, pair) in asked for name in names), (type_, boxes[i], boxes[j])
        for i, j in permutations(range(len(boxes)), 2):
            subjects = [str(i + 1), str(j + 1)]
            assert any(r["subjects"] == subjects for r in decided("height_ratio") if r["image_id"] == f"scene-{k}")


def test_only_the_types_and_forms_asked_for() -> None:
    scenes = [make_scene(many_boxes()[0])]
    rows = rows_of(scenes, AskConfig(per_image="all", types=("right_of", "width"), forms=("open", "yes_no")))
    assert {r["question_type"] for r in rows} == {"right_of", "width"}
    assert {r["form"] for r in rows} <= {"open", "yes_no"}


@pytest.mark.parametrize(("bearing_deg", "expected"), [(5, 12), (355, 12), (25, 1), (335, 11), (90, 3), (180, 6)])
def test_nearest_hour(bearing_deg: float, expected: int) -> None:
    assert hour(bearing_deg) == expected
