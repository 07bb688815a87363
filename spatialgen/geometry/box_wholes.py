"""Wholes whose footprint is a rectangle: sides, lateral interval, and how much of either was guessed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from spatialgen.geometry.bounds import EXACT
from spatialgen.geometry.boxes import Rectangle, bounding_rectangle, convex_hull, face_away, polygon_area
from spatialgen.geometry.clouds import Cloud
from spatialgen.geometry.ends import COVERED, OF_ROOM, SEEN, Asked, End, missing_sigma
from spatialgen.geometry.hidden import SeenThrough, is_grounded
from spatialgen.geometry.orientation import best_angle, facing_angle
from spatialgen.geometry.whole import A_FRONT_M, VERTICAL, Estimate, Whole, as_low, ends_of, heights_of
from spatialgen.records import F64

_LATERAL = np.array([[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])

_NO_POST = 0.6
"""As deep as this share of its width, it is rather a post, all of which is seen."""

_NEXT_FEET = 0.6
"""How far behind a board other feet may be, relative to its width: the front legs of a chair are behind its back."""

_CURVED, _A_SURFACE, _BULGES = 0.2, 20, 0.4
"""Error of sides behind a curved surface, relative to the longest; so many normals tell of a surface, and this share of
them, neither level nor upright, of one that bulges."""

_ELSEWHERE, _UNSEEN_CORNER, _OF_CURVE = 0.01, 0.5, 0.35
"""Relative to the extent, what parts a lateral end from a corner that may be there; error of that corner, relative to
how far it is out: half of them are there; and of the end of a curve, relative to how far the rim beyond it is."""

_AT_A_CORNER = 2
"""So many half pixels from a corner of the box the outline of what is seen may be, and have that corner."""

_LEDGE_M, _OF_A_THING = 0.01, 0.02
"""By how much a top, or a board at one end, may stick out beyond a face where something covers it: at most, and
relative to the longest side of the thing."""

_BEHIND_M = 0.5
"""Error of what is only seen at a corner, where something covers it: of furniture, as a rule."""

_A_TOP, _OF_HEIGHT, _OF_FEET = 0.6, 0.15, 0.4
"""Least share of the outline that a top covers; what is near the top or the bottom, relative to the height; error of a
side beyond which a foot may reach unseen, relative to how far."""

_AT_A_FOOT, _BESIDE, _BOTH_WAYS = 0.1, np.linspace(-1, 1, 25), np.array([[-1.0], [1.0], [-1.0], [1.0]])
"""How high above the ground, relative to the height of all, and where along a side a foot is looked for."""

_BOARD = 0.35
"""Thinner than this share of its height, what is seen may be only a board of something deeper."""


def box_whole(
    cloud: Cloud, hull: F64, height: float, board_m: float, eye_m: F64, seen_through: SeenThrough | None
) -> Estimate[Whole]:
    facing = facing_angle(cloud)
    angle, tie = best_angle(hull, facing)
    rough = bounding_rectangle(hull, angle)
    directions = np.zeros((6, 3))
    directions[:4, :2] = -rough.u, rough.u, -rough.v, rough.v
    directions[4:] = VERTICAL
    extents = np.array([*(2 * rough.half_m).repeat(2), height, height])
    *sides, down, high = yield from ends_of(Asked(cloud, directions, extents, facing is not None), seen_through)
    low = as_low(down)
    if low.state != SEEN:  # whatever is lowest is not the foot
        sides = [replace(end, grounded=False) for end in sides]
    rectangle = _from_ends(rough, sides)
    z, z_sigma = heights_of(low, high, 2 * float(rectangle.half_m.max()))
    only_corner = sum(_is_lost(end) for end in sides) + (high.state == COVERED) > 1
    if only_corner:  # it may well rise, too, behind what covers it
        z_sigma[1] += _BEHIND_M
    if seen_through is None:
        corners, unknown = rectangle.corners_m, np.full(4, np.inf)
        x = np.array([corners[:, 0].min(), corners[:, 0].max()])
        return Whole("box", rectangle, corners, x, z, unknown, unknown[:2], z_sigma, low.state)
    sigmas = _side_sigmas(cloud, rectangle, sides, float(z[1] - z[0]), board_m, eye_m, seen_through)
    sigmas += _OF_FEET * _unseen_feet(cloud, hull, rectangle, z, eye_m, seen_through)
    if _is_curved(cloud, facing, all(end.grounded for end in sides)):
        sigmas += _CURVED * 2 * float(rectangle.half_m.max()) * face_away(rectangle, eye_m)
    if only_corner:
        sigmas += _BEHIND_M * np.array([_is_lost(end) for end in sides])
    near = _AT_A_CORNER * float(cloud.rim.step_length_m.mean())
    outline, doubtful = _outline(rectangle, rough, hull, z, near, seen_through)
    side_by_side = (rectangle, sigmas)
    x, x_sigma = yield from _lateral(cloud, outline, side_by_side, float(z[1] - z[0]), seen_through, facing is not None)
    x_sigma = np.maximum(x_sigma, _farther_out(rectangle, sigmas, sides, x))
    outwards = [x[0] - doubtful[:, 0].min(initial=np.inf), doubtful[:, 0].max(initial=-np.inf) - x[1]]
    x_sigma = np.maximum(x_sigma, _UNSEEN_CORNER * np.maximum(outwards, 0.0))
    return Whole("box", rectangle, outline, x, z, sigmas, x_sigma, z_sigma, low.state, tie=tie)


def _side_sigmas(
    cloud: Cloud,
    rectangle: Rectangle,
    ends: list[End],
    height: float,
    board_m: float,
    eye_m: F64,
    seen_through: SeenThrough,
) -> F64:
    """Return the sigmas (4,) of a rectangle's sides, with what may be missing.

    A side that faces away, of a thing that looks like a board, no thicker than `board_m`, may be the back of a board
    with more behind it, low down: unless its foot is seen to end there its place is a guess.
    """
    sizes = 2 * rectangle.half_m
    largest = max(float(sizes.max()), height)
    sigmas, away = np.zeros(4), face_away(rectangle, eye_m)
    for k, end in enumerate(ends):
        along, across = float(sizes[k // 2]), max(float(sizes[1 - k // 2]), height)
        sigmas[k] = end.sigma_m if _is_met(end) else missing_sigma(end, along, across, largest)
        if _is_met(end) and end.state == COVERED:
            sigmas[k] += min(_LEDGE_M, OF_ROOM * end.room_m, _OF_A_THING * largest)
        wide = float(sizes[1 - k // 2])
        if not away[k] or along > min(board_m, _NO_POST * wide, max(_BOARD * height, A_FRONT_M)):
            continue
        axis = (1 if k % 2 else -1) * (rectangle.u, rectangle.v)[k // 2]
        if not is_grounded(cloud, end, np.array([*axis, 0.0]), _NEXT_FEET * wide, seen_through):
            sigmas[k] += 0.6 * wide
    return sigmas


def _unseen_feet(cloud: Cloud, hull: F64, rectangle: Rectangle, z_m: F64, eye_m: F64, seen_through: SeenThrough) -> F64:
    """Return how far beyond its sides u-, u+, v-, v+ (4,) a thing may reach with feet that are out of sight, metres.

    On the far sides, as far beyond its top as some of its feet are seen to, if its top covers most of its outline from
    above, `hull` (K, 2); unless one sees the ground there, all along the side.
    """
    surface, feet = cloud.surface_m, np.concatenate([cloud.points_m, cloud.rim.end_m - cloud.rim.step_m], axis=1)
    low, high = float(surface[2].min()), float(surface[2].max())
    edge = _OF_HEIGHT * (high - low)
    outline = convex_hull(surface[:2, surface[2] > high - edge])
    if polygon_area(outline) < _A_TOP * polygon_area(hull):
        return np.zeros(4)
    sides = np.roll(outline, -1, axis=0) - outline
    normals = np.column_stack([sides[:, 1], -sides[:, 0]]) / np.maximum(np.hypot(*sides.T), 1e-9)[:, None]
    beyond = normals @ feet[:2, feet[2] < low + edge] - (normals * outline).sum(axis=1)[:, None]
    splay = float(beyond.max(axis=0, initial=-np.inf).max(initial=0.0))
    if splay < cloud.noise_sigma * cloud.median_depth_m + 2 * float(cloud.rim.step_length_m.mean()):
        return np.zeros(4)
    axes = np.array([rectangle.u, rectangle.v])
    outwards, beside = axes.repeat(2, axis=0) * _BOTH_WAYS, axes[::-1].repeat(2, axis=0)
    out, wide = rectangle.half_m.repeat(2), rectangle.half_m[::-1].repeat(2)
    reached = out - (outwards @ (outline - rectangle.center_m).T).max(axis=1)
    missing = np.clip(splay - reached, 0.0, splay) * face_away(rectangle, eye_m)
    at_feet = (out + (1 - _AT_A_FOOT) * missing)[:, None] * outwards
    places = rectangle.center_m + at_feet + _BESIDE[:, None, None] * wide[:, None] * beside
    height = float(z_m[0] + _AT_A_FOOT * (z_m[1] - z_m[0]))
    through = seen_through(np.vstack([places.reshape(-1, 2).T, np.full(places.size // 2, height)]))
    return np.where(through.reshape(-1, 4).all(axis=0), 0.0, missing)


def _is_met(end: End) -> bool:
    """Return whether a side is seen as a face, down to its foot: it ends there whatever covers the border beside it."""
    return end.is_face and end.grounded


def _is_lost(end: End) -> bool:
    """Return whether a side goes on behind what covers it for nobody knows how long."""
    return end.state == COVERED and not _is_met(end) and math.isinf(end.room_m)


def _is_curved(cloud: Cloud, facing: float | None, on_foot: bool) -> bool:
    """Return whether what is seen of a cloud curves on behind its limb, so that its far sides are out of sight.

    Where much of it is upright without a direction of its own, `facing`, and has no top that would show its depth;
    or much bulges, and does not stand `on_foot` that has faces and reaches as far to all sides. Only exact readings
    tell what bulges from noise.
    """
    known = np.abs(cloud.normals[2][np.isfinite(cloud.normals[2])])
    if len(known) < _A_SURFACE:
        return False
    bulges = cloud.noise_sigma < EXACT and ((known > 0.1) & (known < 0.9)).mean() > _BULGES
    if facing is not None:
        return bool(bulges and not on_foot)
    return bool(bulges or ((known < 0.3).mean() > 0.3 and (known > 0.95).mean() < 0.1))


def _outline(
    rectangle: Rectangle, rough: Rectangle, hull: F64, z_m: F64, near_m: float, seen_through: SeenThrough
) -> tuple[F64, F64]:
    """Return the convex outline of the whole footprint: the seen hull, and corners of the box that may be there.

    Where the hull fills `rough`, its own bounding rectangle, and all corners are within `near_m` of it, they are seen.
    Elsewhere a corner may be there unless one sees through it at some height. And the corners (K, 2) that one sees
    through at some heights and not at others: there may be less of the thing there, a seat without a back.
    """
    corners = rectangle.corners_m
    if polygon_area(hull) > 0.93 * 4 * max(float(rough.half_m.prod()), float(rectangle.half_m.prod())):
        apart = np.hypot(*(hull[:, None] - corners).T).min(axis=1)
        if (apart < near_m).all():
            return corners, corners[:0]
    inner = rectangle.center_m + 0.96 * (corners - rectangle.center_m)
    levels = z_m[0] + np.array([0.05, 0.3, 0.6, 0.95]) * (z_m[1] - z_m[0])
    columns = np.vstack([np.tile(inner.T, len(levels)), levels.repeat(4)])
    through = seen_through(columns).reshape(len(levels), 4)
    possible = ~through.any(axis=0)
    return convex_hull(np.concatenate([hull, corners[possible]]).T), corners[~possible & ~through.all(axis=0)]


def _lateral(
    cloud: Cloud,
    outline: F64,
    box: tuple[Rectangle, F64],
    height: float,
    seen_through: SeenThrough,
    straight: bool,
) -> Estimate[tuple[F64, F64]]:
    """Return the interval of x and the sigmas of its ends.

    Ends are measured, unless a corner of the box that may be there, unseen, lies farther out: the rest of the outline
    is the rim, half a pixel too far out.
    """
    rectangle, sides = box
    axes = np.array([rectangle.u[0], rectangle.v[0]])
    towards_low = np.where(axes >= 0, sides[[0, 2]], sides[[1, 3]])
    towards_high = np.where(axes >= 0, sides[[1, 3]], sides[[0, 2]])
    corner_sigma = np.hypot(*(axes * np.array([towards_low, towards_high])).T)
    outer = np.array([outline[:, 0].min(), outline[:, 0].max()])
    if len(outline) == 4:
        return outer, corner_sigma
    extent = float(outer[1] - outer[0])
    corners = rectangle.corners_m.astype(np.float32)  # as the hull has them
    there = np.compress((outline[:, None] == corners).all(axis=2).any(axis=0), corners[:, 0])
    corner = np.array([there.min(initial=np.inf), there.max(initial=-np.inf)])
    low, high = yield from ends_of(Asked(cloud, _LATERAL, np.full(2, extent), straight), seen_through)
    x = np.array([-low.value_m, high.value_m])
    sigma = np.array([missing_sigma(end, extent, extent, max(extent, height)) for end in (low, high)])
    outwards = np.array([-1.0, 1.0])
    doubtful, moved = (outwards * (far - x) > _ELSEWHERE * extent for far in (outer, corner))
    sigma = np.where(doubtful, np.maximum(sigma, corner_sigma), sigma)
    if not straight:  # the last pixel of a curve is rather short of its end, and the rim beyond it
        sigma = np.where(doubtful, np.maximum(sigma, _OF_CURVE * np.abs(outer - x)), sigma)
        x = np.where(doubtful, (x + outer) / 2, x)
    return np.where(moved, corner, x), np.where(moved, corner_sigma + _UNSEEN_CORNER * np.abs(corner - x), sigma)


def _farther_out(rectangle: Rectangle, sigmas: F64, sides: Sequence[End], x_m: F64) -> F64:
    """Return how far beyond both ends of a lateral interval (2,) corners are if covered sides are where they may be."""
    covered = np.array([end.state == COVERED for end in sides])
    if not covered.any():
        return np.zeros(2)
    low_u, high_u, low_v, high_v = np.where(covered, sigmas, 0.0).tolist()
    (half_u, half_v), u, v = rectangle.half_m.tolist(), float(rectangle.u[0]), float(rectangle.v[0])
    at_u, at_v = (-half_u - low_u, half_u + high_u), (-half_v - low_v, half_v + high_v)
    moved = [at_u[i] * u + at_v[j] * v for i in (0, 1) for j in (0, 1) if covered[i] or covered[2 + j]]
    center = float(rectangle.center_m[0])
    return np.maximum([x_m[0] - center - min(moved), center + max(moved) - x_m[1]], 0.0)


def _from_ends(rough: Rectangle, ends: list[End]) -> Rectangle:
    """Return the rectangle along the axes of `rough` whose sides u-, u+, v-, v+ are at `ends`."""
    low, high = np.array([-ends[0].value_m, -ends[2].value_m]), np.array([ends[1].value_m, ends[3].value_m])
    middle = (low + high) / 2
    return Rectangle(middle[0] * rough.u + middle[1] * rough.v, rough.u, (high - low) / 2)
