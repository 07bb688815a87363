"""The small detectors apart from their networks: windows, decoding, and two witnesses."""

from __future__ import annotations

import numpy as np
import pytest
import stage_fakes as fakes
from hypothesis import given
from hypothesis import strategies as st

from spatialgen.perception.detectors import coco_ssd, nanodet
from spatialgen.perception.detectors._windowed import whole_things, windows
from spatialgen.perception.detectors.coco_pair import testimony as settle
from spatialgen.records import Detections


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_windows_cover_the_image_and_stay_inside(width: int, height: int) -> None:
    made = list(windows(width, height, True))
    assert made[0] == (0, 0, width, height)
    assert list(windows(width, height, False)) == made[:1]
    for x0, y0, x1, y1 in made:
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
    if len(made) > 1:
        assert {(x0, x1) for x0, _, x1, _ in made[1:]} >= {(0, made[1][2])}
        assert max(x1 for _, _, x1, _ in made[1:]) == width
        assert max(y1 for _, _, _, y1 in made[1:]) == height


def test_parts_at_inner_edges_are_no_things() -> None:
    boxes = np.array(
        [[0.0, 0.1, 0.4, 0.5], [0.5, 0.1, 1.0, 0.5], [0.1, 0.5, 0.3, 1.0], [0.2, 0.2, 0.8, 0.8]], np.float32
    )
    upper_left = whole_things(boxes, (0, 0, 600, 600), (1000, 1000))
    assert upper_left.tolist() == [True, False, False, True]
    assert whole_things(boxes, (0, 0, 1000, 1000), (1000, 1000)).all()
    assert whole_things(boxes, (400, 400, 1000, 1000), (1000, 1000)).tolist() == [False, True, True, True]


def test_ssd_boxes_are_offsets_to_anchors() -> None:
    anchors = np.array([[0.2, 0.4, 0.4, 0.8]], np.float32)  # y0, x0, y1, x1: centre (0.6, 0.3), 0.4 wide, 0.2 high
    np.testing.assert_allclose(
        coco_ssd._decode(np.zeros((1, 4), np.float32), anchors), [[0.4, 0.2, 0.8, 0.4]], atol=1e-6
    )
    encoded = np.array([[10 * 0.5, 10 * -0.25, 5 * np.log(2), 5 * np.log(0.5)]], np.float32)
    np.testing.assert_allclose(coco_ssd._decode(encoded, anchors), [[0.4, 0.2, 0.6, 0.6]], atol=1e-6)


def test_nanodet_boxes_are_expected_distances_from_cell_centres() -> None:
    classes = np.zeros((1, 80, 4, 4), np.float32)
    classes[0, 7, 1, 2] = 0.9
    sides = np.full((1, 4 * nanodet.BINS, 4, 4), -50.0, np.float32)
    for side, bins in enumerate(([1], [0, 1], [1, 2], [2])):  # left, top, right, bottom, in strides; halves between
        sides[0, [side * nanodet.BINS + b for b in bins], 1, 2] = 0.0
    boxes, scores, labels = nanodet._level(classes, sides, 8)
    u, v = 2.5 * 8, 1.5 * 8
    np.testing.assert_allclose(boxes, [np.array([u - 8, v - 4, u + 12, v + 16]) / 32], atol=1e-6)
    assert scores.tolist() == pytest.approx([0.9])
    assert labels.tolist() == [7]


def seen(*rows: tuple[float, float, float, float, str, float]) -> Detections:
    boxes = np.array([r[:4] for r in rows], np.float32).reshape(-1, 4)
    ids = tuple(str(k) for k in range(len(rows)))
    scores = np.array([r[5] for r in rows], np.float32)
    return Detections(boxes, scores, tuple(r[4] for r in rows), ids, (None,) * len(rows))


def test_two_witnesses_are_believed_and_one_alone_is_doubted() -> None:
    one = seen((0, 0, 10, 10, "cup", 0.6), (20, 0, 30, 10, "kite", 0.8))
    other = seen((0, 0, 12, 10, "cup", 0.3), (20, 0, 30, 10, "bird", 0.7))
    boxes, scores, labels = settle(one, other, 0.55)
    assert labels == ["cup", "kite", "bird"]
    np.testing.assert_allclose(scores, [1.2 * 0.45, 0.55 * 0.8, 0.55 * 0.7], rtol=1e-5)
    np.testing.assert_allclose(boxes[0], [0, 0, 10 + 2 / 3, 10], rtol=1e-5)


def test_a_witness_speaks_for_one_thing_only() -> None:
    one = seen((0, 0, 10, 10, "cup", 0.9), (0, 0, 10, 9, "cup", 0.8))
    _, scores, labels = settle(one, seen((0, 0, 10, 10, "cup", 0.9)), 0.5)
    assert labels == ["cup", "cup"]
    np.testing.assert_allclose(scores, [1.0, 0.4])


@pytest.mark.parametrize("swap", [False, True])
def test_nobody_there(swap: bool) -> None:
    none, some = fakes.found(), seen((0, 0, 10, 10, "cup", 0.8))
    boxes, scores, labels = settle(*((some, none) if swap else (none, some)), 0.5)
    assert (boxes.shape, scores.tolist(), labels) == ((1, 4), [pytest.approx(0.4)], ["cup"])
    assert settle(none, none, 0.5)[0].shape == (0, 4)
