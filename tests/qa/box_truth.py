"""The spec's definitions for upright boxes along the axes, one scalar at a time: what the rows are held against."""

from __future__ import annotations

import math
from collections.abc import Callable

from qa_scenes import CAMERA_HEIGHT_M, Box

Pair = Callable[[Box, Box], float]


def camera_distance(a: Box) -> float:
    x, y, z = a.center
    return math.sqrt(x * x + y * y + (z - CAMERA_HEIGHT_M) ** 2)


def top(a: Box) -> float:
    return a.center[2] + a.size[2] / 2


def bottom(a: Box) -> float:
    return a.center[2] - a.size[2] / 2


def volume(a: Box) -> float:
    return a.size[0] * a.size[1] * a.size[2]


def distance(a: Box, b: Box) -> float:
    return math.dist(a.center, b.center)


def gap(a: Box, b: Box) -> float:
    apart = [max(0.0, abs(p - q) - (s + t) / 2) for p, q, s, t in zip(a.center, b.center, a.size, b.size, strict=True)]
    return math.hypot(*apart)


def bearing(a: Box, b: Box) -> float:
    return math.degrees(math.atan2(b.center[0] - a.center[0], b.center[1] - a.center[1])) % 360


def hour(angle_deg: float) -> int:
    nearest = math.floor(angle_deg / 30 + 0.5) % 12
    return 12 if nearest == 0 else nearest


def relative_gap(a: Box, b: Box) -> float:
    return gap(a, b) / ((max(a.size) + max(b.size)) / 2)


def overlap_share(a: Box, b: Box) -> float:
    sides = []
    for p, q, s, t in zip(a.center, b.center, a.size, b.size, strict=True):
        sides.append(max(0.0, min(p + s / 2, q + t / 2) - max(p - s / 2, q - t / 2)))
    return sides[0] * sides[1] * sides[2] / volume(a)


def rests(a: Box, b: Box) -> bool:
    inside = 1.0
    for k in (0, 1):
        low = max(a.center[k] - a.size[k] / 2, b.center[k] - b.size[k] / 2)
        high = min(a.center[k] + a.size[k] / 2, b.center[k] + b.size[k] / 2)
        inside *= max(0.0, high - low) / a.size[k]
    return abs(bottom(a) - top(b)) <= 0.03 and inside >= 0.5


def clearance(a: Box, b: Box) -> float:
    upper, lower = (a, b) if bottom(a) >= bottom(b) else (b, a)
    return bottom(upper) - top(lower)


QUALITIES: dict[str, Callable[[Box, Box], bool]] = {
    "left_of": lambda a, b: a.center[0] < b.center[0],
    "right_of": lambda a, b: a.center[0] > b.center[0],
    "above": lambda a, b: a.center[2] > b.center[2],
    "below": lambda a, b: a.center[2] < b.center[2],
    "in_front_of": lambda a, b: a.center[1] < b.center[1],
    "behind": lambda a, b: a.center[1] > b.center[1],
    "nearer": lambda a, b: camera_distance(a) < camera_distance(b),
    "farther": lambda a, b: camera_distance(a) > camera_distance(b),
    "wider": lambda a, b: a.size[0] > b.size[0],
    "narrower": lambda a, b: a.size[0] < b.size[0],
    "taller": lambda a, b: a.size[2] > b.size[2],
    "shorter": lambda a, b: a.size[2] < b.size[2],
    "bigger": lambda a, b: volume(a) > volume(b),
    "smaller": lambda a, b: volume(a) < volume(b),
    "longer": lambda a, b: max(a.size) > max(b.size),
    "higher_top": lambda a, b: top(a) > top(b),
    "on_top_of": rests,
    "next_to": lambda a, b: relative_gap(a, b) < 0.5,
    "far_from": lambda a, b: relative_gap(a, b) > 2.0,
    "touching": lambda a, b: gap(a, b) < 0.01,
    "aligned_vertically": lambda a, b: (
        math.dist(a.center[:2], b.center[:2]) < min(math.hypot(*a.size[:2]), math.hypot(*b.size[:2])) / 4
    ),
    "aligned_horizontally": lambda a, b: abs(a.center[2] - b.center[2]) <= 0.05,
    "inside": lambda a, b: overlap_share(a, b) >= 0.9,
    "same_size": lambda a, b: abs(math.log(volume(a) / volume(b))) < math.log(1.5),
    "same_distance": lambda a, b: (
        abs(camera_distance(a) - camera_distance(b)) < max(0.15, 0.05 * min(camera_distance(a), camera_distance(b)))
    ),
    "fits_on": lambda a, b: a.size[0] < b.size[0] and a.size[1] < b.size[1],
}

MARGINS: dict[str, Pair] = {
    "left_of": lambda a, b: abs(a.center[0] - b.center[0]) / 0.10,
    "above": lambda a, b: abs(a.center[2] - b.center[2]) / 0.10,
    "in_front_of": lambda a, b: abs(a.center[1] - b.center[1]) / _near(a, b),
    "nearer": lambda a, b: abs(camera_distance(a) - camera_distance(b)) / _near(a, b),
    "wider": lambda a, b: abs(math.log(a.size[0] / b.size[0])) / math.log(1.15),
    "taller": lambda a, b: abs(math.log(a.size[2] / b.size[2])) / math.log(1.15),
    "bigger": lambda a, b: abs(math.log(volume(a) / volume(b))) / math.log(1.5),
    "longer": lambda a, b: abs(math.log(max(a.size) / max(b.size))) / math.log(1.15),
    "higher_top": lambda a, b: abs(top(a) - top(b)) / 0.05,
}


def _near(a: Box, b: Box) -> float:
    return max(0.15, 0.05 * min(camera_distance(a), camera_distance(b)))


QUANTITIES: dict[str, Pair] = {
    "distance": distance,
    "gap": gap,
    "horizontal_distance": lambda a, b: math.dist(a.center[:2], b.center[:2]),
    "lateral_offset": lambda a, b: a.center[0] - b.center[0],
    "forward_offset": lambda a, b: a.center[1] - b.center[1],
    "vertical_distance": lambda a, b: abs(a.center[2] - b.center[2]),
    "clearance": clearance,
    "clock_direction": lambda a, b: float(hour(bearing(a, b))),
    "bearing": bearing,
    "elevation_angle": lambda a, b: math.degrees(
        math.atan2(b.center[2] - a.center[2], math.dist(a.center[:2], b.center[:2]))
    ),
    "height_ratio": lambda a, b: a.size[2] / b.size[2],
    "width_ratio": lambda a, b: a.size[0] / b.size[0],
    "volume_ratio": lambda a, b: volume(a) / volume(b),
}

MEASURES: dict[str, Callable[[Box], float]] = {
    "width": lambda a: a.size[0],
    "length": lambda a: a.size[0],
    "height": lambda a: a.size[2],
    "longest_side": lambda a: max(a.size),
    "volume": volume,
    "height_above_floor": bottom,
    "top_height": top,
    "distance_to_camera": camera_distance,
    "nearest_depth": lambda a: a.center[1] - a.size[1] / 2,
    "relative_depth": lambda a: min(1.0, max(0.0, (a.center[1] - 1.0) / 5.0)),
    "bearing_from_camera": lambda a: math.degrees(math.atan2(a.center[0], a.center[1])),
    "clock_from_camera": lambda a: float(hour(math.degrees(math.atan2(a.center[0], a.center[1])))),
}

PICKS: dict[str, tuple[Callable[[Box], float], bool]] = {
    "closest_to_camera": (camera_distance, False),
    "farthest_from_camera": (camera_distance, True),
    "tallest": (lambda a: a.size[2], True),
    "widest": (lambda a: a.size[0], True),
    "biggest": (volume, True),
    "leftmost": (lambda a: a.center[0], False),
    "rightmost": (lambda a: a.center[0], True),
    "highest": (top, True),
}
