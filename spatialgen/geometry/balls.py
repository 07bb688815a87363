"""Balls: told by their round silhouette, measured by it and by the depth of their visible cap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spatialgen.geometry.boxes import middle
from spatialgen.geometry.clouds import Cloud
from spatialgen.geometry.rims import OPEN
from spatialgen.records import F64

_MIN_RIM = 24
_STAIRCASE = 0.7
"""Root mean square distance of a round border from the pixels' own border, in half pixels, with room to spare."""

_ROUGHNESS = 0.5
"""One-sigma error of a rim point in half pixels, of which neighbours err alike."""
_LEAST_SPREAD = 1e-12 * np.eye(3)


@dataclass(frozen=True, slots=True, eq=False)
class Ball:
    """A sphere: centre (3,) canonical metres, radius, and its one-sigma error (pixels only)."""

    center_m: F64
    radius_m: float
    sigma_m: float


def fit_ball(cloud: Cloud, eye_m: F64, tolerance: float) -> Ball | None:
    """Return the sphere that a cloud shows, seen from `eye_m` (3,), or None where it shows something else.

    The rays to a sphere's rim make a circular cone, whatever the depth's errors; its axis n solves r . n = 1 over
    the rim's unit rays r. The cone gives direction and sin(half angle) = radius / distance; the cap's depth gives
    the distance. `tolerance` bounds the misfit of cone and cap, relative to the radius, pixels aside.
    """
    free = cloud.rim.kind == OPEN
    if np.count_nonzero(free) < _MIN_RIM or cloud.points_m.shape[1] < 50:
        return None
    rays = np.compress(free, cloud.rim.end_m, axis=1) - eye_m[:, None]
    ranges = np.sqrt((rays * rays).sum(axis=0))
    half_pixel = float(middle(np.compress(free, cloud.rim.step_length_m) / ranges))
    rays /= ranges
    axis = np.linalg.solve(rays @ rays.T + _LEAST_SPREAD, rays.sum(axis=1))
    length = float(np.sqrt(axis @ axis))
    axis /= length
    half_angle = float(np.arccos(min(1 / length, 1.0)))
    off = np.arccos(np.minimum(axis @ rays, 1)) - half_angle
    allowed = tolerance * half_angle + _STAIRCASE * half_pixel
    if half_angle < 1e-3 or np.sqrt((off @ off) / len(off)) > allowed:
        return None
    sigma = max(0.0015 * half_angle, half_pixel * _ROUGHNESS / np.sqrt(free.sum()))
    return _with_distance(cloud, eye_m, axis, float(np.sin(half_angle)), tolerance, sigma / half_angle)


def _with_distance(
    cloud: Cloud, eye_m: F64, axis: F64, sine: float, tolerance: float, relative_sigma: float
) -> Ball | None:
    """Return the ball whose cone is known, at the distance that its cap's depth says, if the cap is a cap."""
    points = cloud.points_m - eye_m[:, None]
    ranges = np.sqrt((points * points).sum(axis=0))
    cosines = (axis @ points) / ranges
    root = sine**2 - (1 - cosines**2)
    inner = root > (0.3 * sine) ** 2
    if inner.sum() < 30:
        return None
    unit_range = cosines[inner] - np.sqrt(root[inner])
    distances = ranges[inner] / unit_range
    distance = middle(distances)
    off = distances - distance
    misfit = float(np.sqrt((off @ off) / len(off))) / (sine * distance)
    if misfit > tolerance:
        return None
    return Ball(eye_m + distance * axis, sine * distance, relative_sigma * sine * distance)
