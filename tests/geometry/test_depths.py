"""Medians and percentiles of depth, and what they are off by where only some readings are looked at."""

import numpy as np
import pytest

from spatialgen.geometry.clouds import _depths
from spatialgen.scene.build import _depth_range


def test_few_readings_give_their_very_percentiles() -> None:
    depth = np.random.default_rng(0).uniform(1, 4, 1001).astype(np.float32)
    median, nearest, doubt = _depths(depth, 0.0)
    assert median == pytest.approx(np.median(depth))
    assert nearest == pytest.approx(np.percentile(depth, 2), abs=1e-5)
    assert doubt == 0


@pytest.mark.parametrize("count", [5_001, 30_000, 77_777])
def test_many_readings_give_their_very_percentiles_too(count: int) -> None:
    random = np.random.default_rng(count)
    along = np.cumsum(random.exponential(1e-4, count)).astype(np.float32)  # as along a surface, not shuffled
    stripes = np.where(np.arange(count) % 2 == 0, along, along + 5).astype(np.float32)  # as a sample may miss
    for depth in (along, stripes, random.permutation(along), np.full(count, 2, np.float32)):
        median, nearest, doubt = _depths(depth, 0.0)
        assert median == pytest.approx(np.median(depth), rel=1e-6)
        assert nearest == pytest.approx(np.percentile(depth, 2), rel=1e-6)
        assert doubt == 0


def test_a_border_that_may_be_off_makes_a_median_unsure() -> None:
    depth = np.linspace(1, 4, 2000, dtype=np.float32)
    assert _depths(depth, 0.5)[2] > 4 * _depths(depth, 0.1)[2] > 0


def test_the_depth_range_of_a_picture_is_exact() -> None:
    random = np.random.default_rng(2)
    depth = random.uniform(1, 3, (120, 160)).astype(np.float32)
    depth[:, 157:] = random.uniform(3, 9, (120, 3))  # few are far, and they lie far apart
    depth[random.random(depth.shape) < 0.1] = np.nan
    np.testing.assert_allclose(_depth_range(depth), np.nanpercentile(depth, [1, 99]), rtol=1e-6)


def test_the_depth_range_is_exact_where_a_sample_of_it_misleads() -> None:
    """The readings that are sampled hold most of the near ones, or of the far ones."""
    for odd in (1.0, 9.0):
        depth = np.random.default_rng(0).uniform(3, 4, (240, 320)).astype(np.float32)
        depth[2::7, 2::7][:2] = odd
        np.testing.assert_allclose(_depth_range(depth), np.nanpercentile(depth, [1, 99]), rtol=1e-6)
