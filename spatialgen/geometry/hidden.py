"""How much farther than seen an object may reach behind what covers it, before it would be seen again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spatialgen.geometry.clouds import Cloud
from spatialgen.geometry.ends import End
from spatialgen.records import F32, F64, Bool

SeenThrough = Callable[[F64 | F32], Bool]
"""Tells of canonical points (3, N) whether something behind them is seen, so that they cannot be the object's."""

_STEPS = 1e-3 * np.array([3, 6, 10, 20, 30, 45, 65, 100, 140, 200, 280, 400, 600])
"""Extensions that are tried, metres."""

_MOST_POINTS = 16
_AT_THE_END, _AT_THE_COVER = 0.5, 0.25
"""Shares of points, at the end and along the cover, that may be seen through while an extension stays possible."""

_LEAST_BAND_M = 0.004
_FOOT, _NEAR_END_M, _OUTWARDS_M, _OF_THE_FOOT = 0.15, 0.03, (0.04, 0.08), 0.6


def room_beyond(cloud: Cloud, end: End, direction: F64, extent_m: float, seen_through: SeenThrough) -> float:
    """Return how far, metres, an object may go on beyond an `end` along the unit `direction` (3,); inf: no limit.

    Its outermost surface, and its surface where something nearer covers it, are moved outwards until much of either
    would be seen in front of what the depth map shows. `extent_m` is the visible extent along the direction.
    """
    w = direction.astype(np.float32)
    on_points, on_rim = w @ cloud.points_m, w @ cloud.rim.end_m
    half = w @ cloud.rim.step_m
    reach = max(0.02 * extent_m, _LEAST_BAND_M)
    at_end = _some(
        np.concatenate(
            [
                cloud.rim.end_m[:, on_rim > end.value_m - reach - np.abs(half)],
                cloud.points_m[:, on_points > end.value_m - reach],
            ],
            axis=1,
        )
    )
    cover = _some(cloud.rim.end_m[:, cloud.rim.is_covered & (half > 0.3 * cloud.rim.step_length_m)])
    both = np.concatenate([at_end, cover], axis=1)
    to_end = np.float32(end.value_m) - w @ both
    moves = to_end + _STEPS[:, None].astype(np.float32)
    moved = both[:, None, :] + w[:, None, None] * moves
    through = seen_through(moved.reshape(3, -1)).reshape(moves.shape)
    count = at_end.shape[1]
    return max(_first(through[:, :count], _AT_THE_END), _first(through[:, count:], _AT_THE_COVER))


def is_grounded(cloud: Cloud, end: End, direction: F64, seen_through: SeenThrough) -> bool:
    """Return whether the foot of an object is seen to end at an `end` along `direction` (3,).

    There must be points low down there that, moved outwards, would be seen in front of what the depth map shows:
    else it may be the object itself that hides how far its foot goes on.
    """
    if not end.grounded:
        return False
    w = direction.astype(np.float32)
    both = cloud.surface_m
    low, high = float(both[2].min()), float(both[2].max())
    near = (both[2] < low + _FOOT * (high - low)) & (w @ both > end.value_m - _NEAR_END_M)
    foot = _some(both[:, near])
    if not foot.shape[1]:
        return False
    moved = foot[:, None, :] + w[:, None, None] * np.array(_OUTWARDS_M, np.float32)[:, None]
    return bool(seen_through(moved.reshape(3, -1)).mean() > _OF_THE_FOOT)


def _some(points_m: F32) -> F32:
    return points_m[:, :: -(-points_m.shape[1] // _MOST_POINTS)] if points_m.shape[1] > _MOST_POINTS else points_m


def _first(through: Bool, share: float) -> float:
    """Return the first step at which more than `share` of the points (steps, N) are seen through; 0 without points."""
    if not through.shape[1]:
        return 0.0
    refuted = np.flatnonzero(through.mean(axis=1) > share)
    return float(_STEPS[refuted[0]]) if len(refuted) else float("inf")
