"""The smallest distance between two surfaces."""

import numpy as np
import pytest

from spatialgen.geometry.gaps import surface_gap
from spatialgen.geometry.surfaces import Surface
from spatialgen.records import F32


def surface(points_m: F32, possible_m: F32 | None = None) -> Surface:
    none = np.zeros((3, 0), np.float32)
    return Surface(points_m, points_m, none if possible_m is None else possible_m)


def scattered(seed: int, count: int, low: tuple[float, float, float], high: tuple[float, float, float]) -> F32:
    return np.random.default_rng(seed).uniform(low, high, (count, 3)).T.astype(np.float32)


def nearest(a: F32, b: F32) -> float:
    return float(np.linalg.norm(a[:, :, None].astype(float) - b[:, None], axis=0).min())


@pytest.mark.parametrize("seed", range(5))
def test_the_gap_is_that_of_the_closest_points(seed: int) -> None:
    a, b = scattered(seed, 300, (0, 0, 0), (1, 1, 1)), scattered(seed + 99, 300, (1.1, 0, 0), (2, 1, 1))
    gap = surface_gap(surface(a), surface(b))
    assert gap.value_m == gap.least_m == pytest.approx(nearest(a, b), rel=1e-5)
    assert np.linalg.norm(np.subtract(gap.a_m, gap.b_m)) == pytest.approx(gap.value_m, rel=1e-6)


def test_what_may_be_there_lessens_only_the_least_gap() -> None:
    a, b = scattered(0, 300, (0, 0, 0), (1, 1, 1)), scattered(1, 300, (3, 0, 0), (4, 1, 1))
    hidden = np.array([[1.5], [0.5], [0.5]], np.float32)
    gap = surface_gap(surface(a, hidden), surface(b))
    assert gap.value_m == pytest.approx(nearest(a, b), rel=1e-5)
    assert gap.least_m == pytest.approx(nearest(hidden, b), rel=1e-5)
    far = surface_gap(surface(a, -hidden), surface(b, hidden + 9))
    assert far.least_m == far.value_m


def test_the_one_near_point_of_a_crowd_inside_the_others_bounds() -> None:
    """The crowd is thinned, the near point may go with it, and still what it is compared with must be there."""
    crowd = scattered(2, 1001, (0, 0, 0), (1, 1, 1))
    crowd[:, 1] = 1.9, 0.5, 0.5
    others = np.array([[2.0, 0.5, 0.5], [-2.0, -1.0, -1.0], [-2.0, 2.0, 2.0]], np.float32).T
    assert surface_gap(surface(crowd), surface(others)).value_m == pytest.approx(0.1)
