"""Things whose footprint is a circle: mugs, lamps, bins, round tables, however little of the circle is seen."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from spatialgen.geometry.boxes import fit_circle, fit_circles, middle, resample_with_normals
from spatialgen.geometry.clouds import Cloud
from spatialgen.geometry.rows import one_row, outermost
from spatialgen.records import F32, F64, Bool

_Floats = TypeVar("_Floats", F32, F64)

_OUTLINE_SAMPLES = 64
_LIMB = 0.85
_UPRIGHT, _SLANTED = 0.3, 0.05
"""Upward parts of the normals of sides, and of sides that are not upright any more."""

_UNFITTED, _MISFIT, _UNFITTED_EDGE = 0.3, 0.06, 3.0
"""One-sigma errors in pixels: of a circle that no fit improves, and of one around slanted sides, whose limb lies
elsewhere than that of upright ones; and, relative to that of the mask's border, of a circle that no fit improves."""

_LEAST = 3e-5
"""Least relative error of a radius: those of upright cylinders err by less on exact scenes."""

_ALIKE = 1.4
"""How much more the variance of a circle is than a fit of independent points says, as neighbouring pixels err alike."""
_LEAST_ARC_RAD = float(np.radians(110))


@dataclass(frozen=True, slots=True, eq=False)
class Circle:
    """A circular footprint: centre (2,) metres, radius, their one-sigma error (pixels and guesses)."""

    center_m: F64
    radius_m: float
    sigma_m: float


_Fit = tuple[F64, float, float]
"""A circle's centre (2,), its radius and the root mean square residual."""


@dataclass(frozen=True, slots=True, eq=False)
class _Outline:
    """Points (N, 2) along an outline of some size, those on its `front` (N,), and the circles through all and these."""

    points_m: F64
    size_m: float
    front: Bool
    whole_fit: _Fit
    front_fit: _Fit


def fit_rounds(clouds: Sequence[Cloud], hulls_m: Sequence[F64], eye_m: F64, tolerance: float) -> list[Circle | None]:
    """Return the circles whose whole, or whose side towards the eye, is the outline (K, 2) of a cloud; else None.

    `tolerance`: relative misfit allowed, pixels aside.
    """
    if not clouds:
        return []
    points, normals = resample_with_normals(hulls_m, _OUTLINE_SAMPLES)
    fronts = ((eye_m[:2] - points) * normals).sum(axis=2) > 0
    sizes = [float((hull.max(axis=0) - hull.min(axis=0)).max()) for hull in hulls_m]
    fits = (_fits(points, np.ones_like(fronts)), _fits(points, fronts))
    outlines = itertools.starmap(_Outline, zip(points, sizes, fronts, *fits, strict=True))
    return [_fit_round(*one, eye_m, tolerance) for one in zip(clouds, outlines, strict=True)]


def _fits(points: F64, chosen: Bool) -> list[_Fit]:
    centers, radii, misfits = fit_circles(points, chosen)
    return list(zip(centers, radii.tolist(), misfits.tolist(), strict=True))


def _fit_round(cloud: Cloud, outline: _Outline, eye_m: F64, tolerance: float) -> Circle | None:
    points, size = outline.points_m, outline.size_m
    pixel = 2 * middle(np.sqrt(_squared(cloud.rim.step_m[:2])))
    allowed = tolerance + 0.5 * pixel / max(size, 1e-6)
    center, radius, misfit = outline.whole_fit
    if math.isfinite(radius) and misfit <= allowed * radius:
        return _refined(cloud, center, radius, eye_m)
    for attempt in range(2 if cloud.rim.is_covered.any() else 1):
        chosen = outline.front if attempt == 0 else _backed(points, cloud, 0.02 * size + 0.5 * pixel)
        if np.count_nonzero(chosen) < 12:
            continue
        center, radius, misfit = outline.front_fit if attempt == 0 else fit_circle(points[chosen])
        if not radius <= 0.75 * size or misfit > 0.6 * allowed * radius:
            continue
        if _farthest(cloud, center) > radius * (1 + 2 * allowed):
            continue
        if _arc(points[chosen] - center) >= _LEAST_ARC_RAD:
            return _refined(cloud, center, radius, eye_m)
    return None


def _farthest(cloud: Cloud, center: F64) -> float:
    """Return how far from `center` (2,) the object's own pixels lie; beyond them its end is only half known."""
    own = np.concatenate([cloud.points_m[:2], cloud.rim.end_m[:2] - cloud.rim.step_m[:2]], axis=1)
    return math.sqrt(_squared(own - center[:, None]).max())


def _squared(arms: _Floats) -> _Floats:
    """Return the squared lengths (N,) of arms (2, N)."""
    x, y = arms
    squared: _Floats = x * x + y * y
    return squared


def _backed(points: F64, cloud: Cloud, reach_m: float) -> Bool:
    """Return which points (N, 2) of an outline lie on the visible surface, away from where that is covered."""
    rim, covered = cloud.rim.end_m[:2], cloud.rim.is_covered
    own = np.concatenate([rim.compress(~covered, axis=1)[:, ::2], cloud.points_m[:2, ::5]], axis=1)
    cover = rim.compress(covered, axis=1)[:, ::2]
    return _is_near(points, own, reach_m) & ~_is_near(points, cover, 1.5 * reach_m)


def _is_near(points: F64, others: F32, reach_m: float) -> Bool:
    """Return which points (N, 2) lie within reach of any of `others` (2, K)."""
    there = others.astype(np.float64)
    squared = points @ (-2 * there)
    squared += _squared(there)
    return np.asarray(squared.min(axis=1) + (points * points).sum(axis=1) < reach_m**2)


def _arc(arms: F64) -> float:
    """Return the angle around a centre that arms (N, 2) cover: all of the turn but their widest gap."""
    angles = np.sort(np.arctan2(arms[:, 1], arms[:, 0]))
    gaps = np.diff(np.concatenate([angles, angles[:1] + 2 * np.pi]))
    return float(2 * np.pi - gaps.max())


def _on_limb(arms: F64, eye: F64) -> F64:
    """Return rim points (2, M), about the centre, with those on the limb moved along their rays to touch it.

    Where a ray just grazes a round side, its depth says little but the ray itself passes the axis at one radius:
    the point of the ray that is nearest to the axis stands for the limb.
    """
    rays = arms - eye[:, None]
    share = (eye @ rays) / np.maximum(_squared(rays), 1e-12)
    foot = eye[:, None] - share * rays
    return np.where(_squared(foot) > _LIMB**2 * _squared(arms), foot, arms)


def _refined(cloud: Cloud, center: F64, radius: float, eye_m: F64) -> Circle:
    """Return the circle through the rim's half-way points and upright outermost pixels, each by how well it is known.

    A rim point is uncertain by its step's part along the radius; all by the depth's noise along their ray. What lies
    beyond the circle all the same, as a handle, makes all of it uncertain.
    """
    pixel = 2 * middle(cloud.rim.step_length_m)
    edge = cloud.edge_sigma_px * pixel
    variance = (_UNFITTED * pixel + _UNFITTED_EDGE * edge) ** 2
    slants = np.abs(cloud.normals[2])
    with np.errstate(invalid="ignore"):
        upright = slants < _UPRIGHT
    slants = np.minimum(slants / _SLANTED, 1)
    for _ in range(2):
        rim = _on_limb(cloud.rim.end_m[:2] - center[:, None], eye_m[:2] - center)
        inner = cloud.points_m[:2] - center[:, None]
        on_rim, on_points = np.sqrt(_squared(rim)), np.sqrt(_squared(inner))
        half = (rim * cloud.rim.step_m[:2]).sum(axis=0) / np.maximum(on_rim, 1e-9)
        (value,), _, (band,) = outermost(one_row(cloud.rim), on_points[None], on_rim[None], half[None])
        below = max(0.3 * float(np.abs(half).mean()), 2e-4)
        outer = upright & (on_points > value - below)
        chosen = np.concatenate([rim.compress(band, axis=1), inner.compress(outer, axis=1)], axis=1)
        if chosen.shape[1] < 12:
            break
        away = np.concatenate([on_rim[band], on_points[outer]])
        on_ray = cloud.noise_sigma * (away + (center - eye_m[:2]) @ chosen / np.maximum(away, 1e-9))
        spread = np.concatenate([half[band] ** 2 / 3, (below * slants[outer]) ** 2 / 3])
        spread += on_ray**2 + (_LEAST * radius) ** 2
        shift, found, doubt = _weighted_circle(chosen, away, radius, spread)
        if not 0.8 * radius < found < 1.2 * radius:
            break
        sides = outer if outer.any() else upright
        misfit = _MISFIT * pixel * (float(slants[sides].mean()) if sides.any() else 1.0)
        center, radius, variance = center + shift, found, doubt + misfit**2 + edge**2
    beyond = _farthest(cloud, center) - radius - cloud.noise_sigma * float(np.hypot(*(center - eye_m[:2])))
    return Circle(center, radius, float(np.sqrt(_ALIKE * variance)) + _LEAST * radius + max(beyond, 0.0))


def _weighted_circle(arms: F64, away: F64, radius: float, variance: F64) -> tuple[F64, float, float]:
    """Return by how much the centre of a circle moves (2,), its radius and that one's variance.

    One Gauss-Newton step of the weighted least squares of distances, from the circle about the origin; `arms` (2, N)
    are `away` (N,) from it.
    """
    rows = np.ones((4, len(away)))
    rows[:2] = arms / away
    rows[3] = away - radius
    system = (rows[:3] / variance) @ rows.T
    normal = system[:, :3] + 1e-12 * np.trace(system) * np.eye(3)
    inverse = np.linalg.inv(normal)
    dx, dy, grown = inverse @ system[:, 3]
    return np.array([dx, dy]), radius + float(grown), float(inverse[2, 2])
