"""Up between two witnesses: weighted where they agree, silent where they do not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spatialgen.geometry.gravity_prior import WARP_DEG, settle_gravity
from spatialgen.records import Gravity


def up(pitch_deg: float, sigma_deg: float, source: str = "vertical_structure") -> Gravity:
    pitch = math.radians(pitch_deg)
    return Gravity(np.array([0.0, -math.cos(pitch), -math.sin(pitch)]), sigma_deg, source)


def pitch_of(gravity: Gravity | None) -> float:
    assert gravity is not None
    return math.degrees(math.asin(-gravity.up_camera[2]))


def test_the_floor_of_a_sensor_stays_as_it_is_without_verticals() -> None:
    floor = up(10, 0.5, "floor")
    for prior in (None, up(0, 14, "prior")):
        settled = settle_gravity(floor, prior, 0.0)
        assert settled is not None
        assert (pitch_of(settled), settled.sigma_deg, settled.source) == (pytest.approx(10), 0.5, "floor")


def test_the_floor_of_a_network_is_trusted_less() -> None:
    settled = settle_gravity(up(10, 0.5, "floor"), None, 0.1)
    assert settled is not None
    assert settled.sigma_deg == pytest.approx(math.hypot(0.5, 0.1 * WARP_DEG))
    assert settle_gravity(up(10, 0.5, "floor"), None, 0.2) is None


def test_verticals_alone_will_do_if_they_are_sure() -> None:
    assert pitch_of(settle_gravity(None, up(4, 2.0), 0.2)) == pytest.approx(4)
    assert settle_gravity(None, up(4, 7.0), 0.2) is None
    assert settle_gravity(None, up(4, 2.0, "prior"), 0.2) is None
    assert settle_gravity(None, None, 0.0) is None


def test_two_that_agree_are_weighted() -> None:
    settled = settle_gravity(up(10, 1.0, "floor"), up(13, 2.0), 0.0)
    assert settled is not None
    assert pitch_of(settled) == pytest.approx(10 + 3 * 0.2, abs=0.01)
    assert settled.sigma_deg == pytest.approx(1 / math.sqrt(1 + 0.25))
    assert settled.source == "floor"


def test_of_two_that_contradict_only_a_much_surer_one_is_heard() -> None:
    assert settle_gravity(up(10, 1.0, "floor"), up(18, 2.0), 0.0) is None
    assert pitch_of(settle_gravity(up(10, 0.3, "floor"), up(18, 2.0), 0.0)) == pytest.approx(10)


def test_of_a_sensor_only_a_direction_good_enough_for_lengths_is_heard() -> None:
    assert settle_gravity(up(10, 1.5, "floor"), None, 0.0) is None
    assert settle_gravity(up(10, 1.5, "floor"), None, 0.05) is not None
    assert pitch_of(settle_gravity(up(10, 1.5, "floor"), up(4, 2.0), 0.0)) == pytest.approx(4)
