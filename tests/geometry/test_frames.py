"""The canonical frame: right-handed, z up, y ahead, whatever the camera's pitch and roll."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialgen.geometry.frames import canonical_from_camera, forward_is_defined
from spatialgen.records import F64


def up_of(pitch_deg: float, roll_deg: float) -> F64:
    """Up in camera axes of a camera looking `pitch_deg` down, turned by `roll_deg` about its axis."""
    p, r = np.radians([pitch_deg, roll_deg])
    level = np.array([0.0, -np.cos(p), -np.sin(p)])
    turn = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return turn @ level


@given(st.floats(-70, 70), st.floats(-170, 170))
def test_axes_are_a_right_handed_frame_with_z_up_and_the_axis_ahead(pitch: float, roll: float) -> None:
    rotation = canonical_from_camera(up_of(pitch, roll))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    np.testing.assert_allclose(rotation @ up_of(pitch, roll), [0, 0, 1], atol=1e-12)
    ahead = rotation @ [0, 0, 1]
    assert ahead[0] == pytest.approx(0, abs=1e-12)
    assert ahead[1] == pytest.approx(np.cos(np.radians(pitch)))


def test_a_level_camera_sees_right_as_x_and_the_far_as_forward() -> None:
    np.testing.assert_allclose(canonical_from_camera(np.array([0.0, -1, 0])), [[1, 0, 0], [0, 0, 1], [0, -1, 0]])


def test_pitch_30_and_roll_20_leave_no_tilt() -> None:
    """Defect 1: a basis matrix used transposed left 3.1 degrees."""
    up = up_of(30, 20)
    np.testing.assert_allclose(canonical_from_camera(up).T @ [0, 0, 1], up, atol=1e-12)


@pytest.mark.parametrize(("pitch", "defined"), [(0, True), (74, True), (76, False), (90, False), (-80, False)])
def test_forward_needs_fifteen_degrees_from_the_vertical(pitch: float, defined: bool) -> None:
    assert forward_is_defined(up_of(pitch, 0)) is defined


def test_straight_down_still_has_a_frame() -> None:
    rotation = canonical_from_camera(up_of(90, 0))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(rotation @ up_of(90, 0), [0, 0, 1], atol=1e-9)
