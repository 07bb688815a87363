"""Pixels to space and back, and depth maps of another size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialgen.geometry.camera import depth_on_image_grid, project, unproject
from spatialgen.geometry.frames import View, canonical_from_camera
from spatialgen.records import Camera

CAMERA = Camera(520.0, 510.0, 319.5, 239.5)
unit = st.floats(-1, 1)


@given(st.floats(-0.5, 639.5), st.floats(-0.5, 479.5), st.floats(0.1, 80), unit, unit)
def test_project_undoes_unproject_in_any_axes(u: float, v: float, depth: float, a: float, b: float) -> None:
    up = np.array([a, -1.5, b])
    rotation = canonical_from_camera(up / np.linalg.norm(up))
    points = unproject(CAMERA, [u], [v], np.float32([depth]), rotation)
    back_u, back_v, z = project(CAMERA, points, rotation)
    assert back_u[0] == pytest.approx(u, abs=1e-3)
    assert back_v[0] == pytest.approx(v, abs=1e-3)
    assert z[0] == pytest.approx(depth, rel=1e-6)


def test_depth_is_along_the_axis_and_the_principal_point_looks_straight_ahead() -> None:
    np.testing.assert_allclose(unproject(CAMERA, 319.5, 239.5, np.float32(3)), [0, 0, 3])
    np.testing.assert_allclose(unproject(CAMERA, 319.5 + 520, 239.5, np.float32(3)), [3, 0, 3], rtol=1e-6)


def test_a_crop_unprojects_as_its_pixels_do() -> None:
    depth = np.linspace(1, 2, 12, dtype=np.float32).reshape(3, 4)
    grid = unproject(CAMERA, np.arange(4), np.arange(3)[:, None], depth)
    v, u = np.mgrid[:3, :4]
    np.testing.assert_allclose(grid.reshape(3, -1), unproject(CAMERA, u.ravel(), v.ravel(), depth.ravel()), rtol=1e-6)


def test_behind_the_camera_there_are_no_pixels() -> None:
    u, v, z = View(CAMERA, np.eye(3)).pixels(np.array([[0.0], [0.0], [-1.0]]))
    assert np.isnan(u[0])
    assert np.isnan(v[0])
    assert z[0] == -1


@pytest.mark.parametrize("scale", [0.5, 2.0, 1.0])
def test_depth_of_another_size_is_read_at_the_nearest_pixel(scale: float) -> None:
    width, height = 8, 6
    small = np.arange(round(width * scale) * round(height * scale), dtype=np.float32) + 1
    small = small.reshape(round(height * scale), round(width * scale))
    read = depth_on_image_grid(small, width, height)
    assert read.shape == (height, width)
    for v in range(height):
        for u in range(width):
            at_u, at_v = (u + 0.5) * scale - 0.5, (v + 0.5) * scale - 0.5
            rows, columns = np.indices(small.shape)
            apart = np.maximum(np.abs(rows - at_v), np.abs(columns - at_u))
            assert apart[small == read[v, u]].min() <= 0.5 + 1e-9


def test_no_reading_becomes_nan() -> None:
    read = depth_on_image_grid(np.float32([[0, -1, np.inf, np.nan, 2]]), 5, 1)
    assert np.isnan(read[0, :4]).all()
    assert read[0, 4] == 2
