"""What must not matter, and what must turn: order, batches, mirrors, seeds."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qa_scenes import make_scene, mirrored, random_boxes, room
from rows import ALL, Row, rows_of

from spatialgen.qa.ask import ask_scenes
from spatialgen.qa.config import AskConfig
from spatialgen.qa.types import INVERSE
from spatialgen.records import Scene
from spatialgen.schema import QUESTIONS, scenes_from_table, scenes_table


def facts(rows: list[Row]) -> dict[tuple[str, tuple[str, ...]], float | None]:
    return {(r["question_type"], tuple(r["subjects"])): r["answer_value"] for r in rows if r["status"] == "decided"}


def holds(found: dict[tuple[str, tuple[str, ...]], float | None], type_: str, a: str, b: str) -> float | None:
    """A relation, read from any of the four ways to put it."""
    inverse = INVERSE[type_]
    for name, subjects, turned in ((type_, (a, b), 0), (type_, (b, a), 1), (inverse, (a, b), 1), (inverse, (b, a), 0)):
        value = found.get((name, subjects))
        if value is not None:
            return abs(turned - value)
    return None


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_a_mirror_swaps_left_and_right_and_nothing_else(seed: int) -> None:
    boxes = random_boxes(seed, 4)
    plain = facts(rows_of([make_scene(boxes)]))
    turned = facts(rows_of([make_scene([mirrored(b) for b in boxes])]))
    for type_, flips in (
        ("left_of", True),
        ("above", False),
        ("in_front_of", False),
        ("nearer", False),
        ("taller", False),
        ("wider", False),
    ):
        for a in "1234":
            for b in "1234":
                if a < b:
                    one, other = holds(plain, type_, a, b), holds(turned, type_, a, b)
                    assert (one is None) == (other is None)
                    assert one is None or other is None or one == (1 - other if flips else other)


def test_inverse_types_are_both_asked_and_agree() -> None:
    rows = rows_of([make_scene(random_boxes(k, 6), f"s{k}") for k in range(4)])
    for type_, inverse in INVERSE.items():
        mine = rows_of([make_scene(random_boxes(0, 6))], AskConfig(per_image="all", types=(type_,)))
        theirs = rows_of([make_scene(random_boxes(0, 6))], AskConfig(per_image="all", types=(inverse,)))
        assert {r["question_type"] for r in mine} == {type_}
        found, opposite = facts(mine), facts(theirs)
        for (_, (a, b)), value in found.items():
            turned = opposite.get((inverse, (a, b)))
            back = opposite.get((inverse, (b, a)))
            assert value == (1 - turned if turned is not None else back)
    assert {r["question_type"] for r in rows} >= set(INVERSE)


def test_the_order_of_scenes_and_batches_does_not_matter() -> None:
    scenes = [make_scene(random_boxes(k, 5), f"s{k}") for k in range(5)]
    together = ask_scenes(scenes, ALL)
    apart = [ask_scenes([s], ALL) for s in reversed(scenes)]
    assert pa.concat_tables(apart[::-1]).equals(together)


def test_the_order_of_objects_does_not_matter() -> None:
    boxes = random_boxes(3, 5)
    ids = [str(k + 1) for k in range(5)]
    plain = rows_of([make_scene(boxes, ids=ids)])
    turned = rows_of([make_scene(boxes[::-1], ids=ids[::-1])])
    assert {r["qa_id"] for r in plain} == {r["qa_id"] for r in turned}
    assert sorted(r["question"] for r in plain) == sorted(r["question"] for r in turned)


def test_the_same_bytes_again_and_other_words_with_another_seed() -> None:
    scene = room()
    one, two = ask_scenes([scene], ALL), ask_scenes([scene], ALL)
    assert one.equals(two)
    other = ask_scenes([scene], AskConfig(per_image="all", seed=1))
    assert other["question"].to_pylist() != one["question"].to_pylist()
    assert facts(other.to_pylist()).keys() & facts(one.to_pylist()).keys()


def test_scenes_read_back_from_parquet_rows_give_the_same_questions() -> None:
    stored = scenes_from_table(scenes_table([room()]))
    again = scenes_from_table(scenes_table(stored))
    assert ask_scenes(stored, ALL).equals(ask_scenes(again, ALL))


def test_schema_and_ids() -> None:
    table = ask_scenes([room(), make_scene(random_boxes(2, 6), "other")], ALL)
    assert table.schema.equals(QUESTIONS, check_metadata=True)
    ids = table["qa_id"].to_pylist()
    assert len(set(ids)) == len(ids)
    assert all(len(i) == 16 for i in ids)
    assert table["image_id"].to_pylist() == sorted(table["image_id"].to_pylist(), key=["room", "other"].index)


def test_an_empty_unit_and_an_empty_scene() -> None:
    assert ask_scenes([], ALL).num_rows == 0
    assert ask_scenes([], ALL).schema.equals(QUESTIONS, check_metadata=True)
    empty = replace(make_scene([]), depth_samples=room().depth_samples[:0], free_floor_m=room().free_floor_m[:0])
    assert ask_scenes([empty], ALL).num_rows == 0


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_lengths_scale_with_the_scene_and_orders_stay(scale: float) -> None:
    boxes = random_boxes(5, 5)
    larger = [
        replace(b, center=tuple(v * scale for v in b.center), size=tuple(v * scale for v in b.size)) for b in boxes
    ]
    plain, grown = facts(rows_of([make_scene(boxes)])), facts(rows_of([_high(make_scene(larger), scale)]))
    shared = [
        k
        for k in plain
        if k in grown
        and plain[k] is not None
        and k[0] in ("distance", "width", "height", "gap", "height_ratio", "bearing")
    ]
    assert len(shared) > 20
    for key in shared:
        factor = scale if key[0] in ("distance", "width", "height", "gap") else 1.0
        assert grown[key] == pytest.approx(plain[key] * factor, rel=1e-6, abs=1e-9)


def _high(scene: Scene, scale: float) -> Scene:
    return replace(scene, camera_center_m=scene.camera_center_m * scale)
