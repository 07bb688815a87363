"""How much farther than seen an object may reach behind what covers it, before it would be seen again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from spatialgen.geometry.clouds import Cloud
from spatialgen.geometry.ends import COVERED, End
from spatialgen.geometry.rows import UPWARDS
from spatialgen.records import F32, F64, Bool

SeenThrough = Callable[[F64 | F32], Bool]
"""Tells of canonical points (3, N) whether something behind them is seen, so that they cannot be the object's."""

_STEPS = 1e-3 * np.array([3, 6, 10, 20, 30, 45, 65, 100, 140, 200, 280, 400, 600])
"""Extensions that are tried, metres."""

_MOST_POINTS = 16
_AT_THE_END, _AT_THE_COVER = 0.5, 0.25
"""Shares of points, at the end and along the cover, that may be seen through while an extension stays possible."""

_LEAST_BAND_M = 0.004
_COVERED_FROM_ABOVE = 0.25
"""Share of the border to what covers an object that lies above it; with less, the cover stands beside the object."""
_FOOT, _NEAR_END_M, _OUTWARDS_M, _OF_THE_FOOT = 0.15, 0.03, (0.04, 0.08), 0.6


def rooms_beyond(
    cloud: Cloud, ends: Sequence[End], directions: F64, extents_m: F64, seen_through: SeenThrough
) -> list[float]:
    """Return how far, metres, an object may go on beyond each of K `ends` along `directions` (K, 3); inf: no limit.

    Its outermost surface, and its surface where something nearer covers it, are moved outwards until much of either
    would be seen in front of what the depth map shows. `extents_m` (K,) are the visible extents along the directions.
    """
    w = directions.astype(np.float32)
    surface, half = np.concatenate([cloud.rim.end_m, cloud.points_m], axis=1), w @ cloud.rim.step_m
    along = w @ surface
    upwards = directions[:, 2] > UPWARDS
    at_cover = cloud.rim.is_covered & (half > np.where(upwards, 0.7, 0.3)[:, None] * cloud.rim.step_length_m)
    chosen, moved = [], []
    for k, end in enumerate(ends):
        inner = end.value_m - max(0.02 * float(extents_m[k]), _LEAST_BAND_M)
        is_outer = along[k] > inner
        is_outer[: half.shape[1]] = along[k, : half.shape[1]] > inner - np.abs(half[k])
        at_end, cover = _some(np.flatnonzero(is_outer)), _some(np.flatnonzero(at_cover[k]))
        both = np.concatenate([at_end, cover])
        moves = np.float32(end.value_m) - along[k, both] + _STEPS[:, None].astype(np.float32)
        moved.append((surface[:, None, both] + w[k, :, None, None] * moves).reshape(3, -1))
        chosen.append((len(at_end), len(both)))
    through = seen_through(np.concatenate(moved, axis=1))
    rooms, start = [], 0
    for k, (at_end_count, count) in enumerate(chosen):
        own = through[start : start + len(_STEPS) * count].reshape(len(_STEPS), count)
        rooms.append(max(_first(own[:, :at_end_count], _AT_THE_END), _first(own[:, at_end_count:], _AT_THE_COVER)))
        beside = at_cover[k].sum() < _COVERED_FROM_ABOVE * cloud.rim.is_covered.sum()
        if upwards[k] and ends[k].state == COVERED and beside:
            rooms[-1] = float("inf")  # the top may rise behind what stands beside it, as a cone's does
        start += own.size
    return rooms


def is_grounded(cloud: Cloud, end: End, direction: F64, reach_m: float, seen_through: SeenThrough) -> bool:
    """Return whether the foot of an object is seen to end at an `end` along `direction` (3,).

    There must be points low down there that, moved outwards, would be seen in front of what the depth map shows:
    else it may be the object itself that hides how far its foot goes on, or other feet that are at most `reach_m` away.
    """
    if not end.grounded:
        return False
    w = direction.astype(np.float32)
    both = cloud.surface_m
    low, high = float(both[2].min()), float(both[2].max())
    near = (both[2] < low + _FOOT * (high - low)) & (w @ both > end.value_m - _NEAR_END_M)
    foot = both[:, _some(np.flatnonzero(near))]
    if not foot.shape[1]:
        return False
    outwards = np.array([*_OUTWARDS_M, reach_m], np.float32)
    moved = foot[:, None, :] + w[:, None, None] * outwards[:, None]
    through = seen_through(moved.reshape(3, -1)).reshape(len(outwards), -1)
    return bool(through[:-1].mean() > _OF_THE_FOOT and through[-1].mean() > _OF_THE_FOOT)


def _some(index: NDArray[np.intp]) -> NDArray[np.intp]:
    return index[:: -(-len(index) // _MOST_POINTS)] if len(index) > _MOST_POINTS else index


def _first(through: Bool, share: float) -> float:
    """Return the first step at which more than `share` of the points (steps, N) are seen through; 0 without points."""
    if not through.shape[1]:
        return 0.0
    refuted = np.flatnonzero(through.sum(axis=1) > share * through.shape[1])
    return float(_STEPS[refuted[0]]) if len(refuted) else float("inf")
