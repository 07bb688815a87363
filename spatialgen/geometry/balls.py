"""Balls: told by their round silhouette, measured by it and by the depth of their visible cap."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spatialgen.geometry.bounds import EXACT
from spatialgen.geometry.boxes import middle
from spatialgen.geometry.clouds import Cloud
from spatialgen.geometry.rims import OPEN
from spatialgen.records import F64

_MIN_RIM, _MIN_POINTS = 24, 50
_STAIRCASE = 0.7
"""Root mean square distance of a round border from the pixels' own border, in half pixels, with room to spare."""

_ROUGHNESS = 0.24
"""One-sigma error of a rim point in half pixels, of which neighbours err alike."""

_OF_MISFIT = 0.95
"""Least one-sigma error of a radius where readings are exact, relative to how far the cap is from round."""

_BAND = 0.6
"""How much of the error that a band makes of the radius is the centre's."""

_LEAST_SPREAD = 1e-12 * np.eye(3)


@dataclass(frozen=True, slots=True, eq=False)
class Ball:
    """A sphere: centre (3,) canonical metres, radius, and its one-sigma error (pixels only); and the centre's, relative
    to that: less where the cap is not quite round, as a band goes around all of it."""

    center_m: F64
    radius_m: float
    sigma_m: float
    off_center: float = 1.0


def fit_balls(clouds: Sequence[Cloud], eye_m: F64, tolerance: float) -> list[Ball | None]:
    """Return the spheres that clouds show, seen from `eye_m` (3,), None for each that shows something else.

    The rays to a sphere's rim make a circular cone, whatever the depth's errors; its axis n solves r . n = 1 over
    the rim's unit rays r. The cone gives direction and sin(half angle) = radius / distance; the cap's depth gives
    the distance. `tolerance` bounds the misfit of cone and cap, relative to the radius, pixels aside.
    """
    found: list[Ball | None] = [None] * len(clouds)
    free = [cloud.rim.kind == OPEN for cloud in clouds]
    counts = {k: int(np.count_nonzero(own)) for k, own in enumerate(free) if clouds[k].points_m.shape[1] >= _MIN_POINTS}
    counts = {k: count for k, count in counts.items() if count >= _MIN_RIM}
    if not counts:
        return found
    parts = [slice(*span) for span in itertools.pairwise([0, *itertools.accumulate(counts.values())])]
    rays = np.concatenate([clouds[k].rim.end_m.compress(free[k], axis=1) for k in counts], axis=1) - eye_m[:, None]
    ranges = np.sqrt((rays * rays).sum(axis=0))
    half_pixels = np.concatenate([clouds[k].rim.step_length_m.compress(free[k]) for k in counts]) / ranges
    rays /= ranges
    own_rays = [rays[:, part] for part in parts]
    normals = np.array([own @ own.T for own in own_rays]) + _LEAST_SPREAD
    axes = np.linalg.solve(normals, np.array([own.sum(axis=1) for own in own_rays])[..., None])[..., 0]
    lengths = np.sqrt((axes * axes).sum(axis=1))
    axes /= lengths[:, None]
    half_angles = np.arccos(np.minimum(1 / lengths, 1.0)).tolist()
    angles = np.arccos(np.minimum(np.concatenate([axis @ own for axis, own in zip(axes, own_rays, strict=True)]), 1))
    for (k, count), part, axis, half_angle in zip(counts.items(), parts, axes, half_angles, strict=True):
        off, half_pixel = angles[part] - half_angle, middle(half_pixels[part])
        allowed = tolerance * half_angle + _STAIRCASE * half_pixel
        if half_angle >= 1e-3 and math.sqrt(off @ off / count) <= allowed:
            sigma = max(0.0012 * half_angle, half_pixel * _ROUGHNESS / math.sqrt(count))
            found[k] = _with_distance(clouds[k], eye_m, axis, math.sin(half_angle), tolerance, sigma / half_angle)
    return found


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
    off_center = 1.0
    if cloud.noise_sigma < EXACT and _OF_MISFIT * misfit > relative_sigma:
        off_center = max(relative_sigma / (_OF_MISFIT * misfit), _BAND)  # no noise, but a band or a seam
        relative_sigma = _OF_MISFIT * misfit
    return Ball(eye_m + distance * axis, sine * distance, relative_sigma * sine * distance, off_center)
