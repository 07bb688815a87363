"""The whole object behind a visible surface: its record, and what all ways of estimating one share."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from spatialgen.geometry.boxes import Rectangle
from spatialgen.geometry.ends import SEEN, Asked, End, missing_sigma
from spatialgen.geometry.hidden import SeenThrough, rooms_beyond
from spatialgen.records import F64

_T = TypeVar("_T")

Estimate = Generator[Asked, list[End], _T]
"""An estimate in the making: it asks where its cloud ends in some directions, and is told."""

VERTICAL = np.array([[0.0, 0.0, -1.0], [0.0, 0.0, 1.0]])

A_FRONT_M = 0.008
"""What is no thicker shows only the front of something."""


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """An estimated whole object, canonical metres.

    `kind`: "ball", "round" (circular footprint) or "box". `rectangle` its footprint's; `outline_m` (K, 2) the convex
    outline of its footprint. `x_m`, `z_m` (2,) intervals. Sigmas of ends, pixel and guess errors only:
    `side_sigma_m` (4,) of the rectangle's sides u-, u+, v-, v+; `x_sigma_m` (2,), `z_sigma_m` (2,).
    `low_state`: whether the bottom is SEEN, COVERED or AWAY (see `ends`). `flare` (2,): by how much a round thing's
    radius grows per metre down at its bottom, up at its top; never negative. `off_center`: how much of the sides'
    errors the centre's is, along the line of sight and across it. `tie`: how far off the centre (m), the length axis
    (degrees) and the sides (m) of another rectangle are that is as small as this one. `handle_sigma_m` (4,): how much
    of the sides' errors is that of a handle which may be out of sight.
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
    off_center: tuple[float, float] = (1.0, 0.82)
    tie: tuple[float, float, float] = (0.0, 0.0, 0.0)
    handle_sigma_m: F64 = field(default_factory=lambda: np.zeros(4))


def as_large_as_may_be(whole: Whole, most_m: float) -> Rectangle:
    """Return the footprint's rectangle with each side moved outwards by its error, at most by `most_m`."""
    box = whole.rectangle
    low_u, high_u, low_v, high_v = np.minimum(whole.side_sigma_m, most_m).tolist()
    center = box.center_m + (high_u - low_u) / 2 * box.u + (high_v - low_v) / 2 * box.v
    return Rectangle(center, box.u, box.half_m + np.array([low_u + high_u, low_v + high_v]) / 2)


def as_low(end: End) -> End:
    """Return an end along a direction as one along the opposite axis."""
    return replace(end, value_m=-end.value_m)


def ends_of(asked: Asked, seen_through: SeenThrough | None) -> Estimate[list[End]]:
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


def heights_of(low: End, high: End, across_m: float) -> tuple[F64, F64]:
    """Return bottom and top (2,), and their sigmas (2,) with what may be missing, of a thing `across_m` wide."""
    height = high.value_m - low.value_m
    sigmas = [missing_sigma(end, height, across_m, max(height, across_m)) for end in (low, high)]
    return np.array([low.value_m, high.value_m]), np.array(sigmas)
