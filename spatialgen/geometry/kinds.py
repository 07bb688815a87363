"""What the kind of a thing tells of parts that nobody sees: handles, backs, and boards with more behind them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from spatialgen.geometry.boxes import Rectangle, face_away
from spatialgen.geometry.ends import OF_ROOM
from spatialgen.geometry.hidden import SeenThrough
from spatialgen.geometry.whole import A_FRONT_M, Whole, as_large_as_may_be
from spatialgen.records import F64

HANDLED = frozenset({"mug", "cup", "teacup", "coffee cup", "jug", "pitcher", "kettle", "teapot", "watering can"})
"""Labels of round things that usually have a handle."""

BACKED = frozenset(
    {
        "armchair", "bed", "bench", "chair", "couch", "handbag", "laptop", "loveseat", "office chair", "rocking chair",
        "sofa", "suitcase", "toilet",
    }
)  # fmt: skip
"""Labels of things that may rise at one side, behind or above what one sits or lies on, types on or carries."""

FRONTED = frozenset(
    {
        "cabinet", "chest", "chest of drawers", "cupboard", "dishwasher", "drawer", "dresser", "filing cabinet",
        "fridge", "microwave", "nightstand", "oven", "refrigerator", "sideboard", "stove", "wardrobe",
        "washing machine",
    }
)  # fmt: skip
"""Labels of things with doors, drawers, knobs or handles that may stand out of one side."""

NO_BOARDS = frozenset(
    {
        "bench", "book", "bookcase", "bookshelf", "box", "cabinet", "chest", "crate", "cupboard", "door", "drawer",
        "dresser", "fridge", "mirror", "painting", "picture", "poster", "refrigerator", "shelf", "suitcase", "wardrobe",
        "whiteboard",
    }
)  # fmt: skip
"""Labels of things that are as deep everywhere as where they are seen: none of their boards is the back of a seat, or
before a foot."""

_HANDLE, _ASLANT, _ROUND_BEHIND, _LIMB, _HALF_SEEN = 0.15, 0.6, 0.035, 0.02, 0.3
"""How far a handle reaches out, relative to what it is on; by how much of that it may be aside of the line of sight;
error of each side where the handle is seen and half of the rest is not; and of the ends of its interval; and half of
how deep it must be seen to be for that."""

_STANDS_OUT_M = 0.011
"""Error of a side that faces away and may have doors or handles: they stand out by twice that, as a rule."""

_ALONG_SIGHT, _TURNED = 1.35, (3.0, 1.5)
"""How much more than other sides a handle behind a thing moves its centre; and one beside it, whose rectangle is turned
some other way than it seems: along the line of sight, and across it."""

_A_BACK_M, _HALF_A_SEAT_M = 0.7, 0.25
"""What rises higher than that above the floor is a back, and no seat; how much of a seat may be out of sight."""

_INSET, _BACK_SEEN_THROUGH, _HIGHEST_BACK_M = 0.96, 0.3, 0.6

_RISES_M = np.array([0.1, 0.2, 0.3, 0.45])
"""Of a back that may be hidden: where it is looked for, from the middle of the footprint outwards; the share of a side
above which it is seen through; how high above the rest it may be, and the heights that are tried, metres."""

_BOARD_M = 0.15
"""Thicker than this is hardly the back of anything, but of what one sits or lies on."""


def deepest_board_m(label: str) -> float:
    """Return how thick the boards of things of some kind may be of which there is more behind them."""
    if label in NO_BOARDS:
        return A_FRONT_M
    return math.inf if label in BACKED else _BOARD_M


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
            sides = whole.side_sigma_m + _ROUND_BEHIND * across
            return replace(whole, side_sigma_m=sides, off_center=_TURNED, tie=tie)
        sides = np.minimum(whole.side_sigma_m, _ROUND_BEHIND * across)  # round, and so known behind its limb
        x_sigma = np.minimum(whole.x_sigma_m, _LIMB * across)
        return replace(whole, side_sigma_m=sides, x_sigma_m=x_sigma, off_center=_TURNED, tie=tie)
    handle = _HANDLE * across
    sides = np.full(4, handle) if beside else np.array([handle, handle, 0.0, 0.0])
    x_sigma = whole.x_sigma_m + (handle if beside else 0.0)
    center = whole.rectangle.center_m
    sight = center / max(math.hypot(*center), 1e-9)  # from the eye, which is above the origin
    return replace(
        whole,
        rectangle=replace(whole.rectangle, u=sight),
        side_sigma_m=whole.side_sigma_m + sides,
        handle_sigma_m=sides,
        x_sigma_m=x_sigma,
        off_center=(_ALONG_SIGHT, 1.0),
        tie=(_ASLANT * handle, *whole.tie[1:]),
    )


def with_hidden_front(whole: Whole, label: str, eye_m: F64) -> Whole:
    """Return the whole with less certain far sides, as seen from the eye (3,), where its kind has a front with doors or
    handles: it may have turned its back."""
    if label not in FRONTED or whole.kind != "box":
        return whole
    box = whole.rectangle
    sides = _STANDS_OUT_M * face_away(box, eye_m)
    low_u, high_u, low_v, high_v = sides.tolist()
    (u, _), (v, _) = box.u.tolist(), box.v.tolist()
    to_the_right = max(u * high_u, -u * low_u) + max(v * high_v, -v * low_v)
    to_the_left = max(u * low_u, -u * high_u) + max(v * low_v, -v * high_v)
    x_sigma = whole.x_sigma_m + np.array([to_the_left, to_the_right])
    return replace(whole, side_sigma_m=whole.side_sigma_m + sides, x_sigma_m=x_sigma)


def with_hidden_back(whole: Whole, label: str, seen_through: SeenThrough) -> Whole:
    """Return the whole with a less certain top where its kind has a back, and one side is out of sight above the rest.

    A back is looked for along each side of the footprint, as it seems to be and as large as it may be, above the
    highest point that is seen.
    """
    if label not in BACKED or whole.kind == "ball" or whole.z_m[1] > _A_BACK_M:
        return whole
    boxes = whole.rectangle, as_large_as_may_be(whole, _HALF_A_SEAT_M)
    room = max(_room_for_a_back(box, float(whole.z_m[1]), seen_through) for box in boxes)
    if room <= _RISES_M[0]:
        return whole
    z_sigma = whole.z_sigma_m + np.array([0.0, OF_ROOM * room])
    return replace(whole, z_sigma_m=z_sigma)


def _room_for_a_back(box: Rectangle, top_m: float, seen_through: SeenThrough) -> float:
    """Return how high above `top_m` a back may rise, out of sight, along some side of a footprint, metres."""
    corners = box.center_m + _INSET * (box.corners_m - box.center_m)
    along = np.linspace(0.1, 0.9, 6)[:, None, None]
    sides = (1 - along) * corners + along * np.roll(corners, -1, axis=0)  # (6, 4, 2)
    heights = top_m + _RISES_M
    flat = np.broadcast_to(sides, (len(heights), *sides.shape)).reshape(-1, 2).T
    points = np.vstack([flat, heights.repeat(sides.shape[0] * 4)])
    refuted = (seen_through(points).reshape(len(heights), -1, 4).mean(axis=1) > _BACK_SEEN_THROUGH).T  # (4, heights)
    rooms = np.where(refuted.any(axis=1), _RISES_M[refuted.argmax(axis=1)], _HIGHEST_BACK_M)
    return float(rooms.max())
