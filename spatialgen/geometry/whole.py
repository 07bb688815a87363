"""From the visible surface to the whole object: its footprint, its height, and how much of either was guessed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spatialgen.geometry.balls import fit_ball
from spatialgen.geometry.boxes import (
    Rectangle,
    bounding_rectangle,
    convex_hull,
    fit_circle,
    polygon_area,
    rectangle_areas,
    resample,
)
from spatialgen.geometry.clouds import HIDDEN, OPEN, Cloud
from spatialgen.records import F32, F64

CIRCLE = np.stack(
    [np.cos(np.linspace(0, 2 * np.pi, 48, endpoint=False)), np.sin(np.linspace(0, 2 * np.pi, 48, endpoint=False))],
    axis=1,
)


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """An estimated whole object, canonical metres.

    `kind`: "ball", "round" (circular footprint) or "box". `rectangle` its footprint's; `outline_m` (K, 2) the convex
    outline of its footprint. `x_m`, `z_m` (2,) intervals. Sigmas of ends, pixel and guess errors only:
    `side_sigma_m` (4,) of the rectangle's sides u-, u+, v-, v+; `x_sigma_m` (2,), `z_sigma_m` (2,).
    `low_state`: whether the bottom is "seen", "hidden" by something nearer, or "away".
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


@dataclass(frozen=True, slots=True)
class End:
    """Where the visible surface ends in some direction, its one-sigma error, and whether the object ends there."""

    value_m: float
    sigma_m: float
    state: str  # "seen", "hidden" (by something nearer), "away" (its outer side faces away)


def find_end(cloud: Cloud, direction: F64, extent_m: float) -> End:
    """Return where a cloud ends along the unit `direction` (3,). `extent_m` is its size along it, to judge by.

    The true end lies between the last own pixel and the next one. Along a side many pixels end there, anywhere
    between, so the mean of the half-way points is the side; a corner is at least its outermost pixel.
    """
    w = direction.astype(np.float32)
    on_points, on_rim, half = w @ cloud.points_m, w @ cloud.rim_m, w @ cloud.rim_step_m
    free = cloud.rim_kind != HIDDEN
    inner = np.where(free, on_rim - half, on_rim)
    least = float(max(on_points.max(), inner.max()))
    band = free & (inner > least - 2 * half - 1e-4) & (half > -1e-4)
    value, sigma = least, 0.0
    if band.any():
        value = max(float(on_rim[band].mean()), least)
        sigma = 0.58 * float(half[band].mean()) / np.sqrt(float(band.sum()) / 2)
    reach = max(0.02 * extent_m, 0.004, 2 * float(half[band].max()) if band.any() else 0.0)
    facing = w @ cloud.normals[:, on_points > least - reach]
    facing = facing[np.isfinite(facing)]
    return End(value, sigma, _state(cloud, on_rim > least - reach, facing))


def _state(cloud: Cloud, rim: np.ndarray[tuple[int], np.dtype[np.bool_]], facing: F32) -> str:
    outward = int((facing > 0.7).sum())
    inward = int((facing < -0.7).sum())
    level = len(facing) - outward - inward
    if outward > max(3, 0.1 * len(facing)):
        return "seen"
    kinds = cloud.rim_kind[rim]
    if (kinds == HIDDEN).sum() > (kinds == OPEN).sum():
        return "hidden"
    if inward > 2 * level and inward > 3:
        return "away"
    return "seen"


def estimate_whole(cloud: Cloud, eye_m: F64, tolerance: float) -> Whole:
    """Return the whole object behind a cloud seen from `eye_m` (3,). `tolerance`: relative misfit allowed."""
    ball = fit_ball(cloud, eye_m, tolerance)
    if ball is not None:
        return _ball_whole(ball.center_m, ball.radius_m)
    surface = cloud.surface_m
    hull = convex_hull(surface[:2])
    round_whole = _round_whole(cloud, hull, eye_m, tolerance)
    if round_whole is not None:
        return round_whole
    return _box_whole(cloud, hull)


def _ball_whole(center: F64, radius: float) -> Whole:
    rectangle = Rectangle(center[:2], np.array([1.0, 0.0]), np.array([radius, radius]))
    sigma = 0.004 * radius
    return Whole(
        "ball",
        rectangle,
        center[:2] + radius * CIRCLE,
        center[0] + np.array([-radius, radius]),
        center[2] + np.array([-radius, radius]),
        np.full(4, sigma),
        np.full(2, sigma),
        np.full(2, sigma),
        "seen",
    )


def _round_whole(cloud: Cloud, hull: F64, eye_m: F64, tolerance: float) -> Whole | None:
    """Return a whole of circular footprint if the visible outline is a circle, or an arc of one towards the eye."""
    points, normals = resample(hull, 64)
    size = float(np.ptp(hull, axis=0).max())
    pixel = 2 * float(np.median(np.sqrt((cloud.rim_step_m[:2] ** 2).sum(axis=0))))
    allowed = tolerance + 0.5 * pixel / max(size, 1e-6)
    center, radius, misfit = fit_circle(points)
    guess = 0.0
    if misfit > allowed * radius:
        front = ((eye_m[:2] - points) * normals).sum(axis=1) > 0
        if front.sum() < 12:
            return None
        center, radius, misfit = fit_circle(points[front])
        if misfit > 0.6 * allowed * radius or radius > 0.75 * size:
            return None
        arms = points[front] - center
        spread = np.ptp(np.unwrap(np.arctan2(arms[:, 1], arms[:, 0])))
        if spread < np.radians(110) or np.hypot(*(hull - center).T).max() > radius * (1 + 2 * allowed):
            return None
        guess = 0.01 * radius
    sigma = 0.15 * pixel + guess
    z0, z1 = _vertical_ends(cloud)
    return Whole(
        "round",
        Rectangle(center, np.array([1.0, 0.0]), np.array([radius, radius])),
        center + radius * CIRCLE,
        center[0] + np.array([-radius, radius]),
        np.array([z0.value_m, z1.value_m]),
        np.full(4, sigma),
        np.full(2, sigma),
        np.array([z0.sigma_m, z1.sigma_m]),
        z0.state,
    )


def _vertical_ends(cloud: Cloud) -> tuple[End, End]:
    height = float(np.ptp(cloud.surface_m[2]))
    up = np.array([0.0, 0.0, 1.0])
    low = find_end(cloud, -up, height)
    return End(-low.value_m, low.sigma_m, low.state), find_end(cloud, up, height)


def _box_whole(cloud: Cloud, hull: F64) -> Whole:
    angle = _best_angle(cloud, hull)
    rough = bounding_rectangle(hull, angle)
    ends = [
        find_end(cloud, np.array([*(sign * axis), 0.0]), 2 * half)
        for axis, half in zip((rough.u, rough.v), rough.half_m, strict=True)
        for sign in (-1.0, 1.0)
    ]
    rectangle = _from_ends(rough, ends)
    sigmas = np.array([_end_sigma(end, rectangle, k) for k, end in enumerate(ends)])
    z0, z1 = _vertical_ends(cloud)
    x_ends = [find_end(cloud, np.array([s, 0.0, 0.0]), float(np.ptp(hull[:, 0]))) for s in (-1.0, 1.0)]
    x = np.array([-x_ends[0].value_m, x_ends[1].value_m])
    if polygon_area(hull) > 0.93 * 4 * rough.half_m[0] * rough.half_m[1]:
        x = np.array([rectangle.corners_m[:, 0].min(), rectangle.corners_m[:, 0].max()])
    x_sigma = np.array([_end_sigma(end, rectangle, 0) for end in x_ends])
    z, z_sigma = np.array([z0.value_m, z1.value_m]), np.array([z0.sigma_m, z1.sigma_m])
    return Whole("box", rectangle, hull, x, z, sigmas, x_sigma, z_sigma, z0.state)


def _from_ends(rough: Rectangle, ends: list[End]) -> Rectangle:
    """Return the rectangle along the axes of `rough` whose sides u-, u+, v-, v+ are at `ends`."""
    low, high = np.array([-ends[0].value_m, -ends[2].value_m]), np.array([ends[1].value_m, ends[3].value_m])
    middle = (low + high) / 2
    return Rectangle(middle[0] * rough.u + middle[1] * rough.v, rough.u, (high - low) / 2)


def _end_sigma(end: End, rectangle: Rectangle, k: int) -> float:
    """Return the sigma of a side, with what may be hidden behind it."""
    if end.state == "hidden":
        return end.sigma_m + 0.15 * float(rectangle.half_m.max())
    if end.state == "away":
        along, across = rectangle.half_m[k // 2], rectangle.half_m[1 - k // 2]
        return end.sigma_m + (0.3 * across if along < 0.1 * across else 0.02)
    return end.sigma_m


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
