"""Which way a footprint is turned: along its upright faces, or else as its smallest rectangle is."""

from __future__ import annotations

import math

import numpy as np

from spatialgen.geometry.boxes import Rectangle, bounding_rectangle, middle, rectangle_areas, yaw_degrees
from spatialgen.geometry.clouds import Cloud
from spatialgen.records import F64

_QUARTER = np.pi / 2

_AS_SMALL, _ALONG_FACES = 1.03, 1.04
"""How much larger than the smallest rectangle around a footprint another may be that is as good; and one along upright
faces that is better.
"""

_SAME_WAY_DEG = 2.0


def best_angle(hull: F64, facing: float | None) -> tuple[float, tuple[float, float, float]]:
    """Return the angle of a footprint's rectangle: the smallest one, along its upright faces if any.

    And how far off in place (m), direction (degrees) and size (m) another one is that is as small: around a mug and its
    handle there are two, mirror images of each other; around three legs there are several.
    """
    sides = np.concatenate([hull[1:], hull[:1]]) - hull
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    long = lengths > 0.04 * lengths.sum()
    angles = np.arctan2(sides[long, 1], sides[long, 0])
    if not len(angles):
        angles = np.arctan2(sides[:, 1], sides[:, 0])
    areas = rectangle_areas(hull, angles)
    best = int(np.argmin(areas))
    if facing is not None:
        along = float(rectangle_areas(hull, np.array([facing]))[0])
        if along < _ALONG_FACES * areas[best]:
            chosen, smallest = bounding_rectangle(hull, facing), bounding_rectangle(hull, float(angles[best]))
            apart = float(np.hypot(*(smallest.center_m - chosen.center_m)))
            return facing, (apart, 0.0, _resized_m(chosen, smallest))
    chosen = bounding_rectangle(hull, float(angles[best]))
    others = [bounding_rectangle(hull, float(angle)) for angle in angles[areas <= _AS_SMALL * areas[best]]]
    apart = max(float(np.hypot(*(other.center_m - chosen.center_m))) for other in others)
    turned, resized = max(_turned_deg(chosen, other) for other in others), max(_resized_m(chosen, o) for o in others)
    return float(angles[best]), (apart, turned, resized)


def _resized_m(a: Rectangle, b: Rectangle) -> float:
    """Return by how much the sides of two rectangles differ, the longer and the shorter ones compared.

    0 where they are turned alike: what then differs is where pixels end.
    """
    turned = math.degrees(math.atan2(*b.u.tolist()[::-1]) - math.atan2(*a.u.tolist()[::-1]))
    if abs((turned + 45) % 90 - 45) < _SAME_WAY_DEG:
        return 0.0
    return 2 * float(np.abs(np.sort(a.half_m) - np.sort(b.half_m)).max())


def _turned_deg(a: Rectangle, b: Rectangle) -> float:
    """Return the angle between the length axes of two rectangles, 0 if one of them is square."""
    yaw_a, yaw_b = yaw_degrees(a), yaw_degrees(b)
    return 0.0 if yaw_a is None or yaw_b is None else abs((yaw_a - yaw_b + 90) % 180 - 90)


def facing_angle(cloud: Cloud) -> float | None:
    """Return the commonest direction of the upright faces' normals, modulo 90 degrees, or None."""
    upright = np.flatnonzero(np.abs(cloud.normals[2]) < 0.2)
    if len(upright) < max(20, 0.02 * cloud.normals.shape[1]):
        return None
    x, y = cloud.normals[:2, upright]
    angle = np.arctan2(y, x) % _QUARTER
    counts = np.bincount((angle * (90 / _QUARTER)).astype(np.intp) % 90, minlength=90)
    around = np.concatenate([counts[-1:], counts, counts[:1]])
    peak = float(np.radians(np.argmax(around[:-2] + around[1:-1] + around[2:]) + 0.5))
    off = angle - peak
    off -= _QUARTER * np.rint(off / _QUARTER)
    near = off[np.abs(off) < np.radians(2)]
    return None if len(near) < 0.3 * len(angle) else peak + middle(near)
