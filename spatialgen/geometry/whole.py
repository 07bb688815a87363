"""From the visible surface to the whole object: its footprint, its height, and how much of either was guessed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spatialgen.geometry.balls import fit_ball
from spatialgen.geometry.boxes import (
    Rectangle,
    bounding_rectangle,
    convex_hull,
    polygon_area,
    rectangle_areas,
)
from spatialgen.geometry.clouds import Cloud
from spatialgen.geometry.ends import SEEN, End, find_end, missing_sigma
from spatialgen.geometry.rounds import Circle, fit_round
from spatialgen.records import F64

_TURN = np.linspace(0, 2 * np.pi, 48, endpoint=False)
CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)
"""The unit circle (48, 2), counter-clockwise."""


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """An estimated whole object, canonical metres.

    `kind`: "ball", "round" (circular footprint) or "box". `rectangle` its footprint's; `outline_m` (K, 2) the convex
    outline of its footprint. `x_m`, `z_m` (2,) intervals. Sigmas of ends, pixel and guess errors only:
    `side_sigma_m` (4,) of the rectangle's sides u-, u+, v-, v+; `x_sigma_m` (2,), `z_sigma_m` (2,).
    `low_state`: whether the bottom is SEEN, COVERED or AWAY (see `ends`).
    """

    kind: str
    rectangle: Rectangle
    outline_m: F64
    x_m: F64
    z_m: F64
    side_sigma_m: F64
    x_sigma_m: F64
    z_sigma_m: F64
    low_state: str


def estimate_whole(cloud: Cloud, eye_m: F64, tolerance: float) -> Whole:
    """Return the whole object behind a cloud seen from `eye_m` (3,). `tolerance`: relative misfit allowed."""
    low, high = _vertical_ends(cloud)
    ball = fit_ball(cloud, eye_m, tolerance)
    if ball is not None and (low.state == SEEN or ball.center_m[2] - ball.radius_m < 0.05):
        return _ball_whole(ball.center_m, ball.radius_m)
    hull = convex_hull(cloud.surface_m[:2])
    circle = fit_round(cloud, hull, eye_m, tolerance)
    return _box_whole(cloud, hull, low, high) if circle is None else _round_whole(circle, low, high)


def _vertical_ends(cloud: Cloud) -> tuple[End, End]:
    height = float(np.ptp(cloud.surface_m[2]))
    up = np.array([0.0, 0.0, 1.0])
    low = find_end(cloud, -up, height)
    return End(-low.value_m, low.sigma_m, low.state), find_end(cloud, up, height)


def _ball_whole(center: F64, radius: float) -> Whole:
    sigma = 0.004 * radius
    return Whole(
        kind="ball",
        rectangle=Rectangle(center[:2], np.array([1.0, 0.0]), np.array([radius, radius])),
        outline_m=center[:2] + radius * CIRCLE,
        x_m=center[0] + np.array([-radius, radius]),
        z_m=center[2] + np.array([-radius, radius]),
        side_sigma_m=np.full(4, sigma),
        x_sigma_m=np.full(2, sigma),
        z_sigma_m=np.full(2, sigma),
        low_state=SEEN,
    )


def _round_whole(circle: Circle, low: End, high: End) -> Whole:
    radius, center = circle.radius_m, circle.center_m
    z, z_sigma = _heights(low, high, 2 * radius)
    return Whole(
        kind="round",
        rectangle=Rectangle(center, np.array([1.0, 0.0]), np.array([radius, radius])),
        outline_m=center + radius * CIRCLE,
        x_m=center[0] + np.array([-radius, radius]),
        z_m=z,
        side_sigma_m=np.full(4, circle.sigma_m),
        x_sigma_m=np.full(2, circle.sigma_m),
        z_sigma_m=z_sigma,
        low_state=low.state,
    )


def _heights(low: End, high: End, across_m: float) -> tuple[F64, F64]:
    height = high.value_m - low.value_m
    sigmas = [missing_sigma(end, height, across_m, max(height, across_m)) for end in (low, high)]
    return np.array([low.value_m, high.value_m]), np.array(sigmas)


def _box_whole(cloud: Cloud, hull: F64, low: End, high: End) -> Whole:
    rough = bounding_rectangle(hull, _best_angle(cloud, hull))
    ends = [
        find_end(cloud, np.array([*(sign * axis), 0.0]), 2 * half)
        for axis, half in zip((rough.u, rough.v), rough.half_m, strict=True)
        for sign in (-1.0, 1.0)
    ]
    rectangle = _from_ends(rough, ends)
    long, wide = 2 * rectangle.half_m
    height = high.value_m - low.value_m
    largest = max(long, wide, height)
    sigmas = [missing_sigma(end, long, max(wide, height), largest) for end in ends[:2]]
    sigmas += [missing_sigma(end, wide, max(long, height), largest) for end in ends[2:]]
    outline = rectangle.corners_m if _is_full(hull, rough) else hull
    x, x_sigma = _lateral(cloud, outline, hull, largest)
    z, z_sigma = _heights(low, high, max(long, wide))
    return Whole("box", rectangle, outline, x, z, np.array(sigmas), x_sigma, z_sigma, low.state)


def _is_full(hull: F64, rectangle: Rectangle) -> bool:
    """Return whether a hull fills its rectangle, so that the rectangle's corners are the object's own."""
    return polygon_area(hull) > 0.93 * 4 * float(rectangle.half_m.prod())


def _lateral(cloud: Cloud, outline: F64, hull: F64, largest_m: float) -> tuple[F64, F64]:
    """Return the interval of x and the sigmas of its ends; the corners of a full rectangle are its ends."""
    extent = float(np.ptp(hull[:, 0]))
    low, high = (find_end(cloud, np.array([s, 0.0, 0.0]), extent) for s in (-1.0, 1.0))
    sigma = np.array([missing_sigma(end, extent, extent, largest_m) for end in (low, high)])
    if outline is hull:
        return np.array([-low.value_m, high.value_m]), sigma
    return np.array([outline[:, 0].min(), outline[:, 0].max()]), sigma


def _from_ends(rough: Rectangle, ends: list[End]) -> Rectangle:
    """Return the rectangle along the axes of `rough` whose sides u-, u+, v-, v+ are at `ends`."""
    low, high = np.array([-ends[0].value_m, -ends[2].value_m]), np.array([ends[1].value_m, ends[3].value_m])
    middle = (low + high) / 2
    return Rectangle(middle[0] * rough.u + middle[1] * rough.v, rough.u, (high - low) / 2)


def _best_angle(cloud: Cloud, hull: F64) -> float:
    """Return the angle of a footprint's rectangle: the smallest one, in the direction of its upright faces if any."""
    sides = np.roll(hull, -1, axis=0) - hull
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    long = lengths > 0.04 * lengths.sum()
    angles = np.arctan2(sides[long, 1], sides[long, 0])
    if not len(angles):
        angles = np.arctan2(sides[:, 1], sides[:, 0])
    areas = rectangle_areas(hull, angles)
    best = int(np.argmin(areas))
    facing = _facing_angle(cloud)
    if facing is not None and rectangle_areas(hull, np.array([facing]))[0] < 1.04 * areas[best]:
        return facing
    return float(angles[best])


def _facing_angle(cloud: Cloud) -> float | None:
    """Return the commonest direction of the upright faces' normals, modulo 90 degrees, or None."""
    n = cloud.normals
    upright = np.abs(n[2]) < 0.2
    if upright.sum() < max(20, 0.02 * n.shape[1]):
        return None
    angle = np.arctan2(n[1, upright], n[0, upright]) % (np.pi / 2)
    counts = np.bincount((angle * (90 / (np.pi / 2))).astype(np.intp) % 90, minlength=90)
    peak = int(np.argmax(counts + np.roll(counts, 1) + np.roll(counts, -1)))
    off = (angle - np.radians(peak + 0.5) + np.pi / 4) % (np.pi / 2) - np.pi / 4
    near = np.abs(off) < np.radians(2)
    if near.sum() < 0.3 * len(angle):
        return None
    return float(np.radians(peak + 0.5) + np.median(off[near]))
