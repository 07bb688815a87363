"""Who owns a pixel, and which given instance a detected box means."""

from __future__ import annotations

import numpy as np

from spatialgen.perception.instances import depth_at_pixels, match_instances, resolve_overlaps, unsure_yield
from spatialgen.records import Bool, DepthMap


def rectangle(x0: int, y0: int, x1: int, y1: int) -> Bool:
    mask = np.zeros((20, 20), bool)
    mask[y0:y1, x0:x1] = True
    return mask


def depth(values: np.ndarray) -> DepthMap:
    return DepthMap(values.astype(np.float32), "test")


def test_nearer_wins_whatever_the_order() -> None:
    near, far = rectangle(0, 0, 12, 20), rectangle(8, 0, 20, 20)
    metres = np.where(np.arange(20) < 12, 1.0, 3.0)[None].repeat(20, 0)
    for masks, value in (([near, far], 1), ([far, near], 2)):
        owners = resolve_overlaps(np.stack(masks), depth(metres))
        assert (owners.map.ids[:, 8:12] == value).all()
        assert owners.kept.tolist() == [0, 1]


def test_what_lies_on_a_thing_comes_before_it() -> None:
    table, mug = rectangle(0, 5, 20, 20), rectangle(8, 6, 11, 10)
    metres = np.linspace(4, 1, 20)[:, None].repeat(20, 1)  # the table's median is nearer than the mug at its back
    owners = resolve_overlaps(np.stack([table, mug]), depth(metres))
    assert (owners.map.ids[mug] == 2).all()


def test_empty_and_covered_masks_go_and_the_rest_is_renumbered() -> None:
    masks = np.stack([rectangle(0, 0, 0, 0), rectangle(0, 0, 5, 5), rectangle(0, 0, 5, 5), rectangle(9, 9, 20, 20)])
    owners = resolve_overlaps(masks, depth(np.ones((20, 20))))
    assert owners.kept.tolist() == [2, 3]
    assert np.unique(owners.map.ids).tolist() == [0, 1, 2]
    assert (owners.map.ids[masks[3]] == 2).all()


def test_no_reading_is_far() -> None:
    metres = np.full((20, 20), np.nan)
    metres[:, 12:] = 2.0
    owners = resolve_overlaps(np.stack([rectangle(0, 0, 11, 20), rectangle(9, 0, 20, 20)]), depth(metres))
    assert (owners.map.ids[:, 9:11] == 2).all()
    blind = np.full((20, 20), np.nan)
    assert resolve_overlaps(np.stack([rectangle(0, 0, 3, 3)]), depth(blind)).kept.tolist() == [0]


def test_depth_of_another_size_is_read_at_the_nearest_pixel() -> None:
    small = depth(np.array([[1.0, 2.0], [3.0, 4.0]]))
    np.testing.assert_array_equal(depth_at_pixels(small, (4, 2)), [[1, 1, 2, 2], [3, 3, 4, 4]])
    large = depth(np.arange(36.0).reshape(6, 6))
    np.testing.assert_array_equal(depth_at_pixels(large, (2, 2)), [[7, 10], [25, 28]])


def test_boxes_meet_the_given_instances() -> None:
    ids = np.zeros((20, 20), np.int32)
    ids[2:8, 2:8], ids[10:18, 10:18], ids[0, 19] = 7, 3, 9
    boxes = np.array([[10, 10, 18, 18], [0, 0, 20, 20], [2, 2, 8, 7], [2, 2, 8, 8]], np.float32)
    kept, renumbered = match_instances(ids, boxes)
    assert kept.tolist() == [0, 2]
    assert (renumbered[12, 12], renumbered[3, 3], renumbered[0, 19], renumbered[0, 0]) == (1, 2, 3, 0)


def test_an_empty_map_matches_nothing() -> None:
    kept, renumbered = match_instances(np.zeros((4, 4), np.int32), np.array([[0, 0, 4, 4]], np.float32))
    assert kept.tolist() == []
    assert not renumbered.any()


def test_the_unsure_leave_pixels_to_the_sure() -> None:
    masks = np.stack([rectangle(0, 0, 10, 10), rectangle(5, 0, 15, 10), rectangle(8, 0, 20, 10)])
    scores = np.array([0.9, 0.4, 0.3], np.float32)
    left = unsure_yield(masks, scores)
    np.testing.assert_array_equal(left, [masks[0], rectangle(10, 0, 15, 10), rectangle(10, 0, 20, 10)])
    assert unsure_yield(masks, scores / 2) is masks
    assert unsure_yield(masks[:0], scores[:0]).shape == (0, 20, 20)
