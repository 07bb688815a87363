"""Things whose footprint is a circle: mugs, lamps, bins, round tables, however little of the circle is seen."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from spatialgen.geometry.boxes import fit_circles, middle, resample_with_normals
from spatialgen.geometry.clouds import Cloud
from spatialgen.geometry.rows import counts, one_row, outermost
from spatialgen.records import F32, F64, Bool

_Floats = TypeVar("_Floats", F32, F64)

_OUTLINE_SAMPLES = 64
_LIMB = 0.85
_UPRIGHT, _SLANTED = 0.3, 0.05
"""Upward parts of the normals of sides, and of sides that are not upright any more."""

_UNFITTED, _UNFITTED_EDGE = 0.3, 3.0
"""One-sigma error of a circle that no fit improves: in pixels, and relative to that of the mask's border."""

_MISFIT = np.array([0.045, 0.07, 0.034])
"""One-sigma errors in pixels around slanted sides, whose limb lies elsewhere than that of upright ones: of the radius,
and of the centre along the line of sight and across it."""

_ALIKE = np.array([1.1, 1.1, 0.4])
"""How much more the variances of these three are than a fit of independent points says, as neighbouring pixels err
alike; across the line of sight less, where the centre is halfway between two limbs that err alike."""

_LEAST = 6e-6 * np.array([1.0, 1.0, 0.25])
"""Least errors of these three, relative to the radius: those of upright cylinders err by less on exact scenes."""

_BETWEEN_LIMBS = 0.7
"""How much of a circle's error goes across the line of sight where no fit tells."""

_TRIMS, _LEVEL, _MOST = 4, 0.003, 0.7
"""How often points inside a circle are left out; how far, of the radius, they lie inside; the share that remains."""

_ROUNDS, _SETTLED = 4, 0.01
"""How often at most a circle is fitted to the rim and readings that are outermost as seen from its centre: until it
moves by less than a share of a pixel."""

_DIAGONAL = np.diag_indices(3)
_LEAST_ARC_RAD = float(np.radians(110))


@dataclass(frozen=True, slots=True, eq=False)
class Circle:
    """A circular footprint: centre (2,) metres, radius, their one-sigma errors (pixels and guesses): of the radius,
    and relative to it of the centre `along` the line of sight and `across` it."""

    center_m: F64
    radius_m: float
    sigma_m: float
    along: float
    across: float


@dataclass(frozen=True, slots=True, eq=False)
class _Outline:
    """Points (N, 2) along the outline of a cloud from above, those on its `front` (N,), turned to the eye, its size and
    the size of a pixel, metres."""

    cloud: Cloud
    points_m: F64
    front: Bool
    size_m: float
    pixel_m: float

    def chosen(self, part: str) -> Bool:
        """Return which points (N,) belong to a part of the outline: all, the front, or what is backed by pixels."""
        if part == "backed":
            return _backed(self.points_m, self.cloud, 0.02 * self.size_m + 0.5 * self.pixel_m)
        return self.front if part == "front" else np.ones_like(self.front)


def fit_rounds(clouds: Sequence[Cloud], hulls_m: Sequence[F64], eye_m: F64, tolerance: float) -> list[Circle | None]:
    """Return the circles whose whole, or whose side towards the eye, is the outline (K, 2) of a cloud; else None.

    `tolerance`: relative misfit allowed, pixels aside.
    """
    if not clouds:
        return []
    points, normals = resample_with_normals(hulls_m, _OUTLINE_SAMPLES)
    fronts = ((eye_m[:2] - points) * normals).sum(axis=2) > 0
    corners, starts = np.concatenate(hulls_m), [0, *itertools.accumulate(len(hull) for hull in hulls_m[:-1])]
    extents = np.maximum.reduceat(corners, starts) - np.minimum.reduceat(corners, starts)
    sizes = extents.max(axis=1).tolist()
    pixels = [2 * middle(np.sqrt(_squared(cloud.rim.step_m[:2]))) for cloud in clouds]
    outlines = list(itertools.starmap(_Outline, zip(clouds, points, fronts, sizes, pixels, strict=True)))
    found: list[Circle | None] = [None] * len(clouds)
    for part in ("all", "front", "backed"):
        left = [k for k, circle in enumerate(found) if circle is None]
        if part == "backed":
            left = [k for k in left if clouds[k].rim.is_covered.any()]
        if not left:
            break
        chosen = np.array([outlines[k].chosen(part) for k in left])
        tries = [(chosen, fit_circles(points[left], chosen))]
        if part == "backed":
            tries.append(_without_inner(points[left], *tries[0]))
        for owns, fits in tries:
            for k, own, *fit in zip(left, owns, *fits, strict=True):
                if found[k] is None and _is_round(outlines[k], part, own, fit, tolerance):
                    found[k] = _refined(clouds[k], fit[0], float(fit[1]), eye_m)
    return found


def _without_inner(points_m: F64, chosen: Bool, fits: tuple[F64, F64, F64]) -> tuple[Bool, tuple[F64, F64, F64]]:
    """Return which of the `chosen` (K, N) points (K, N, 2) lie on circles, and those (as `fits`) through them alone.

    Where a cover hides a round top, a leg within it may be outermost. Such points lie inside the circle; they are left
    out, a few at a time, as long as most of all remain.
    """
    kept = chosen
    for _ in range(_TRIMS):
        centers, radii, misfits = fits
        with np.errstate(invalid="ignore"):
            inside = radii[:, None] - np.sqrt(((points_m - centers[:, None]) ** 2).sum(axis=2))
            inner = kept & (inside > np.maximum(misfits, _LEVEL * radii)[:, None])
        fewer = kept & ~inner
        enough = counts(fewer) >= _MOST * counts(chosen)
        if not (enough & inner.any(axis=1)).any():
            break
        kept = np.where(enough[:, None], fewer, kept)
        fits = fit_circles(points_m, kept)
    return kept, fits


def _is_round(outline: _Outline, part: str, chosen: Bool, fit: list[Any], tolerance: float) -> bool:
    """Return whether a circle, centre (2,), radius and misfit, is that of an outline of which it fits a part."""
    center, radius, misfit = fit
    allowed = tolerance + 0.5 * outline.pixel_m / max(outline.size_m, 1e-6)
    if part == "all":
        return bool(np.isfinite(radius) and misfit <= allowed * radius)
    if np.count_nonzero(chosen) < 12 or radius > 0.75 * outline.size_m or misfit > 0.6 * allowed * radius:
        return False
    if _farthest(outline.cloud, center) > radius * (1 + 2 * allowed):
        return False
    return _arc(outline.points_m[chosen] - center) >= _LEAST_ARC_RAD


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
    variance = (_UNFITTED * pixel + _UNFITTED_EDGE * edge) ** 2 * np.array([1.0, 1.0, _BETWEEN_LIMBS**2])
    slants = np.abs(cloud.normals[2])
    with np.errstate(invalid="ignore"):
        upright = slants < _UPRIGHT
    slants = np.nan_to_num(np.minimum(slants / _SLANTED, 1), nan=1.0)
    for _ in range(_ROUNDS):
        rim = _on_limb(cloud.rim.end_m[:2] - center[:, None], eye_m[:2] - center)
        inner = cloud.points_m[:2] - center[:, None]
        on_rim, on_points = np.sqrt(_squared(rim)), np.sqrt(_squared(inner))
        half = (rim * cloud.rim.step_m[:2]).sum(axis=0) / np.maximum(on_rim, 1e-9)
        found = outermost(one_row(cloud.rim), on_points[None], on_rim[None], half[None])
        (value,), (band,) = found.values, found.band
        below = max(0.3 * float(np.abs(half).sum()) / len(half), 2e-4)
        outer = upright & (on_points > value - below)
        chosen = np.concatenate([rim.compress(band, axis=1), inner.compress(outer, axis=1)], axis=1)
        if chosen.shape[1] < 12:
            break
        away = np.concatenate([on_rim[band], on_points[outer]])
        on_ray = cloud.noise_sigma * (away + (center - eye_m[:2]) @ chosen / np.maximum(away, 1e-9))
        spread = np.concatenate([half[band] ** 2 / 3, (below * slants[outer]) ** 2 / 3])
        spread += on_ray**2 + (_LEAST[0] * radius) ** 2
        shift, fitted, doubt = _weighted_circle(chosen, away, radius, spread)
        if not 0.8 * radius < fitted < 1.2 * radius:
            break
        sides = outer if outer.any() else on_points > _LIMB * radius
        misfit = _MISFIT * pixel * (middle(slants[sides]) ** 2 if sides.any() else 1.0)
        sight = (center - eye_m[:2]) / max(math.dist(center, eye_m[:2]), 1e-9)
        axes = np.array([[0.0, 0.0, 1.0], [*sight, 0.0], [-sight[1], sight[0], 0.0]])
        doubts = _ALIKE * ((axes @ doubt) * axes).sum(axis=1)
        moved = math.hypot(*shift.tolist(), fitted - radius)
        center, radius, variance = center + shift, fitted, doubts + misfit**2 + edge**2 + (_LEAST * fitted) ** 2
        if moved < _SETTLED * pixel:
            break
    beyond = _farthest(cloud, center) - radius - cloud.noise_sigma * float(np.hypot(*(center - eye_m[:2])))
    sigma, along, across = np.sqrt(variance).tolist()
    return Circle(center, radius, sigma + max(beyond, 0.0), along / sigma, across / sigma)


def _weighted_circle(arms: F64, away: F64, radius: float, variance: F64) -> tuple[F64, float, F64]:
    """Return by how much the centre of a circle moves (2,), its radius, and the covariance (3, 3) of these three.

    One Gauss-Newton step of the weighted least squares of distances, from the circle about the origin; `arms` (2, N)
    are `away` (N,) from it.
    """
    rows = np.ones((4, len(away)))
    rows[:2] = arms / away
    rows[3] = away - radius
    system = (rows[:3] / variance) @ rows.T
    normal = system[:, :3]
    normal[_DIAGONAL] += 1e-12 * normal[_DIAGONAL].sum()
    inverse = np.linalg.inv(normal)
    dx, dy, grown = inverse @ system[:, 3]
    return np.array([dx, dy]), radius + float(grown), np.asarray(inverse, np.float64)
