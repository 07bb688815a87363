"""From whole objects to records: every measure with the errors of pixels, depth, gravity, floor and guesses."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from spatialgen.geometry.boxes import Rectangle, yaw_degrees
from spatialgen.geometry.clouds import Cloud
from spatialgen.geometry.frames import View
from spatialgen.geometry.gaps import shares_inside, surface_gap, surface_under
from spatialgen.geometry.noise import DepthNoise
from spatialgen.geometry.surfaces import Surface
from spatialgen.geometry.whole import Whole
from spatialgen.records import F32, F64, ObjectGeometry, PairGeometry
from spatialgen.scene.supports import FLOOR, Standing

SUMMARY_POINTS = 64
_EXTREMES, _OUTERMOST, _ASIDE = 1.7, 1.3, 0.4
"""How much more the ends of a size, and those of a width, err than two readings do: they are the extremes of many, and
turn the box as well; and how much of that goes across the line of sight."""

_HIDDEN_GAP = 0.36
"""Share of the difference between a gap and what it may be at least that counts as its error."""

_NEAREST = 0.28
"""How much of the errors of the two facing outlines goes into the gap between them: it ends on either where it is seen,
as a rule. Measured on four sets of exact rooms: 73 to 80 % of errors are smaller, 95 to 97 % than three times."""
_OF_PIXELS = 0.055
"""Error of either of the closest points, of how large a pixel is there."""

_OF_ENDS, _OF_LEVELS = 0.62, 0.86
"""How much of what two opposite ends err goes into their middle, relative to independent errors: both are rather too
far out, or both too far in: of sides, and of top and bottom. Measured on scenes with truth, exact and spoiled."""

_OF_SIZES, _OF_BOXES, _OF_WIDTHS, _OF_VOLUMES = 0.87, 0.8, 0.89, 0.89
"""The same for what is between two opposite ends: heights; sides of boxes; widths; and what sides and height make."""

_TIE = 0.7
"""Share of the distance between two equally good answers that is the error of either."""

_GUESSED = 0.1
"""A width with a larger error, relative to the length, is a guess: what is seen may be the end of something long."""

_NETWORK_SIGMA = 0.05
"""Relative errors of depth larger than this are a network's: it smears edges, so that neighbours seem to touch."""
_ACROSS_EDGES = 0.5
"""How much alike, at most, a network's errors are on two things, however near each other in the picture."""
_SEEMS_TO_TOUCH_M = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """What all measures of a scene share: the view, the depth's noise, the errors of gravity and of the floor."""

    view: View
    noise: DepthNoise
    gravity_sigma_deg: float
    floor_sigma_m: float

    @property
    def eye_m(self) -> F64:
        """The camera centre (3,)."""
        return np.array([0.0, 0.0, self.view.height_m])

    def between(self, a_m: F64, b_m: F64, axis: F64) -> tuple[float, float]:
        """Return the one-sigma depth error of (b - a) . axis, and the correlation of the two readings."""
        rays = np.array([a_m, b_m]) - self.eye_m
        rho = math.exp(-0.5 * (self.view.pixels_apart(rays) / self.noise.reach_px) ** 2)
        qa, qb = (rays @ axis).tolist()
        return self.noise.sigma * math.sqrt(max(qa * qa + qb * qb - 2 * rho * qa * qb, 0.0)), rho


def object_geometry(
    standing: Standing, support_id: str | None, cloud: Cloud, errors: Errors, facing: tuple[float, float] | None = None
) -> ObjectGeometry:
    """Return the record of one object from its settled whole."""
    whole, box = standing.whole, standing.whole.rectangle
    middle, axes = _middle(whole), _axes(box)
    half, sides = box.half_m.tolist(), whole.side_sigma_m.tolist()
    depth = [errors.between(middle - h * axis, middle + h * axis, axis)[0] for h, axis in zip(half, axes, strict=True)]
    far = [math.hypot(_EXTREMES * sigma, _TIE * whole.tie[2]) for sigma in depth]
    of_sides = _OF_BOXES if whole.kind == "box" else _OF_SIZES
    size_sigma = [math.hypot(of_sides * sides[2 * k], of_sides * sides[2 * k + 1], far[k]) for k in (0, 1)]
    z_sigma = _z_sigma(standing, errors)
    order = (0, 1) if half[0] >= half[1] else (1, 0)
    size = [2 * half[order[0]], 2 * half[order[1]], float(whole.z_m[1] - whole.z_m[0])]
    sigma = [size_sigma[order[0]], size_sigma[order[1]], _height_sigma(standing, errors, z_sigma)]
    most = size[1] + (2 if sigma[1] < _GUESSED * size[0] else 3) * sigma[1]
    sigma[0] = max(sigma[0], (most - size[0]) / 2)  # the shorter side may be the longer one
    ends = [np.array([x, middle[1], middle[2]]) for x in whole.x_m]
    x_depth, rho = errors.between(ends[0], ends[1], np.array([1.0, 0.0, 0.0]))
    if len(whole.outline_m) == 4:  # corners of the box, wrong as its sides are
        x_depth = math.hypot(box.u[0] * far[0], box.v[0] * far[1])
    turned = math.hypot(max(sides), depth[order[1]]) / max(*half, 1e-6)
    return ObjectGeometry(
        center_m=middle,
        center_cov_m2=_center_covariance(whole, rho, depth, z_sigma, errors),
        size_m=np.array(size),
        size_sigma_m=np.array(sigma),
        volume_sigma=_volume_sigma(whole.kind, [s / max(m, 1e-6) for s, m in zip(sigma, size, strict=True)]),
        yaw_deg=yaw_degrees(box),
        yaw_sigma_deg=_TIE * whole.tie[1] + math.degrees(turned),
        x_interval_m=whole.x_m,
        width_sigma_m=math.hypot(_OF_WIDTHS * math.hypot(*whole.x_sigma_m.tolist()), _OUTERMOST * x_depth),
        z_interval_m=whole.z_m,
        z_sigma_m=z_sigma,
        support_id=support_id,
        points_m=_summary(cloud),
        facing_deg=None if facing is None else facing[0],
        facing_sigma_deg=0.0 if facing is None else facing[1],
    )


def _middle(whole: Whole) -> F64:
    """Return the middle (3,) of a whole's box."""
    return np.array([*whole.rectangle.center_m.tolist(), whole.z_m.sum() / 2])


def _axes(box: Rectangle) -> F64:
    """Return the axes u and v of a footprint (2, 3)."""
    x, y = box.u.tolist()
    return np.array([(x, y, 0.0), (-y, x, 0.0)])


def _volume_sigma(kind: str, relative: list[float]) -> float:
    """Return the relative error of the volume from those of the sizes; the sides of a circle, all three of a ball, err
    together."""
    if kind == "ball":
        return _OF_VOLUMES * sum(relative)
    length, width, height = relative
    both = length + width if kind == "round" else math.hypot(length, width)
    return _OF_VOLUMES * math.hypot(both, height)


def _z_sigma(standing: Standing, errors: Errors) -> F64:
    whole = standing.whole
    above = whole.z_m - errors.view.height_m
    depth = errors.noise.of_levels * np.abs(above)
    if standing.support == FLOOR:
        depth[0] = 0.0
    tilt = math.radians(errors.gravity_sigma_deg) * math.hypot(*whole.rectangle.center_m.tolist())
    return np.asarray(np.sqrt(whole.z_sigma_m**2 + depth**2 + errors.floor_sigma_m**2 + tilt**2))


def _height_sigma(standing: Standing, errors: Errors, z_sigma: F64) -> float:
    """Return the error of top minus bottom; where both are read from depth their errors go together."""
    whole = standing.whole
    if standing.support == FLOOR:
        return _OF_SIZES * math.hypot(z_sigma[1], whole.z_sigma_m[0])
    x, y = whole.rectangle.center_m.tolist()
    low, high = (np.array([x, y, z]) for z in whole.z_m)
    depth, _ = errors.between(low, high, np.array([0.0, 0.0, 1.0]))
    return math.hypot(
        _OF_SIZES * math.hypot(*whole.z_sigma_m.tolist()), depth * errors.noise.of_levels / errors.noise.sigma
    )


def _center_covariance(whole: Whole, rho: float, depth_sigma: list[float], z_sigma: F64, errors: Errors) -> F64:
    """Return the covariance of a centre (3, 3): the sum of errors along some directions."""
    axes, ray = _axes(whole.rectangle), _middle(whole) - errors.eye_m
    x, y, z = ray.tolist()
    sight, level = ray / max(math.hypot(x, y, z), 1e-9), np.array([x, y, 0.0]) / max(math.hypot(x, y), 1e-9)
    low_u, high_u, low_v, high_v = whole.side_sigma_m.tolist()
    sides = _OF_ENDS / 2 * np.array([[math.hypot(low_u, high_u)], [math.hypot(low_v, high_v)]])
    both = errors.noise.sigma * math.sqrt((1 + rho) / 2)
    arms = np.empty((5, 3))
    arms[:2] = sides * _mostly_along(axes, level, *whole.off_center)
    arms[2:4] = np.array(depth_sigma)[:, None] / 2 * _mostly_along(axes, sight, 1.0, _ASIDE)  # opposite ends err apart
    arms[4] = both * x, both * y, 0.0
    cov = arms.T @ arms
    across = (math.radians(errors.gravity_sigma_deg) * z) ** 2 + (_TIE * whole.tie[0]) ** 2
    cov[0, 0] += across
    cov[1, 1] += across
    cov[2, 2] += (_OF_LEVELS / 2) ** 2 * (z_sigma**2).sum()
    return np.asarray(cov)


def _mostly_along(axes: F64, way: F64, share: float, aside: float) -> F64:
    """Return axes (2, 3), of what goes along a `way` (3,) only that share, and of the rest what goes aside."""
    along = (axes @ way)[:, None] * way
    return np.asarray(share * along + aside * (axes - along))


def _summary(cloud: Cloud) -> F32:
    points = cloud.points_m
    index = np.linspace(0, points.shape[1] - 1, min(SUMMARY_POINTS, points.shape[1])).astype(np.intp)
    return np.ascontiguousarray(points.take(index, axis=1).T)


def pair_geometry(
    a: int, b: int, standings: tuple[Standing, Standing], surfaces: tuple[Surface, Surface], errors: Errors
) -> PairGeometry:
    """Return what objects `a` and `b` (indices) have between them."""
    whole_a, whole_b = standings[0].whole, standings[1].whole
    gap = surface_gap(*surfaces)
    rests = b in (standings[0].support,) or a in (standings[1].support,)
    near_a, near_b = np.array(gap.a_m), np.array(gap.b_m)
    apart = near_b - near_a
    if math.hypot(*apart) < _SEEMS_TO_TOUCH_M:  # what is left is how far one is really behind the other
        apart = near_a - errors.eye_m
    axis = apart / max(math.hypot(*apart), 1e-9)
    depth, _ = errors.between(near_a, near_b, axis)
    pixel = _pixel_m(near_a, errors) + _pixel_m(near_b, errors)
    inside_ab, inside_ba = shares_inside(whole_a, whole_b)
    guess = _NEAREST * math.hypot(_side_sigma(whole_a, axis), _side_sigma(whole_b, -axis))
    if inside_ab > 0:  # either may reach down to the other
        guess = math.hypot(guess, whole_a.z_sigma_m[0], whole_b.z_sigma_m[0])
    guess = min(guess, gap.value_m) + _HIDDEN_GAP * (gap.value_m - gap.least_m)
    slack = 0.03 + errors.noise.sigma * errors.view.height_m
    rest_ab = rest_ba = float("nan")
    if inside_ab > 0:
        rest_ab = float(whole_a.z_m[0]) - surface_under(whole_a, surfaces[1], whole_b, slack)
        rest_ba = float(whole_b.z_m[0]) - surface_under(whole_b, surfaces[0], whole_a, slack)
    if rests:
        rest_ab, rest_ba = (0.0, rest_ba) if standings[0].support == b else (rest_ab, 0.0)
    rest_sigma = math.hypot(0.004, depth, whole_a.z_sigma_m[0], whole_b.z_sigma_m[0])
    return PairGeometry(
        a,
        b,
        0.0 if rests else gap.value_m,
        0.003 if rests else math.hypot(_OF_PIXELS * pixel, depth, guess),
        inside_ab,
        inside_ba,
        rest_ab,
        rest_ba,
        rest_sigma,
    )


def _pixel_m(point_m: F64, errors: Errors) -> float:
    return math.dist(point_m, errors.eye_m) / errors.view.camera.fx


def _side_sigma(whole: Whole, axis: F64) -> float:
    """Return the error of a footprint's outline where it faces the direction `axis` (3,), without hidden handles: they
    are among what is possible."""
    (ux, uy), (x, y, _) = whole.rectangle.u.tolist(), axis.tolist()
    low_u, high_u, low_v, high_v = (whole.side_sigma_m - whole.handle_sigma_m).tolist()
    along, across = ux * x + uy * y, ux * y - uy * x
    return math.hypot(along * (high_u if along > 0 else low_u), across * (high_v if across > 0 else low_v))
