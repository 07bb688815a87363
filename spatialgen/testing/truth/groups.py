"""True answers about several things: section D of spec/question-types.md.

Subjects come as in the rows: all candidates, a reference object first where there is one; the value of a pick is the
index into that whole list, its margin the lead over the runner-up (metres, or the logarithm of a ratio).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from spatialgen.records import F64
from spatialgen.testing.truth.answer import Answer, silent, untold
from spatialgen.testing.truth.pairs import camera_distance_m, width_m
from spatialgen.testing.truth.scene import TrueObject, TrueScene, visible_ids

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


def count(scene: TrueScene, label: str) -> Answer:
    """Return how many things of that label show at least one pixel."""
    if scene.ids is None:
        return untold("no exact picture")
    seen = visible_ids(scene.ids, scene.objects)
    return Answer(float(sum(scene.by_id(k).label == label for k in seen)))


def exists(scene: TrueScene, label: str) -> Answer:
    """Return 1 if a thing of that label is seen, else 0."""
    number = count(scene, label)
    return number if number.value is None else Answer(float(number.value > 0))


def perspective(at: TrueObject, facing: TrueObject, item: TrueObject) -> Answer:
    """Return the quarter that `item` is in for who stands at `at` and faces `facing`: 0 front-left, 1 front-right,
    2 back-left, 3 back-right; silent within 10 degrees of a border."""
    ahead, there = (other.box.center_m[:2] - at.box.center_m[:2] for other in (facing, item))
    right = float(ahead[1] * there[0] - ahead[0] * there[1])
    turn = float(np.degrees(np.arctan2(right, ahead @ there)))
    if abs((turn + 45) % 90 - 45) < 10:
        return silent(f"{turn:.1f} degrees is near a border")
    return Answer(float((turn > 0) + 2 * (abs(turn) > 90)), margin=abs((turn + 45) % 90 - 45))


def tie(question_type: str, scene: TrueScene, things: Things, params: Mapping[str, Any]) -> Answer:
    """Return whether two things are the same in size (volumes within 1.25), or a third is as far from two others
    (distances within 10 cm or 10 %); no beyond 1.5 in size, twice the floor in distance."""
    if question_type == "same_size":
        log = abs(float(np.log(things[0].box.volume_m3 / things[1].box.volume_m3)))
        return _same(log, float(np.log(1.25)), float(np.log(1.5)))
    start = things[0].box.center_m
    near, far = sorted(float(np.linalg.norm(item.box.center_m - start)) for item in things[1:3])
    return _same(far - near, max(0.10, 0.1 * near), max(0.20, 0.2 * near))


def _same(difference: float, yes: float, no: float) -> Answer:
    if difference <= yes:
        return Answer(1.0)
    return Answer(0.0) if difference >= no else silent("neither the same nor clearly different")


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
