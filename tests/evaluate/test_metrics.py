import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialgen.evaluate import metrics
from spatialgen.seeding import rng


def test_success_is_a_quarter_either_way_and_a_parse_failure_is_wrong() -> None:
    assert metrics.within(0.75, 1.0)
    assert metrics.within(1.25, 1.0)
    assert not metrics.within(0.74, 1.0)
    assert not metrics.within(1.26, 1.0)
    assert not metrics.within(None, 1.0)
    assert metrics.within(0.0, 0.0)
    assert not metrics.within(0.1, 0.0)


def test_factor_of_two_is_strict_for_q_spatial_and_closed_for_spatialvlm() -> None:
    assert metrics.within_factor(1.99, 1.0)
    assert not metrics.within_factor(2.0, 1.0)
    assert metrics.within_factor(2.0, 1.0, strict=False)
    assert metrics.within_factor(0.5, 1.0, strict=False)
    assert not metrics.within_factor(0.49, 1.0, strict=False)
    assert not metrics.within_factor(None, 1.0)
    assert not metrics.within_factor(-1.0, 1.0)


@pytest.mark.parametrize(
    ("parsed", "mra"),
    [(1.0, 1.0), (1.05, 1.0), (1.06, 0.9), (1.25, 0.6), (1.5, 0.1), (1.51, 0.0), (0.5, 0.1), (None, 0.0)],
)
def test_mean_relative_accuracy_by_hand(parsed: float | None, mra: float) -> None:
    assert metrics.mean_relative_accuracy(parsed, 1.0) == pytest.approx(mra)


@pytest.mark.parametrize(("parsed", "right"), [(0.0, True), (1e-3, False), (-1e-3, False), (None, False)])
def test_a_truth_of_nothing_asks_for_exactly_nothing(parsed: float | None, right: bool) -> None:
    assert metrics.within(parsed, 0.0) is right
    assert metrics.within_factor(parsed, 0.0) is right
    assert metrics.within_factor(parsed, 0.0, strict=False) is right
    assert metrics.mean_relative_accuracy(parsed, 0.0) == float(right)
    assert metrics.relative_error(parsed, 0.0) == (None if parsed is None else 0.0 if right else math.inf)


def test_an_answer_of_nothing_is_far_from_something() -> None:
    assert metrics.relative_error(0.0, 2.0) == 1.0
    assert not metrics.within_factor(0.0, 2.0)
    assert metrics.mean_relative_accuracy(0.0, 2.0) == 0.0


def test_hours_and_degrees_go_the_short_way_round() -> None:
    assert metrics.hour_error(12, 1) == 1
    assert metrics.hour_error(11.5, 1) == 1.5
    assert metrics.direction_success(12, 1)
    assert metrics.direction_success(1, 12)
    assert not metrics.direction_success(2, 12)
    assert not metrics.direction_success(None, 12)
    assert metrics.degree_error(359, 2) == 3
    assert metrics.degree_error(-170, 170) == 20


def test_iou_by_hand() -> None:
    assert metrics.box_iou((0, 0, 10, 10), (0, 0, 10, 10)) == 1.0
    assert metrics.box_iou((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(50 / 150)
    assert metrics.box_iou((0, 0, 1, 1), (5, 5, 6, 6)) == 0.0
    assert metrics.box_iou(None, (0, 0, 1, 1)) == 0.0


def test_the_interval_covers_the_true_mean_as_often_as_it_says() -> None:
    covered = 0
    for trial in range(100):
        sample = rng(trial, "coverage").normal(2.0, 1.0, 60)
        estimate = metrics.bootstrap(sample.tolist(), resamples=300)
        covered += estimate.low <= 2.0 <= estimate.high
    assert 87 <= covered <= 100


def test_answers_about_one_picture_are_drawn_together() -> None:
    values = np.repeat(rng(1, "groups").integers(0, 2, 20), 50).astype(float)
    alone = metrics.bootstrap(values.tolist())
    together = metrics.bootstrap(values.tolist(), groups=np.repeat(np.arange(20), 50).tolist())
    assert together.mean == alone.mean
    assert together.high - together.low > 5 * (alone.high - alone.low)


def test_nothing_to_average() -> None:
    estimate = metrics.bootstrap([])
    assert math.isnan(estimate.mean)
    assert estimate.count == 0
    assert metrics.bootstrap([3.0, 5.0, 100.0], statistic=metrics.median).mean == 5.0


@given(st.floats(0.01, 100), st.floats(0.01, 100))
def test_success_is_never_kinder_than_the_factor_of_two(parsed: float, truth: float) -> None:
    if metrics.within(parsed, truth):
        assert metrics.within_factor(parsed, truth)
