"""One thing, one object: the rule, on boxes and masks whose overlap is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialgen.perception.duplicates import (
    distinct_boxes,
    distinct_masks,
    make_detections,
    pairwise_mask_overlap,
    pairwise_overlap,
    take,
)
from spatialgen.records import F32


def boxes(*rows: tuple[float, float, float, float]) -> F32:
    return np.array(rows, np.float32).reshape(-1, 4)


def scores(*values: float) -> F32:
    return np.array(values, np.float32)


def test_overlap_of_known_boxes() -> None:
    iou, contained = pairwise_overlap(boxes((0, 0, 4, 4), (2, 2, 6, 6), (1, 1, 3, 3), (9, 9, 10, 10)))
    assert iou[0, 1] == pytest.approx(4 / 28)
    assert contained[0, 2] == pytest.approx(1.0)
    assert iou[0, 2] == pytest.approx(4 / 16)
    assert iou[0, 3] == 0
    np.testing.assert_allclose(np.diag(iou), 1)


@given(st.lists(st.tuples(*[st.integers(0, 9)] * 4), min_size=1, max_size=6))
def test_mask_overlap_is_that_of_boxes(corners: list[tuple[int, int, int, int]]) -> None:
    drawn = boxes(*[(min(a, c), min(b, d), max(a, c) + 1, max(b, d) + 1) for a, b, c, d in corners])
    masks = np.zeros((len(drawn), 10, 10), bool)
    for mask, (x0, y0, x1, y1) in zip(masks, drawn.astype(int), strict=True):
        mask[y0:y1, x0:x1] = True
    for got, expected in zip(pairwise_mask_overlap(masks), pairwise_overlap(drawn), strict=True):
        np.testing.assert_allclose(got, expected)


@pytest.mark.parametrize(
    ("second", "label", "stays"),
    [
        ((0, 0, 10, 9), "couch", False),  # nearly the same box, another word
        ((0, 0, 4, 4), "sofa", False),  # a part, the same word
        ((0, 0, 4, 4), "mug", True),  # a thing in front, another word
        ((8, 0, 18, 10), "sofa", True),  # a neighbour that overlaps a little
    ],
)
def test_rule(second: tuple[float, float, float, float], label: str, stays: bool) -> None:
    kept = distinct_boxes(boxes((0, 0, 10, 10), second), scores(0.9, 0.8), ["sofa", label])
    assert kept.tolist() == ([0, 1] if stays else [0])


def test_the_better_score_stays_and_comes_first() -> None:
    kept = distinct_boxes(boxes((0, 0, 10, 10), (0, 0, 10, 10), (20, 0, 30, 10)), scores(0.5, 0.9, 0.7), "aab")
    assert kept.tolist() == [1, 2]


def test_twin_masks_are_one_thing() -> None:
    masks = np.zeros((3, 8, 8), bool)
    masks[0, :4], masks[1, :4, :7], masks[2, 4:] = True, True, True
    assert distinct_masks(masks, scores(0.5, 0.9, 0.1)).tolist() == [1, 2]


def test_nothing_stays_nothing() -> None:
    assert distinct_boxes(boxes(), scores(), []).tolist() == []
    assert distinct_masks(np.zeros((0, 3, 3), bool), scores()).tolist() == []


def test_make_detections_clips_drops_and_sorts() -> None:
    found = make_detections(
        boxes((-5, 2, 30, 9), (0, 0, 5, 5), (9.5, 0, 20, 5)),
        scores(0.6, 0.9, 0.99),
        ["Cup", " table ", "sliver"],
        (10, 8),
    )
    assert found.labels == ("table", "cup")
    np.testing.assert_array_equal(found.boxes_px, boxes((0, 0, 5, 5), (0, 2, 10, 8)))
    assert found.object_ids == ("1", "2")
    assert len(make_detections(boxes(), scores(), [], (10, 8))) == 0


def test_take_keeps_every_field_together() -> None:
    found = make_detections(boxes((0, 0, 4, 4), (0, 0, 8, 8)), scores(0.9, 0.8), ["a", "b"], (9, 9))
    one = take(found, np.array([1], np.int32))
    assert (one.labels, one.object_ids, one.names) == (("b",), ("2",), (None,))
    assert one.boxes_px.tolist() == [[0, 0, 8, 8]]
    assert one.scores.tolist() == pytest.approx([0.8])
