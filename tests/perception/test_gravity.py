"""Gravity from segments that are projected verticals of a known camera, among others that are not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spatialgen.perception.gravity._vertical import Vertical, fit_vertical
from spatialgen.perception.gravity.level import level_prior
from spatialgen.records import F64, Camera

CAMERA = Camera(600.0, 600.0, 319.5, 239.5)


def up_of(pitch_deg: float, roll_deg: float) -> F64:
    """Return the up direction of a camera that looks down by the pitch and then rolls about its axis."""
    pitch, roll = math.radians(pitch_deg), math.radians(roll_deg)
    upright = np.array([0.0, -math.cos(pitch), -math.sin(pitch)])
    turn = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    return turn @ upright


def project(ends: F64, rng: np.random.Generator, noise_px: float) -> F64:
    pixels = ends[..., :2] / ends[..., 2:] * (CAMERA.fx, CAMERA.fy) + (CAMERA.cx, CAMERA.cy)
    return (pixels + rng.normal(scale=noise_px, size=pixels.shape)).reshape(-1, 4)


def room(up: F64, count: int, others: int, rng: np.random.Generator, noise_px: float = 0.5) -> F64:
    """Return segments: `count` verticals in front of the camera, and `others` in any direction."""
    start = rng.uniform([-2, -1.5, 3], [2, 1.5, 6], (count + others, 3))
    along = np.concatenate([np.tile(up, (count, 1)), rng.normal(size=(others, 3))])
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    ends = np.stack([start, start + along * rng.uniform(0.8, 1.5, (len(start), 1))], axis=1)
    return project(ends[(ends[..., 2] > 1).all(axis=1)], rng, noise_px)


def error_deg(found: Vertical, up: F64) -> float:
    return math.degrees(math.acos(min(1.0, float(found.up_camera @ up))))


@pytest.mark.parametrize("pitch", [-15.0, 0.0, 12.0, 30.0])
@pytest.mark.parametrize("roll", [-12.0, 0.0, 5.0])
def test_verticals_among_others(pitch: float, roll: float) -> None:
    up = up_of(pitch, roll)
    found = fit_vertical(room(up, 20, 8, np.random.default_rng(1)), CAMERA, 8.0, 14.0)
    assert found is not None
    assert np.linalg.norm(found.up_camera) == pytest.approx(1)
    assert error_deg(found, up) < 1.5
    assert found.sigma_deg < 6
    assert found.support >= 15


def test_the_error_is_honest() -> None:
    """Over many rooms the true error is within one sigma for most, within three for nearly all, and not far below."""
    ratios = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        up = up_of(rng.normal(8, 12), rng.normal(0, 2))
        found = fit_vertical(room(up, int(rng.integers(5, 25)), 6, rng, noise_px=2.0), CAMERA, 8.0, 14.0)
        if found is not None:
            ratios.append(error_deg(found, up) / found.sigma_deg)
    assert len(ratios) > 50
    assert np.mean(np.array(ratios) < 1) > 0.6
    assert np.mean(np.array(ratios) < 3) > 0.97
    assert np.median(ratios) > 0.1


def test_fewer_and_contradicting_segments_are_believed_less() -> None:
    up, rng = up_of(10, 0), np.random.default_rng(0)
    many, few = (fit_vertical(room(up, n, 0, rng), CAMERA, 8.0, 14.0) for n in (30, 5))
    tilted = room(up_of(10, 9), 25, 0, rng)
    mixed = fit_vertical(np.concatenate([room(up, 30, 0, rng), tilted]), CAMERA, 8.0, 14.0)
    assert many is not None
    assert few is not None
    assert mixed is not None
    assert few.sigma_deg > 1.5 * many.sigma_deg
    assert mixed.sigma_deg > 1.3 * many.sigma_deg
    assert mixed.share < 0.8


def test_an_uncertain_focal_length_makes_the_pitch_uncertain() -> None:
    segments = room(up_of(25, 0), 30, 0, np.random.default_rng(0))
    blurred = Camera(600.0, 600.0, 319.5, 239.5, "prior", sigma=0.25)
    sure, unsure = (fit_vertical(segments, c, 8.0, 14.0) for c in (CAMERA, blurred))
    assert sure is not None
    assert unsure is not None
    assert unsure.sigma_deg > sure.sigma_deg + 3


@pytest.mark.parametrize(
    "segments",
    [
        np.zeros((0, 4)),
        np.array([[10.0, 10, 10, 200]]),
        np.array([[10.0, 10, 300, 12], [10, 50, 300, 50], [10, 90, 300, 88]]),  # horizontals only
        np.array([[10.0, 10, 10, 10], [50, 50, 50, 50]]),  # points
    ],
)
def test_nothing_to_go_by(segments: F64) -> None:
    assert fit_vertical(segments, CAMERA, 8.0, 14.0) is None


def test_level_prior_points_up_and_a_little_back() -> None:
    prior = level_prior(8.0, 14.0)
    np.testing.assert_allclose(prior.up_camera, up_of(8.0, 0.0), atol=1e-12)
    assert prior.up_camera[2] < 0  # looking down, the camera's axis leans away from up
    assert (prior.source, prior.sigma_deg) == ("prior", 14.0)
