"""True answers about several things: section D of spec/question-types.md.

Subjects come as in the rows: all candidates, a reference object first where there is one; the value of a pick is the
index into that whole list, its margin the lead over the runner-up (metres, or the logarithm of a ratio).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from spatialgen.records import F64
from spatialgen.testing.truth.answer import Answer, silent
from spatialgen.testing.truth.pairs import camera_distance_m, width_m
from spatialgen.testing.truth.scene import TrueObject, TrueScene

Things = Sequence[TrueObject]


def _pick(scores: F64, floor: float, first: int = 0) -> Answer:
    """Return the answer for the largest score; `first` candidates stand before it in the list."""
    order = np.argsort(-scores, kind="stable")
    lead = float(scores[order[0]] - scores[order[1]]) if len(scores) > 1 else np.inf
    return Answer(float(order[0] + first), lead, floor)


def _depth_floor(scene: TrueScene, things: Things) -> float:
    return max(0.15, 0.05 * min(camera_distance_m(scene, item) for item in things))


def _distances(scene: TrueScene, things: Things) -> F64:
    return np.array([camera_distance_m(scene, item) for item in things])


def _closest_to_camera(scene: TrueScene, things: Things) -> Answer:
    return _pick(-_distances(scene, things), _depth_floor(scene, things))


def _farthest_from_camera(scene: TrueScene, things: Things) -> Answer:
    return _pick(_distances(scene, things), _depth_floor(scene, things))


def _from_reference(sign: float) -> Callable[[TrueScene, Things], Answer]:
    def answer(scene: TrueScene, things: Things) -> Answer:
        start = things[0].box.center_m
        away = np.array([float(np.linalg.norm(item.box.center_m - start)) for item in things[1:]])
        return _pick(sign * away, 0.15, first=1)

    return answer


def _by_measure(measure: Callable[[TrueObject], float], ratio: float) -> Callable[[TrueScene, Things], Answer]:
    def answer(scene: TrueScene, things: Things) -> Answer:
        return _pick(np.log([measure(item) for item in things]), float(np.log(ratio)))

    return answer


def _by_place(axis: int, sign: float) -> Callable[[TrueScene, Things], Answer]:
    def answer(scene: TrueScene, things: Things) -> Answer:
        return _pick(sign * np.array([item.box.center_m[axis] for item in things]), 0.10)

    return answer


PICKS: dict[str, Callable[[TrueScene, Things], Answer]] = {
    "closest_to_camera": _closest_to_camera,
    "farthest_from_camera": _farthest_from_camera,
    "closest_to_object": _from_reference(-1.0),
    "nearest_neighbour": _from_reference(-1.0),
    "farthest_from_object": _from_reference(1.0),
    "tallest": _by_measure(lambda item: item.box.height_m, 1.15),
    "widest": _by_measure(width_m, 1.15),
    "biggest": _by_measure(lambda item: item.box.volume_m3, 1.5),
    "leftmost": _by_place(0, -1.0),
    "rightmost": _by_place(0, 1.0),
    "highest": lambda scene, things: _pick(np.array([item.z_interval_m[1] for item in things]), 0.05),
}

NEED_FORWARD = frozenset({"widest", "leftmost", "rightmost"})


def nth_closest(scene: TrueScene, things: Things, rank: int) -> Answer:
    """Return which thing is the rank-th (from 1) by the distance of its centre from the camera."""
    away = _distances(scene, things)
    order = np.argsort(away, kind="stable")
    if not 1 <= rank <= len(order):
        return silent(f"there is no rank {rank} among {len(order)}")
    k = rank - 1
    neighbours = [abs(away[order[k]] - away[order[n]]) for n in (k - 1, k + 1) if 0 <= n < len(order)]
    return Answer(float(order[k]), float(min(neighbours, default=np.inf)), _depth_floor(scene, things))


def depth_order(scene: TrueScene, things: Things) -> Answer:
    """Return the order of the things, nearest first, with the smallest step between neighbours as the margin."""
    away = _distances(scene, things)
    order = np.argsort(away, kind="stable")
    ids = tuple(things[k].object_id for k in order)
    return Answer(1.0, float(np.diff(away[order]).min()), _depth_floor(scene, things), order=ids)


def perspective(at: TrueObject, facing: TrueObject, item: TrueObject) -> Answer:
    """Return the quarter that `item` is in for who stands at `at` and faces `facing`: 0 front-left, 1 front-right,
    2 back-left, 3 back-right; the margin is the distance in degrees from a border."""
    ahead, there = (other.box.center_m[:2] - at.box.center_m[:2] for other in (facing, item))
    right = float(ahead[1] * there[0] - ahead[0] * there[1])
    turn = float(np.degrees(np.arctan2(right, ahead @ there)))
    margin = abs((turn + 45) % 90 - 45)
    return Answer(float((turn > 0) + 2 * (abs(turn) > 90)), margin, 10.0)


def same_size(one: TrueObject, other: TrueObject) -> Answer:
    """Return whether two volumes are "about the same": within the ratio that `bigger` takes to decide."""
    log = abs(float(np.log(one.box.volume_m3 / other.box.volume_m3)))
    floor = float(np.log(1.5))
    return Answer(float(log <= floor), abs(log - floor))


def same_distance(scene: TrueScene, one: TrueObject, other: TrueObject) -> Answer:
    """Return whether two things are about as far from the camera: within the floor of `nearer`."""
    floor = _depth_floor(scene, (one, other))
    difference = abs(camera_distance_m(scene, one) - camera_distance_m(scene, other))
    return Answer(float(difference <= floor), abs(difference - floor))


def between(middle: TrueObject, one: TrueObject, other: TrueObject) -> Answer:
    """Return whether the centre of `middle` lies between the centres of two others, near the line that joins them.

    Yes: it projects onto the middle 80 % of that line and is less than a quarter of its length off. No: it projects
    beyond an end, or is more than 0.35 of the length off. Silent otherwise.
    """
    start, end, point = (item.box.center_m for item in (one, other, middle))
    line = end - start
    length = max(float(np.linalg.norm(line)), 1e-9)
    along = float((point - start) @ line) / length**2
    off = float(np.linalg.norm(point - start - along * line)) / length
    if 0.1 < along < 0.9 and off < 0.25:
        return Answer(1.0)
    beside = along < 0 or along > 1 or off > 0.35
    return Answer(0.0) if beside else silent("neither between nor clearly beside")
