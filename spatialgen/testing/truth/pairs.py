"""True answers about two things: sections A and B of spec/question-types.md."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spatialgen.testing.truth.answer import Answer, silent
from spatialgen.testing.truth.contact import box_share_inside, rest
from spatialgen.testing.truth.scene import TrueObject, TrueScene

PairTruth = Callable[[TrueScene, TrueObject, TrueObject], Answer]

CONTAINERS = frozenset(
    {
        "basket",
        "bin",
        "bowl",
        "box",
        "bucket",
        "cabinet",
        "crate",
        "cup",
        "drawer",
        "mug",
        "pot",
        "shelf",
        "tray",
        "vase",
    }
)
"""Head nouns of things that other things may be inside of."""


def bearing_deg(scene: TrueScene, item: TrueObject) -> float:
    """Return the bearing of a thing's centre from the camera, (-180, 180], right positive."""
    x, y, _ = item.box.center_m - scene.camera_center_m
    return float(np.degrees(np.arctan2(x, y)))


def camera_distance_m(scene: TrueScene, item: TrueObject) -> float:
    """Return the distance from the camera centre to the thing's centre."""
    return float(np.linalg.norm(item.box.center_m - scene.camera_center_m))


def width_m(item: TrueObject) -> float:
    """Return the length of the lateral interval."""
    return item.x_interval_m[1] - item.x_interval_m[0]


def longest_m(item: TrueObject) -> float:
    """Return the longest side of the upright box, height included."""
    return max(item.box.length_m, item.box.height_m)


def _left_of(scene: TrueScene, a: TrueObject, b: TrueObject) -> Answer:
    dx = float(b.box.center_m[0] - a.box.center_m[0])
    turn = (bearing_deg(scene, b) - bearing_deg(scene, a) + 180) % 360 - 180
    if dx * turn < 0:
        return silent("the bearings have the other order")
    return Answer(float(dx > 0), abs(dx), 0.10)


def _above(scene: TrueScene, a: TrueObject, b: TrueObject) -> Answer:
    dz = float(a.box.center_m[2] - b.box.center_m[2])
    return Answer(float(dz > 0), abs(dz), 0.10)


def _depth_floor(scene: TrueScene, a: TrueObject, b: TrueObject) -> float:
    return max(0.15, 0.05 * min(camera_distance_m(scene, a), camera_distance_m(scene, b)))


def _in_front_of(scene: TrueScene, a: TrueObject, b: TrueObject) -> Answer:
    dy = float(b.box.center_m[1] - a.box.center_m[1])
    if dy * (camera_distance_m(scene, b) - camera_distance_m(scene, a)) < 0:
        return silent("the distances have the other order")
    return Answer(float(dy > 0), abs(dy), _depth_floor(scene, a, b))


def _nearer(scene: TrueScene, a: TrueObject, b: TrueObject) -> Answer:
    difference = camera_distance_m(scene, b) - camera_distance_m(scene, a)
    return Answer(float(difference > 0), abs(difference), _depth_floor(scene, a, b))


def _by_ratio(measure: Callable[[TrueObject], float], ratio: float) -> PairTruth:
    def answer(scene: TrueScene, a: TrueObject, b: TrueObject) -> Answer:
        log = float(np.log(measure(a) / measure(b)))
        return Answer(float(log > 0), abs(log), float(np.log(ratio)))

    return answer


def _opposite(of: PairTruth) -> PairTruth:
    return lambda scene, a, b: of(scene, b, a)


def _higher_top(scene: TrueScene, a: TrueObject, b: TrueObject) -> Answer:
    difference = a.z_interval_m[1] - b.z_interval_m[1]
    return Answer(float(difference > 0), abs(difference), 0.05)


def _on_top_of(scene: TrueScene, a: TrueObject, b: TrueObject) -> Answer:
    share, off = rest(a, b)
    if share == 0 or off is None or off > 0.10:
        return Answer(0.0)
    if abs(off) <= 0.03 and share >= 0.5:
        return Answer(1.0)
    return silent(f"{off:.3f} m off with {share:.2f} of the footprint inside")


def _between(value: float, yes: float, no: float, what: str) -> Answer:
    """Yes below one threshold, no above the other, silence between them."""
    if value < yes:
        return Answer(1.0)
    return Answer(0.0) if value > no else silent(f"{what} is {value:.3f}, between {yes:.3f} and {no:.3f}")


def _gap_ratio(scene: TrueScene, a: TrueObject, b: TrueObject) -> float:
    return scene.gap_m(a, b) / ((longest_m(a) + longest_m(b)) / 2)


def _next_to(scene: TrueScene, a: TrueObject, b: TrueObject) -> Answer:
    return _between(_gap_ratio(scene, a, b), 0.5, 1.0, "gap / longest side")


def _far_from(scene: TrueScene, a: TrueObject, b: TrueObject) -> Answer:
    return _between(-_gap_ratio(scene, a, b), -2.0, -1.0, "- gap / longest side")


def _touching(scene: TrueScene, a: TrueObject, b: TrueObject) -> Answer:
    return _between(scene.gap_m(a, b), 0.01, 0.05, "the gap")


def horizontal_m(a: TrueObject, b: TrueObject) -> float:
    """Return the distance of the centres in the ground plane."""
    return float(np.hypot(*(b.box.center_m - a.box.center_m)[:2]))


def _aligned_vertically(scene: TrueScene, a: TrueObject, b: TrueObject) -> Answer:
    diagonal = min(float(np.hypot(item.box.length_m, item.box.width_m)) for item in (a, b))
    return _between(horizontal_m(a, b), diagonal / 4, diagonal / 2, "the horizontal distance")


def _aligned_horizontally(scene: TrueScene, a: TrueObject, b: TrueObject) -> Answer:
    return _between(abs(float(a.box.center_m[2] - b.box.center_m[2])), 0.05, 0.15, "the difference in height")


def _inside(scene: TrueScene, a: TrueObject, b: TrueObject) -> Answer:
    share = box_share_inside(a.box, b.box)
    if share < 0.1:
        return Answer(0.0)
    container = b.label.split()[-1] in CONTAINERS
    return Answer(1.0) if share >= 0.9 and container else silent(f"{share:.2f} of the box is inside a {b.label}")


QUALITATIVE: dict[str, PairTruth] = {
    "left_of": _left_of,
    "right_of": _opposite(_left_of),
    "above": _above,
    "below": _opposite(_above),
    "in_front_of": _in_front_of,
    "behind": _opposite(_in_front_of),
    "nearer": _nearer,
    "farther": _opposite(_nearer),
    "wider": _by_ratio(width_m, 1.15),
    "narrower": _opposite(_by_ratio(width_m, 1.15)),
    "taller": _by_ratio(lambda item: item.box.height_m, 1.15),
    "shorter": _opposite(_by_ratio(lambda item: item.box.height_m, 1.15)),
    "bigger": _by_ratio(lambda item: item.box.volume_m3, 1.5),
    "smaller": _opposite(_by_ratio(lambda item: item.box.volume_m3, 1.5)),
    "longer": _by_ratio(longest_m, 1.15),
    "higher_top": _higher_top,
    "on_top_of": _on_top_of,
    "next_to": _next_to,
    "far_from": _far_from,
    "touching": _touching,
    "aligned_vertically": _aligned_vertically,
    "aligned_horizontally": _aligned_horizontally,
    "inside": _inside,
}


def _distance(scene: TrueScene, a: TrueObject, b: TrueObject) -> Answer:
    return Answer(float(np.linalg.norm(b.box.center_m - a.box.center_m)))


def _offset(axis: int, signed: bool) -> PairTruth:
    def answer(scene: TrueScene, a: TrueObject, b: TrueObject) -> Answer:
        value = float(a.box.center_m[axis] - b.box.center_m[axis])
        return Answer(value if signed else abs(value))

    return answer


def _clearance(scene: TrueScene, a: TrueObject, b: TrueObject) -> Answer:
    upper, lower = (a, b) if a.z_interval_m[0] >= b.z_interval_m[0] else (b, a)
    free = upper.z_interval_m[0] - lower.z_interval_m[1]
    return Answer(max(free, 0.0)) if free >= -1e-6 else silent("the upper does not start above the lower's top")


def _bearing(scene: TrueScene, a: TrueObject, b: TrueObject) -> Answer:
    dx, dy, _ = b.box.center_m - a.box.center_m
    return Answer(float(np.degrees(np.arctan2(dx, dy)) % 360))


def hour_of(bearing: float) -> Answer:
    """Return the nearest hour of a bearing in degrees; the margin is its distance in degrees from a half hour."""
    off = abs((bearing + 15) % 30 - 15)
    return Answer(float(round((bearing % 360) / 30) % 12 or 12), margin=15 - off, floor=5.0)


def _clock(scene: TrueScene, a: TrueObject, b: TrueObject) -> Answer:
    bearing = _bearing(scene, a, b).value
    assert bearing is not None
    return hour_of(bearing)


def _elevation(scene: TrueScene, a: TrueObject, b: TrueObject) -> Answer:
    rise = float(b.box.center_m[2] - a.box.center_m[2])
    return Answer(float(np.degrees(np.arctan2(rise, horizontal_m(a, b)))))


def _ratio(measure: Callable[[TrueObject], float]) -> PairTruth:
    return lambda scene, a, b: Answer(measure(a) / measure(b))


QUANTITATIVE: dict[str, PairTruth] = {
    "distance": _distance,
    "gap": lambda scene, a, b: Answer(scene.gap_m(a, b)),
    "horizontal_distance": lambda scene, a, b: Answer(horizontal_m(a, b)),
    "lateral_offset": _offset(0, signed=True),
    "forward_offset": _offset(1, signed=True),
    "vertical_distance": _offset(2, signed=False),
    "clearance": _clearance,
    "clock_direction": _clock,
    "bearing": _bearing,
    "elevation_angle": _elevation,
    "height_ratio": _ratio(lambda item: item.box.height_m),
    "width_ratio": _ratio(width_m),
    "volume_ratio": _ratio(lambda item: item.box.volume_m3),
}

NEED_FORWARD = frozenset(
    {
        *("left_of", "right_of", "in_front_of", "behind", "wider", "narrower"),
        *("width_ratio", "lateral_offset", "forward_offset", "clock_direction", "bearing"),
    }
)
"""Types that use x or y: silent where the optical axis is within 15 degrees of vertical."""


def pair_answer(scene: TrueScene, question_type: str, a: TrueObject, b: TrueObject) -> Answer:
    """Return the true answer of a pair type. Raises KeyError on another type."""
    if question_type in NEED_FORWARD and not scene.forward_defined:
        return silent("the camera looks straight up or down, so forward is undefined")
    return (QUALITATIVE | QUANTITATIVE)[question_type](scene, a, b)
