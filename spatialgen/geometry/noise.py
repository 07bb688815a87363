"""How noisy the depth map is, measured in the scene itself: the waviness of floor and walls that ought to be flat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spatialgen.geometry.boxes import middle
from spatialgen.geometry.grid import Grid
from spatialgen.records import F32

MIN_SAMPLES = 60
LEAST_SIGMA = 6e-8
"""What float32 readings of an exact map show on flat floors: 5e-8 to 7e-8, their rounding."""

_OF_ROUNDING = 0.5

_FOREIGN = 12.0
"""Readings so many times farther off the plane than half of all are no noise, but the feet of what stands on it."""

SENSOR_NOISE = 0.05
"""Relative error of depth above which it comes from a network, which smears edges: what seems to touch may be apart."""


@dataclass(frozen=True, slots=True)
class DepthNoise:
    """Relative one-sigma error of single readings, and the distance (pixels) over which errors go together.

    The correlation of the errors of two pixels r apart is taken as exp(-r^2 / (2 `reach_px`^2)).
    """

    sigma: float
    reach_px: float

    @property
    def of_levels(self) -> float:
        """The relative one-sigma error of the middle of a level surface: many roundings make up for each other."""
        return _OF_ROUNDING * self.sigma if self.sigma < 2 * LEAST_SIGMA else self.sigma


def measure_noise(ratio: F32, grid: Grid, given_sigma: float) -> DepthNoise | None:
    """Return the noise that `ratio` (h, w) shows, depth over a fitted plane's depth, NaN off the plane; or None.

    `given_sigma` is what the depth's source claims; it is a lower bound.
    """
    error = ratio - 1
    seen = np.isfinite(error)
    if seen.sum() < MIN_SAMPLES:
        return None
    away = np.abs(error - np.float32(middle(error[seen])))
    seen &= away <= _FOREIGN * np.float32(middle(away[seen])) + LEAST_SIGMA
    error = np.where(seen, error - error[seen].mean(), np.float32(0))
    variance = float((error**2).sum() / seen.sum())
    sigma = max(float(np.sqrt(variance)), given_sigma, LEAST_SIGMA)
    return DepthNoise(sigma, grid.stride * _reach(error, seen, variance))


def _reach(error: F32, seen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], variance: float) -> float:
    """Return in samples the lag at which the autocorrelation along rows and columns falls to exp(-1/2)."""
    level = float(np.exp(-0.5))
    before = 1.0
    for lag in range(1, min(error.shape) // 2):
        both = np.concatenate([(seen[:, lag:] & seen[:, :-lag]).ravel(), (seen[lag:] & seen[:-lag]).ravel()])
        if both.sum() < MIN_SAMPLES // 2:
            break
        product = np.concatenate([(error[:, lag:] * error[:, :-lag]).ravel(), (error[lag:] * error[:-lag]).ravel()])
        now = float(product[both].sum() / both.sum()) / max(variance, 1e-18)
        if now < level:
            return lag - 1 + (before - level) / max(before - now, 1e-6)
        before = now
    return float(min(error.shape)) / 2


def local_noise(grid: Grid, given_sigma: float) -> DepthNoise:
    """Return the noise that the bends of surfaces show, for a scene without a floor.

    On a plane inverse depth is linear in the pixels, so its second differences are noise alone; most of a picture
    is flat, so their median says how large. Several spacings are tried, since smooth noise shows only in wide ones.
    """
    inverse = 1 / grid.depth_m
    best, reach = max(given_sigma, LEAST_SIGMA), 4.0 * grid.stride
    for lag in (1, 2, 4):
        bends = [
            (inverse[:, 2 * lag :] + inverse[:, : -2 * lag]) / (2 * inverse[:, lag:-lag]) - 1,
            (inverse[2 * lag :] + inverse[: -2 * lag]) / (2 * inverse[lag:-lag]) - 1,
        ]
        values = np.abs(np.concatenate([bend[np.isfinite(bend)] for bend in bends]))
        if len(values) < MIN_SAMPLES:
            continue
        sigma = float(np.median(values)) / (0.6745 * np.sqrt(1.5))
        if sigma > 1.2 * best:
            best, reach = sigma, float(lag * grid.stride)
    return DepthNoise(best, reach)
