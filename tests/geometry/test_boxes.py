"""Rectangles and circles around footprints."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import ConvexHull, HalfspaceIntersection

from spatialgen.geometry.boxes import (
    bounding_rectangle,
    convex_hull,
    fit_circle,
    middle,
    overlap_area,
    polygon_area,
    resample_with_normals,
    smallest_rectangle,
    yaw_degrees,
)

SQUARE = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]])


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    a = np.radians(degrees)
    return points @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])


@given(st.floats(0, 179.9), st.floats(0.1, 3), st.floats(1.1, 4), st.floats(-5, 5), st.floats(-5, 5))
def test_the_smallest_rectangle_of_a_rectangle_is_itself(yaw: float, wide: float, ratio: float, x: float, y: float):
    corners = turned((SQUARE - [1, 0.5]) * [wide * ratio / 2, wide], yaw) + np.array([x, y])
    inside = np.random.default_rng(0).dirichlet(np.ones(4), 30) @ corners
    found = smallest_rectangle(convex_hull(np.vstack([corners, inside]).T))
    np.testing.assert_allclose(np.sort(2 * found.half_m), [wide, wide * ratio], rtol=1e-4)
    np.testing.assert_allclose(found.center_m, [x, y], atol=1e-4)
    assert abs((yaw_degrees(found) - yaw + 90) % 180 - 90) < 0.1


def test_the_smallest_rectangle_is_never_larger_than_one_at_any_angle() -> None:
    hull = convex_hull(np.random.default_rng(3).normal(size=(2, 40)))
    least = 4 * smallest_rectangle(hull).half_m.prod()
    for degrees in np.arange(0, 90, 0.5):
        assert least <= 4 * bounding_rectangle(hull, np.radians(degrees)).half_m.prod() * (1 + 1e-6)


def test_the_hull_runs_counter_clockwise_and_its_area_is_right() -> None:
    hull = convex_hull(SQUARE[::-1].T)
    x, y = hull.T
    assert (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2 == pytest.approx(2)
    assert polygon_area(hull) == pytest.approx(2)


def test_yaw_is_null_for_round_and_square_and_counter_clockwise_from_x() -> None:
    assert yaw_degrees(bounding_rectangle(SQUARE / [2, 1], 0.3)) is None
    assert yaw_degrees(bounding_rectangle(turned(SQUARE, 30), np.radians(30))) == pytest.approx(30)
    assert yaw_degrees(bounding_rectangle(turned(SQUARE, 30), np.radians(120))) == pytest.approx(30)


@given(st.floats(0.05, 3), st.floats(-5, 5), st.floats(2.0, 6.2))
def test_an_arc_gives_its_circle(radius: float, x: float, arc: float) -> None:
    angle = np.linspace(0, arc, 40)
    center, found, misfit = fit_circle(np.column_stack([x + radius * np.cos(angle), 2 + radius * np.sin(angle)]))
    np.testing.assert_allclose(center, [x, 2], atol=1e-6 * max(radius, 1))
    assert found == pytest.approx(radius, rel=1e-6)
    assert misfit < 1e-6 * max(radius, 1)


def test_points_on_a_line_have_no_circle() -> None:
    assert fit_circle(np.column_stack([np.arange(9.0), 2 * np.arange(9.0)]))[1] == np.inf


def test_resampling_walks_the_outline_evenly_with_normals_outwards() -> None:
    points, normals = resample_with_normals(SQUARE, 60)
    assert np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1).max() == pytest.approx(0.1)
    assert (((points - [1, 0.5]) * normals).sum(axis=1) > 0).all()


@pytest.mark.parametrize(("shift", "area"), [(0.0, 2.0), (1.0, 1.0), (1.9, 0.1), (3.0, 0.0)])
def test_shared_area(shift: float, area: float) -> None:
    assert overlap_area(SQUARE, SQUARE + np.array([shift, 0])) == pytest.approx(area, abs=1e-6)


def shared_by_half_planes(a: np.ndarray, b: np.ndarray, within: np.ndarray) -> float:
    """The area of two convex polygons' intersection by another way: as an intersection of half-planes."""
    rows = []
    for ring in (a, b):
        side = np.roll(ring, -1, axis=0) - ring
        outwards = np.column_stack([side[:, 1], -side[:, 0]]) / np.linalg.norm(side, axis=1)[:, None]
        rows.append(np.column_stack([outwards, -(outwards * ring).sum(axis=1)]))
    return float(ConvexHull(HalfspaceIntersection(np.concatenate(rows), within).intersections).volume)


@pytest.mark.parametrize("apart", [0.3, 1e-2, 1e-4, 1e-6])
def test_shared_area_of_polygons_whose_sides_nearly_coincide(apart: float) -> None:
    draw = np.random.Generator(np.random.Philox(0))
    for _ in range(50):
        ring = convex_hull(draw.normal(size=(2, 12)))
        other = convex_hull((ring + draw.normal(size=ring.shape) * apart + draw.normal(size=2) * apart).T)
        truth = shared_by_half_planes(ring, other, ring.mean(axis=0) / 2 + other.mean(axis=0) / 2)
        assert overlap_area(ring, other) == pytest.approx(truth, rel=1e-5)
        assert overlap_area(other[::-1], ring + 0) == pytest.approx(truth, rel=1e-5)


def test_shared_area_of_discs_with_sides_in_the_same_directions() -> None:
    """Some of these OpenCV gets wrong, and in one order only."""
    draw = np.random.Generator(np.random.Philox(1))
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    disc = np.column_stack([np.cos(turn), np.sin(turn)])
    for _ in range(100):
        near, far, x = draw.uniform(0.05, 0.3), draw.uniform(0.05, 0.3), draw.uniform()
        a, b = near * disc + [0.1, 4.0], far * disc + [0.1 + 0.95 * x * (near + far), 4.0]
        within = np.array([0.1 + (max(-near, b[0, 0] - 2 * far - 0.1) + min(near, b[0, 0] - 0.1)) / 2, 4.0])
        truth = shared_by_half_planes(a, b, within)
        assert overlap_area(a, b) == pytest.approx(truth, rel=1e-5)
        assert overlap_area(b, a) == pytest.approx(truth, rel=1e-5)


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=9))
def test_the_middle_is_the_median(values: list[float]) -> None:
    assert middle(np.array(values)) == pytest.approx(np.median(values))
