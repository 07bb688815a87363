"""From whole objects to records: every measure with the errors of pixels, depth, gravity, floor and guesses."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from spatialgen.geometry.boxes import yaw_degrees
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

_LIMBS = 0.7
"""How much of a circle's error goes across the line of sight: its centre is halfway between its two limbs, whose errors
are alike. Measured on exact scenes: 0.1 of it at 68 %, all of it at 97 %."""

_HIDDEN_GAP = 0.35
"""Share of the difference between a gap and what it may be at least that counts as its error."""

_NEAREST = 0.45
"""How much of the errors of two outlines goes into the gap between them: the larger of two opposite sides' is taken,
though the gap ends on the near one, most often. Measured on exact scenes: 0.4 at 68 %."""

_TIE = 0.7
"""Share of the distance between two equally good answers that is the error of either."""

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
        rho = math.exp(-0.5 * (self.view.pixels_apart(a_m, b_m) / self.noise.reach_px) ** 2)
        down = self.view.height_m * float(axis[2])
        qa, qb = float(a_m @ axis) - down, float(b_m @ axis) - down
        return self.noise.sigma * math.sqrt(max(qa * qa + qb * qb - 2 * rho * qa * qb, 0.0)), rho


def object_geometry(
    standing: Standing, support_id: str | None, cloud: Cloud, errors: Errors, facing: tuple[float, float] | None = None
) -> ObjectGeometry:
    """Return the record of one object from its settled whole."""
    whole, box = standing.whole, standing.whole.rectangle
    middle = np.array([*box.center_m, whole.z_m.mean()])
    sides = whole.side_sigma_m
    axes = (np.array([*box.u, 0.0]), np.array([*box.v, 0.0]))
    depth = [
        errors.between(middle - h * axis, middle + h * axis, axis) for h, axis in zip(box.half_m, axes, strict=True)
    ]
    far = [_EXTREMES * depth[k][0] for k in (0, 1)]
    size_sigma = [float(np.sqrt(sides[2 * k] ** 2 + sides[2 * k + 1] ** 2 + far[k] ** 2)) for k in (0, 1)]
    z_sigma = _z_sigma(standing, errors)
    height_sigma = _height_sigma(standing, errors, z_sigma)
    order = (0, 1) if box.half_m[0] >= box.half_m[1] else (1, 0)
    size = np.array([2 * box.half_m[order[0]], 2 * box.half_m[order[1]], np.ptp(whole.z_m)])
    sigma = np.array([size_sigma[order[0]], size_sigma[order[1]], height_sigma])
    sigma[0] = max(sigma[0], (size[1] + 2 * sigma[1] - size[0]) / 2)  # the shorter side may be the longer one
    ends = [np.array([x, middle[1], middle[2]]) for x in whole.x_m]
    x_depth, rho = errors.between(ends[0], ends[1], np.array([1.0, 0.0, 0.0]))
    if len(whole.outline_m) == 4:  # corners of the box, wrong as its sides are
        x_depth = float(np.hypot(box.u[0] * far[0], box.v[0] * far[1]))
    return ObjectGeometry(
        center_m=middle,
        center_cov_m2=_center_covariance(whole, rho, (depth[0][0], depth[1][0]), z_sigma, errors),
        size_m=size,
        size_sigma_m=sigma,
        volume_sigma=_volume_sigma(whole.kind, sigma / np.maximum(size, 1e-6)),
        yaw_deg=yaw_degrees(box),
        yaw_sigma_deg=_TIE * whole.tie[1]
        + float(np.degrees(np.hypot(sides.max(), depth[order[1]][0]) / max(box.half_m.max(), 1e-6))),
        x_interval_m=whole.x_m,
        width_sigma_m=float(np.sqrt((whole.x_sigma_m**2).sum() + (_OUTERMOST * x_depth) ** 2)),
        z_interval_m=whole.z_m,
        z_sigma_m=z_sigma,
        support_id=support_id,
        points_m=_summary(cloud),
        facing_deg=None if facing is None else facing[0],
        facing_sigma_deg=0.0 if facing is None else facing[1],
    )


def _volume_sigma(kind: str, relative: F64) -> float:
    """Return the relative error of the volume; the sides of a circle, all three of a ball, err together."""
    if kind == "ball":
        return float(relative.sum())
    sides = float(relative[0] + relative[1]) if kind == "round" else float(np.hypot(relative[0], relative[1]))
    return float(np.hypot(sides, relative[2]))


def _z_sigma(standing: Standing, errors: Errors) -> F64:
    whole = standing.whole
    above = whole.z_m - errors.view.height_m
    depth = errors.noise.sigma * np.abs(above)
    if standing.support == FLOOR:
        depth[0] = 0.0
    tilt = np.radians(errors.gravity_sigma_deg) * float(np.hypot(*whole.rectangle.center_m))
    return np.asarray(np.sqrt(whole.z_sigma_m**2 + depth**2 + errors.floor_sigma_m**2 + tilt**2))


def _height_sigma(standing: Standing, errors: Errors, z_sigma: F64) -> float:
    """Return the error of top minus bottom; where both are read from depth their errors go together."""
    whole = standing.whole
    if standing.support == FLOOR:
        return float(np.hypot(z_sigma[1], whole.z_sigma_m[0]))
    middle = whole.rectangle.center_m
    ends = [np.array([*middle, z]) for z in whole.z_m]
    depth, _ = errors.between(ends[0], ends[1], np.array([0.0, 0.0, 1.0]))
    return float(np.sqrt((whole.z_sigma_m**2).sum() + depth**2))


def _center_covariance(whole: Whole, rho: float, depth_sigma: tuple[float, float], z_sigma: F64, errors: Errors) -> F64:
    box, sides = whole.rectangle, whole.side_sigma_m
    middle = np.array([*box.center_m, whole.z_m.mean()])
    u, v = np.array([*box.u, 0.0]), np.array([*box.v, 0.0])
    ray = middle - errors.eye_m
    sight = ray / max(float(np.linalg.norm(ray)), 1e-9)
    flat = np.array([ray[0], ray[1], 0.0])
    level = flat / max(float(np.linalg.norm(flat)), 1e-9)
    cov, aside = np.zeros((3, 3)), _LIMBS if whole.kind == "round" else 1.0
    for axis, low, high in ((u, sides[0], sides[1]), (v, sides[2], sides[3])):
        along = (axis @ level) * level
        moved = along + aside * (axis - along)
        cov += np.outer(moved, moved) * (low**2 + high**2) / 4
    for axis, sigma in zip((u, v), depth_sigma, strict=True):  # opposite ends err apart, mostly along the line of sight
        along = (axis @ sight) * sight
        moved = along + _ASIDE * (axis - along)
        cov += np.outer(moved, moved) * sigma**2 / 4
    cov += errors.noise.sigma**2 * (1 + rho) / 2 * np.outer(flat, flat)
    tilt = np.radians(errors.gravity_sigma_deg) ** 2
    cov += tilt * np.diag([ray[2] ** 2, ray[2] ** 2, 0.0])
    cov += (_TIE * whole.tie[0]) ** 2 * np.diag([1.0, 1.0, 0.0])
    cov[2, 2] += (z_sigma**2).sum() / 4
    return np.asarray(cov)


def _summary(cloud: Cloud) -> F32:
    points = cloud.points_m
    index = np.linspace(0, points.shape[1] - 1, min(SUMMARY_POINTS, points.shape[1])).astype(np.intp)
    return np.ascontiguousarray(points[:, index].T)


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
    guess = _NEAREST * math.hypot(_side_sigma(whole_a, axis), _side_sigma(whole_b, axis))
    guess = min(guess, gap.value_m) + _HIDDEN_GAP * (gap.value_m - gap.least_m)
    inside_ab, inside_ba = shares_inside(whole_a, whole_b)
    slack = 0.03 + errors.noise.sigma * errors.view.height_m
    rest_ab = rest_ba = float("nan")
    if inside_ab > 0:
        rest_ab = float(whole_a.z_m[0]) - surface_under(whole_a, surfaces[1], whole_b, slack)
        rest_ba = float(whole_b.z_m[0]) - surface_under(whole_b, surfaces[0], whole_a, slack)
    if rests:
        rest_ab, rest_ba = (0.0, rest_ba) if standings[0].support == b else (rest_ab, 0.0)
    rest_sigma = float(np.sqrt(0.004**2 + depth**2 + whole_a.z_sigma_m[0] ** 2 + whole_b.z_sigma_m[0] ** 2))
    return PairGeometry(
        a,
        b,
        0.0 if rests else gap.value_m,
        0.003 if rests else float(np.sqrt((0.11 * pixel) ** 2 + depth**2 + guess**2)),
        inside_ab,
        inside_ba,
        rest_ab,
        rest_ba,
        rest_sigma,
    )


def _pixel_m(point_m: F64, errors: Errors) -> float:
    return math.dist(point_m, errors.eye_m) / errors.view.camera.fx


def _side_sigma(whole: Whole, axis: F64) -> float:
    """Return the error of a footprint's outline in the direction `axis` (3,)."""
    (ux, uy), (x, y, _) = whole.rectangle.u.tolist(), axis.tolist()
    low_u, high_u, low_v, high_v = whole.side_sigma_m.tolist()
    return math.hypot((ux * x + uy * y) * max(low_u, high_u), (ux * y - uy * x) * max(low_v, high_v))
