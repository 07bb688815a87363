"""From visible surfaces to whole objects: balls, round things and boxes, those of a scene in one go."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from spatialgen.geometry.balls import Ball, fit_balls
from spatialgen.geometry.box_wholes import box_whole
from spatialgen.geometry.boxes import Rectangle, convex_hull
from spatialgen.geometry.clouds import Cloud
from spatialgen.geometry.ends import COVERED, Asked, End, find_ends
from spatialgen.geometry.hidden import SeenThrough
from spatialgen.geometry.rounds import Circle, fit_rounds
from spatialgen.geometry.whole import VERTICAL, Estimate, Whole, as_low, ends_of, heights_of
from spatialgen.records import F32, F64

_TURN = np.linspace(0, 2 * np.pi, 48, endpoint=False)

CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)
"""The unit circle (48, 2), counter-clockwise."""

_WIDER_ABOVE = 0.1
"""Error of a radius, relative to that of a height of which the top is covered: it may be wider there, as lamps are."""

_Shape = Ball | Circle | F64
"""What a cloud shows: a ball, a circle from above, or else the hull (K, 2) of a box's footprint."""


def estimate_wholes(
    clouds: Sequence[Cloud],
    boards_m: Sequence[float],
    eye_m: F64,
    tolerance: float,
    seen_through: Sequence[SeenThrough | None],
) -> list[Whole]:
    """Return the whole objects behind clouds seen from `eye_m` (3,). `tolerance`: relative misfit allowed.

    `boards_m`: how thick, of each, a board may be that has more of the thing behind it (see `kinds`).

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
        _estimate(cloud, shapes[k], board_m, eye_m, way)
        for k, (cloud, board_m, way) in enumerate(zip(clouds, boards_m, seen_through, strict=True))
    ]
    return _side_by_side(estimates)


def _side_by_side(estimates: Sequence[Estimate[Whole]]) -> list[Whole]:
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
) -> Estimate[Whole]:
    z = cloud.points_m[2], cloud.rim.end_m[2]
    height = max(float(part.max()) for part in z) - min(float(part.min()) for part in z)
    if isinstance(shape, Ball):
        (low,) = yield Asked(cloud, VERTICAL[:1], np.array([height]))
        return _ball_whole(shape, low)
    if isinstance(shape, Circle):
        down, high = yield from ends_of(Asked(cloud, VERTICAL, np.full(2, height)), seen_through)
        return _round_whole(cloud, shape, as_low(down), high)
    return (yield from box_whole(cloud, shape, height, board_m, eye_m, seen_through))


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
        off_center=(ball.off_center, 1.3 * ball.off_center),
    )


def _round_whole(cloud: Cloud, circle: Circle, low: End, high: End) -> Whole:
    radius, center = circle.radius_m, circle.center_m
    z, z_sigma = heights_of(low, high, 2 * radius)
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
