"""Rectangles and circles around footprints."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import ConvexHull, HalfspaceIntersection

from spatialgen.geometry.boxes import (
    bounding_rectangle,
    convex_hull,
    fit_circles,
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


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("shape", ["disc", "box", "corner", "line", "spot"])
def test_the_hull_of_many_points_is_that_of_all(shape: str, seed: int) -> None:
    """Those clearly inside are left out before; none of the hull's may be, even on sides that are straight."""
    draw = np.random.default_rng(seed)
    if shape == "disc":
        angle, away = draw.uniform(0, 2 * np.pi, 700), np.sqrt(draw.random(700))
        points = np.array([np.cos(angle), np.sin(angle)]) * away
    elif shape == "box":
        points = turned(draw.uniform(-1, 1, (700, 2)).clip(-0.7, 0.7) * [1, 0.2], 37).T
    elif shape == "corner":
        along = draw.random((2, 350))
        points = np.hstack([np.array([[0.8], [0.6]]) * along[0], np.array([[-0.6], [0.8]]) * along[1]])
    else:
        points = np.outer([0.3, 0.4], draw.random(700)) * (shape == "line")
    points = (0.1 * points + np.array([[1.5], [4.0]])).astype(np.float32)
    expected = cv2.convexHull(np.ascontiguousarray(points.T), clockwise=False)[:, 0]
    assert {*map(tuple, convex_hull(points).tolist())} == {*map(tuple, expected.astype(np.float64).tolist())}


def test_yaw_is_null_for_round_and_square_and_counter_clockwise_from_x() -> None:
    assert yaw_degrees(bounding_rectangle(SQUARE / [2, 1], 0.3)) is None
    assert yaw_degrees(bounding_rectangle(turned(SQUARE, 30), np.radians(30))) == pytest.approx(30)
    assert yaw_degrees(bounding_rectangle(turned(SQUARE, 30), np.radians(120))) == pytest.approx(30)


@given(st.floats(0.05, 3), st.floats(-5, 5), st.floats(2.0, 6.2))
def test_an_arc_gives_its_circle(radius: float, x: float, arc: float) -> None:
    angle = np.linspace(0, arc, 40)
    points = np.column_stack([x + radius * np.cos(angle), 2 + radius * np.sin(angle)])
    (center,), (found,), (misfit,) = fit_circles(points[None], np.ones((1, 40), bool))
    np.testing.assert_allclose(center, [x, 2], atol=1e-6 * max(radius, 1))
    assert found == pytest.approx(radius, rel=1e-6)
    assert misfit < 1e-6 * max(radius, 1)


def test_circles_go_through_the_chosen_points_only() -> None:
    angle = np.linspace(0, 4, 30)
    circle = np.column_stack([3 + 0.5 * np.cos(angle), 1 + 0.5 * np.sin(angle)])
    line = np.column_stack([np.arange(30.0), np.arange(30.0)])
    chosen = np.arange(60) % 2 == 0
    mixed = np.where(chosen[:, None], circle.repeat(2, axis=0), line.repeat(2, axis=0))
    centers, radii, misfits = fit_circles(np.array([mixed, mixed]), np.array([chosen, ~chosen]))
    np.testing.assert_allclose(centers[0], [3, 1])
    np.testing.assert_allclose(radii, [0.5, np.inf])
    np.testing.assert_allclose(misfits, [0, np.inf], atol=1e-9)


def test_resampling_walks_each_outline_evenly_with_normals_outwards() -> None:
    triangle = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]]) - 10
    squares, triangles = zip(*resample_with_normals([SQUARE, triangle], 60), strict=True)
    for (points, normals), length, middle_m in ((squares, 6, SQUARE.mean(axis=0)), (triangles, 12, [-9.2, -8.8])):
        apart = np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1)
        assert apart.max() == pytest.approx(length / 60)
        assert np.median(apart) == pytest.approx(length / 60)
        assert (((points - middle_m) * normals).sum(axis=1) > 0).all()
        np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)


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
