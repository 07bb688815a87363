"""Thin parts that a mask has lost are found again where the depth map still shows them, and nowhere else."""

import numpy as np

from spatialgen.geometry.thin import thin_parts
from spatialgen.records import F32, I32


def bottle() -> tuple[F32, I32]:
    """A body of 20 x 20 pixels with a neck 3 wide and 12 high, 2 m away, before a wall 3 m away; all its pixels."""
    ids = np.zeros((60, 60), np.int32)
    ids[30:50, 20:40] = 1
    ids[18:30, 28:31] = 1
    return np.where(ids > 0, 2.0, 3.0).astype(np.float32), ids


def test_a_neck_lost_by_a_mask_too_small_is_the_bottles() -> None:
    depth, ids = bottle()
    shrunk = np.zeros_like(ids)
    shrunk[32:48, 22:38] = 1
    found = thin_parts(depth, shrunk, 2)
    assert (found[18:28, 28:31] == 1).all()
    assert not found[ids == 0].any()


def test_a_neck_swallowed_by_a_nearer_mask_is_the_bottles() -> None:
    depth, ids = bottle()
    grown = np.full_like(ids, 2)  # of something that lies behind here, though most of it is nearer
    grown[30:50, 20:40] = 1
    assert (thin_parts(depth, grown, -2)[18:28, 28:31] == 1).all()


def test_a_thin_thing_apart_is_nobodys() -> None:
    depth, ids = bottle()
    depth[18:50, 50:53] = 2.0
    ids[18:30] = 0
    assert not thin_parts(depth, ids, 2)[:, 48:].any()


def test_a_thin_thing_behind_is_not_the_objects() -> None:
    depth, _ = bottle()
    depth[18:30, 28:31] = 2.5
    shrunk = np.zeros(depth.shape, np.int32)
    shrunk[32:48, 22:38] = 1
    assert not thin_parts(depth, shrunk, 2)[18:28].any()
