"""From the visible surface to the whole object: its footprint, its height, and how much of either was guessed."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from spatialgen.geometry.balls import Ball, fit_balls
from spatialgen.geometry.boxes import (
    Rectangle,
    bounding_rectangle,
    convex_hull,
    middle,
    polygon_area,
    rectangle_areas,
    yaw_degrees,
)
from spatialgen.geometry.clouds import Cloud
from spatialgen.geometry.ends import COVERED, OF_ROOM, SEEN, Asked, End, find_ends, missing_sigma
from spatialgen.geometry.hidden import SeenThrough, is_grounded, rooms_beyond
from spatialgen.geometry.rounds import Circle, fit_rounds
from spatialgen.records import F32, F64, Bool

_T = TypeVar("_T")
_TURN = np.linspace(0, 2 * np.pi, 48, endpoint=False)
CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)
"""The unit circle (48, 2), counter-clockwise."""

HANDLED = frozenset({"mug", "cup", "teacup", "coffee cup", "jug", "pitcher", "kettle", "teapot", "watering can"})
"""Labels of round things that usually have a handle."""

BACKED = frozenset(
    {"armchair", "bed", "bench", "chair", "couch", "loveseat", "office chair", "rocking chair", "sofa", "toilet"}
)
"""Labels of things that may rise at one side, behind or above what one sits or lies on."""

_VERTICAL = np.array([[0.0, 0.0, -1.0], [0.0, 0.0, 1.0]])
_LATERAL = np.array([[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
_QUARTER = np.pi / 2
_HANDLE, _ASLANT, _ROUND_BEHIND, _LIMB, _HALF_SEEN = 0.15, 0.6, 0.035, 0.02, 0.3
"""How far a handle reaches out, relative to what it is on; by how much of that it may be aside of the line of sight;
error of each side where the handle is seen and half of the rest is not; and of the ends of its interval; and half of
how deep it must be seen to be for that."""
_NO_POST = 0.6
"""As deep as this share of its width, it is rather a post, all of which is seen."""

_NEXT_FEET = 0.6
"""How far behind a board other feet may be, relative to its width: the front legs of a chair are behind its back."""

_CURVED, _A_SURFACE = 0.2, 20
"""Error of sides behind a curved surface, relative to the longest; so many normals tell of a surface."""

_WIDER_ABOVE = 0.1
"""Error of a radius, relative to that of a height of which the top is covered: it may be wider there, as lamps are."""

_ELSEWHERE, _UNSEEN_CORNER, _OF_CURVE = 0.01, 0.5, 0.35
"""Relative to the extent, what parts a lateral end from a corner that may be there; error of that corner, relative to
how far it is out: half of them are there; and of the end of a curve, relative to how far the rim beyond it is."""

_AT_A_CORNER = 2
"""So many half pixels from a corner of the box the outline of what is seen may be, and have that corner."""

_A_BACK_M, _HALF_A_SEAT_M = 0.7, 0.25
"""What rises higher than that above the floor is a back, and no seat; how much of a seat may be out of sight."""

_INSET, _BACK_SEEN_THROUGH, _HIGHEST_BACK_M = 0.96, 0.3, 0.6
_RISES_M = np.array([0.1, 0.2, 0.3, 0.45])
"""Of a back that may be hidden: where it is looked for, from the middle of the footprint outwards; the share of a side
above which it is seen through; how high above the rest it may be, and the heights that are tried, metres."""

_LEDGE_M, _OF_A_THING = 0.01, 0.02
"""By how much a top, or a board at one end, may stick out beyond a face where something covers it: at most, and
relative to the longest side of the thing."""

_BEHIND_M = 0.5
"""Error of what is only seen at a corner, where something covers it: of furniture, as a rule."""

_AS_SMALL, _ALONG_FACES = 1.03, 1.04
"""How much larger than the smallest rectangle around a footprint another may be that is as good; and one along upright
faces that is better.
"""
_SAME_WAY_DEG = 2.0

_BOARD, _BOARD_M, _A_FRONT_M = 0.35, 0.15, 0.008
"""Thinner than this share of its height, and than this, what is seen may be only a board of something deeper; and what
has no thickness at all is only the front of something."""

NO_BOARDS = frozenset(
    {
        "bench", "book", "bookcase", "bookshelf", "box", "cabinet", "chest", "crate", "cupboard", "door", "drawer",
        "dresser", "fridge", "mirror", "painting", "picture", "poster", "refrigerator", "shelf", "suitcase", "wardrobe",
        "whiteboard",
    }
)  # fmt: skip
"""Labels of things that are as deep everywhere as where they are seen: none of their boards is the back of a seat, or
before a foot."""


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """An estimated whole object, canonical metres.

    `kind`: "ball", "round" (circular footprint) or "box". `rectangle` its footprint's; `outline_m` (K, 2) the convex
    outline of its footprint. `x_m`, `z_m` (2,) intervals. Sigmas of ends, pixel and guess errors only:
    `side_sigma_m` (4,) of the rectangle's sides u-, u+, v-, v+; `x_sigma_m` (2,), `z_sigma_m` (2,).
    `low_state`: whether the bottom is SEEN, COVERED or AWAY (see `ends`). `flare` (2,): by how much a round thing's
    radius grows per metre down at its bottom, up at its top; never negative. `off_center`: how much of the sides'
    errors the centre's is, along the line of sight and across it. `tie`: how far off the centre (m), the length axis
    (degrees) and the sides (m) of another rectangle are that is as small as this one.
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
    flare: tuple[float, float] = (0.0, 0.0)
    off_center: tuple[float, float] = (1.0, 1.0)
    tie: tuple[float, float, float] = (0.0, 0.0, 0.0)


_Shape = Ball | Circle | F64
"""What a cloud shows: a ball, a circle from above, or else the hull (K, 2) of a box's footprint."""

_Estimate = Generator[Asked, list[End], _T]
"""An estimate in the making: it asks where its cloud ends in some directions, and is told."""


def estimate_wholes(
    clouds: Sequence[Cloud],
    labels: Sequence[str],
    eye_m: F64,
    tolerance: float,
    seen_through: Sequence[SeenThrough | None],
) -> list[Whole]:
    """Return the whole objects behind clouds seen from `eye_m` (3,). `tolerance`: relative misfit allowed.

    Without `seen_through` only an object's place and kind hold, not its outline nor its sigmas: enough for what is
    cut by the picture's border, whose size nobody is told.
    """
    balls = fit_balls(clouds, eye_m, tolerance)
    shapes: dict[int, _Shape] = {k: ball for k, ball in enumerate(balls) if ball is not None}
    others = [k for k, ball in enumerate(balls) if ball is None]
    hulls = [convex_hull(clouds[k].surface_m[:2]) for k in others]
    circles = fit_rounds([clouds[k] for k in others], hulls, eye_m, tolerance)
    for k, hull, circle in zip(others, hulls, circles, strict=True):
        shapes[k] = hull if circle is None else circle
    estimates = [
        _estimate(cloud, shapes[k], _deepest_board_m(label), eye_m, way)
        for k, (cloud, label, way) in enumerate(zip(clouds, labels, seen_through, strict=True))
    ]
    return _side_by_side(estimates)


def _side_by_side(estimates: Sequence[_Estimate[Whole]]) -> list[Whole]:
    """Return what estimates come to, the ends that all of them ask for next found in one go."""
    wholes: dict[int, Whole] = {}
    asked = {k: next(estimate) for k, estimate in enumerate(estimates)}
    while asked:
        told, asked = dict(zip(asked, find_ends(list(asked.values())), strict=True)), {}
        for k, ends in told.items():
            try:
                asked[k] = estimates[k].send(ends)
            except StopIteration as done:
                wholes[k] = done.value
    return [wholes[k] for k in range(len(estimates))]


def _estimate(
    cloud: Cloud, shape: _Shape, board_m: float, eye_m: F64, seen_through: SeenThrough | None
) -> _Estimate[Whole]:
    z = cloud.points_m[2], cloud.rim.end_m[2]
    height = max(float(part.max()) for part in z) - min(float(part.min()) for part in z)
    if isinstance(shape, Ball):
        (low,) = yield Asked(cloud, _VERTICAL[:1], np.array([height]))
        return _ball_whole(shape, low)
    if isinstance(shape, Circle):
        down, high = yield from _ends(Asked(cloud, _VERTICAL, np.full(2, height)), seen_through)
        return _round_whole(cloud, shape, _as_low(down), high)
    return (yield from _box_whole(cloud, shape, height, board_m, eye_m, seen_through))


def with_hidden_handle(whole: Whole, label: str, beside: bool = False) -> Whole:
    """Return the whole with a less certain length where its kind has a handle and none is seen: it may be behind.

    It may also be `beside` it, where something covers the thing, or where a mask that had to be set right lost it. With
    a handle that is seen the thing is no circle from above, and where the half of it that is not seen ends, and so
    which way its smallest rectangle is turned, is rather a guess.
    """
    if label not in HANDLED or whole.kind == "ball":
        return whole
    across = 2 * float(whole.rectangle.half_m.max())
    if whole.kind == "box":
        place, turned, resized = whole.tie
        tie = (place, max(turned, 45.0), resized)
        if beside or whole.rectangle.half_m.min() < _HALF_SEEN * across:
            return replace(whole, side_sigma_m=whole.side_sigma_m + _ROUND_BEHIND * across, tie=tie)
        sides = np.minimum(whole.side_sigma_m, _ROUND_BEHIND * across)  # round, and so known behind its limb
        return replace(whole, side_sigma_m=sides, x_sigma_m=np.minimum(whole.x_sigma_m, _LIMB * across), tie=tie)
    handle = _HANDLE * across
    sides = np.full(4, handle) if beside else np.array([handle, handle, 0.0, 0.0])
    x_sigma = whole.x_sigma_m + (handle if beside else 0.0)
    center = whole.rectangle.center_m
    sight = center / max(math.hypot(*center), 1e-9)  # from the eye, which is above the origin
    return replace(
        whole,
        rectangle=replace(whole.rectangle, u=sight),
        side_sigma_m=whole.side_sigma_m + sides,
        x_sigma_m=x_sigma,
        off_center=(1.0, 1.0),
        tie=(_ASLANT * handle, *whole.tie[1:]),
    )


def as_large_as_may_be(whole: Whole, most_m: float) -> Rectangle:
    """Return the footprint's rectangle with each side moved outwards by its error, at most by `most_m`."""
    box = whole.rectangle
    low_u, high_u, low_v, high_v = np.minimum(whole.side_sigma_m, most_m).tolist()
    center = box.center_m + (high_u - low_u) / 2 * box.u + (high_v - low_v) / 2 * box.v
    return Rectangle(center, box.u, box.half_m + np.array([low_u + high_u, low_v + high_v]) / 2)


def with_hidden_back(whole: Whole, label: str, seen_through: SeenThrough) -> Whole:
    """Return the whole with a less certain top where its kind has a back, and one side is out of sight above the rest.

    A back is looked for along each side of the footprint, above the highest point that is seen.
    """
    if label not in BACKED or whole.kind == "ball" or whole.z_m[1] > _A_BACK_M:
        return whole
    box = as_large_as_may_be(whole, _HALF_A_SEAT_M)
    corners = box.center_m + _INSET * (box.corners_m - box.center_m)
    along = np.linspace(0.1, 0.9, 6)[:, None, None]
    sides = (1 - along) * corners + along * np.roll(corners, -1, axis=0)  # (6, 4, 2)
    heights = whole.z_m[1] + _RISES_M
    flat = np.broadcast_to(sides, (len(heights), *sides.shape)).reshape(-1, 2).T
    points = np.vstack([flat, heights.repeat(sides.shape[0] * 4)])
    refuted = (seen_through(points).reshape(len(heights), -1, 4).mean(axis=1) > _BACK_SEEN_THROUGH).T  # (4, heights)
    rooms = np.where(refuted.any(axis=1), _RISES_M[refuted.argmax(axis=1)], _HIGHEST_BACK_M)
    room = float(rooms.max())
    if room <= _RISES_M[0]:
        return whole
    z_sigma = whole.z_sigma_m + np.array([0.0, OF_ROOM * room])
    return replace(whole, z_sigma_m=z_sigma)


def _as_low(end: End) -> End:
    """Return an end along a direction as one along the opposite axis."""
    return replace(end, value_m=-end.value_m)


def _ends(asked: Asked, seen_through: SeenThrough | None) -> _Estimate[list[End]]:
    """Return the ends of a cloud with the room beyond those that are not seen.

    Readings next to borders that had to be set right refute nothing; what carries an object settles its bottom.
    """
    ends = yield asked
    if seen_through is None:
        return ends
    cloud, directions = asked.cloud, asked.directions
    unseen = [k for k, end in enumerate(ends) if end.state != SEEN and directions[k, 2] >= 0]
    if cloud.edge_sigma_px or not unseen:
        return ends
    rooms = rooms_beyond(cloud, [ends[k] for k in unseen], directions[unseen], asked.extents_m[unseen], seen_through)
    for k, room in zip(unseen, rooms, strict=True):
        ends[k] = replace(ends[k], room_m=room)
    return ends


def _ball_whole(ball: Ball, low: End) -> Whole:
    center, radius, sigma = ball.center_m, ball.radius_m, ball.sigma_m
    return Whole(
        kind="ball",
        rectangle=Rectangle(center[:2], np.array([1.0, 0.0]), np.array([radius, radius])),
        outline_m=center[:2] + radius * CIRCLE,
        x_m=center[0] + np.array([-radius, radius]),
        z_m=center[2] + np.array([-radius, radius]),
        side_sigma_m=np.full(4, sigma),
        x_sigma_m=np.full(2, sigma),
        z_sigma_m=np.full(2, sigma),
        low_state=low.state,
        off_center=(1.0, 1.3),
    )


def _round_whole(cloud: Cloud, circle: Circle, low: End, high: End) -> Whole:
    radius, center = circle.radius_m, circle.center_m
    z, z_sigma = _heights(low, high, 2 * radius)
    flare = _flare(cloud, center)
    sigma = math.sqrt(2) * circle.sigma_m  # twice the radius err its two sides, as if one did not know of the other
    sigma += max(flare[1], _WIDER_ABOVE) * z_sigma[1] if high.state == COVERED else 0.0
    return Whole(
        kind="round",
        rectangle=Rectangle(center, np.array([1.0, 0.0]), np.array([radius, radius])),
        outline_m=center + radius * CIRCLE,
        x_m=center[0] + np.array([-radius, radius]),
        z_m=z,
        side_sigma_m=np.full(4, sigma),
        x_sigma_m=np.full(2, sigma),
        z_sigma_m=z_sigma,
        low_state=low.state,
        flare=flare,
        off_center=(circle.along, circle.across),
    )


def _flare(cloud: Cloud, center: F64) -> tuple[float, float]:
    """Return how much the radius about `center` (2,) grows per metre, down at the bottom and up at the top."""
    away = np.hypot(cloud.rim.end_m[0] - np.float32(center[0]), cloud.rim.end_m[1] - np.float32(center[1]))
    z = cloud.rim.end_m[2]
    low, high = float(z.min()), float(z.max())
    quarter = np.minimum(4 * (z - low) / max(high - low, 1e-6), 3).astype(np.intp)
    radii = [_nearly_largest(away[quarter == k]) for k in range(4)]
    step = max((high - low) / 4, 1e-6)
    down, up = (radii[0] - radii[1]) / step, (radii[3] - radii[2]) / step
    return down if down > 0 else 0.0, up if up > 0 else 0.0  # 0 also where a quarter shows no rim


def _nearly_largest(values: F32) -> float:
    """Return the value that a tenth of `values` (N,) exceed, NaN without any."""
    return float(np.sort(values)[int(0.9 * (len(values) - 1))]) if len(values) else float("nan")


def _heights(low: End, high: End, across_m: float) -> tuple[F64, F64]:
    height = high.value_m - low.value_m
    sigmas = [missing_sigma(end, height, across_m, max(height, across_m)) for end in (low, high)]
    return np.array([low.value_m, high.value_m]), np.array(sigmas)


def _box_whole(
    cloud: Cloud, hull: F64, height: float, board_m: float, eye_m: F64, seen_through: SeenThrough | None
) -> _Estimate[Whole]:
    facing = _facing_angle(cloud)
    angle, tie = _best_angle(hull, facing)
    rough = bounding_rectangle(hull, angle)
    directions = np.zeros((6, 3))
    directions[:4, :2] = -rough.u, rough.u, -rough.v, rough.v
    directions[4:] = _VERTICAL
    extents = np.array([*(2 * rough.half_m).repeat(2), height, height])
    *sides, down, high = yield from _ends(Asked(cloud, directions, extents, facing is not None), seen_through)
    low = _as_low(down)
    if low.state != SEEN:  # whatever is lowest is not the foot
        sides = [replace(end, grounded=False) for end in sides]
    rectangle = _from_ends(rough, sides)
    z, z_sigma = _heights(low, high, 2 * float(rectangle.half_m.max()))
    only_corner = sum(_is_lost(end) for end in sides) > 1
    if only_corner:  # it may well rise, too, behind what covers it
        z_sigma[1] += _BEHIND_M
    if seen_through is None:
        corners, unknown = rectangle.corners_m, np.full(4, np.inf)
        x = np.array([corners[:, 0].min(), corners[:, 0].max()])
        return Whole("box", rectangle, corners, x, z, unknown, unknown[:2], z_sigma, low.state)
    sigmas = _side_sigmas(cloud, rectangle, sides, float(z[1] - z[0]), board_m, eye_m, seen_through)
    if facing is None and _is_curved(cloud):
        sigmas += _CURVED * 2 * float(rectangle.half_m.max()) * _face_away(rectangle, eye_m)
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
    sigmas, away = np.zeros(4), _face_away(rectangle, eye_m)
    for k, end in enumerate(ends):
        along, across = float(sizes[k // 2]), max(float(sizes[1 - k // 2]), height)
        sigmas[k] = end.sigma_m if _is_met(end) else missing_sigma(end, along, across, largest)
        if _is_met(end) and end.state == COVERED:
            sigmas[k] += min(_LEDGE_M, OF_ROOM * end.room_m, _OF_A_THING * largest)
        wide = float(sizes[1 - k // 2])
        if not away[k] or along > min(board_m, _NO_POST * wide, max(_BOARD * height, _A_FRONT_M)):
            continue
        axis = (1 if k % 2 else -1) * (rectangle.u, rectangle.v)[k // 2]
        if not is_grounded(cloud, end, np.array([*axis, 0.0]), _NEXT_FEET * wide, seen_through):
            sigmas[k] += 0.6 * wide
    return sigmas


def _deepest_board_m(label: str) -> float:
    """Return how thick the boards of things of some kind may be of which there is more behind them."""
    if label in NO_BOARDS:
        return _A_FRONT_M
    return math.inf if label in BACKED else _BOARD_M


def _is_met(end: End) -> bool:
    """Return whether a side is seen as a face, down to its foot: it ends there whatever covers the border beside it."""
    return end.is_face and end.grounded


def _is_lost(end: End) -> bool:
    """Return whether a side goes on behind what covers it for nobody knows how long."""
    return end.state == COVERED and not _is_met(end) and math.isinf(end.room_m)


def _face_away(rectangle: Rectangle, eye_m: F64) -> Bool:
    """Return which sides u-, u+, v-, v+ (4,) of a rectangle face away from the eye (3,)."""
    (ux, uy), (x, y) = rectangle.u.tolist(), (rectangle.center_m - eye_m[:2]).tolist()
    along, across, (half_u, half_v) = ux * x + uy * y, ux * y - uy * x, rectangle.half_m.tolist()
    return np.array([half_u > along, half_u > -along, half_v > across, half_v > -across])


def _is_curved(cloud: Cloud) -> bool:
    """Return whether a cloud shows much upright surface, and no top from which its depth could be seen.

    Where that surface has no direction of its own it is curved, and goes on behind its limb.
    """
    known = cloud.normals[2][np.isfinite(cloud.normals[2])]
    return len(known) >= _A_SURFACE and bool((np.abs(known) < 0.3).mean() > 0.3 and (known > 0.95).mean() < 0.1)


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
) -> _Estimate[tuple[F64, F64]]:
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
    low, high = yield from _ends(Asked(cloud, _LATERAL, np.full(2, extent), straight), seen_through)
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


def _best_angle(hull: F64, facing: float | None) -> tuple[float, tuple[float, float, float]]:
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


def _facing_angle(cloud: Cloud) -> float | None:
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
