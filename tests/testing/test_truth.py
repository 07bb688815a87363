"""The oracle against answers worked out by hand, brute force, and symmetries."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spatialgen.records import Camera
from spatialgen.testing.primitives import Ball, Box, Frustum, Solid, cylinder, yaw_rotation
from spatialgen.testing.render import render
from spatialgen.testing.scenes import AnalyticObject, AnalyticScene, sample_scene
from spatialgen.testing.truth import TrueObject, TrueScene, from_analytic, truth_value
from spatialgen.testing.truth.contact import clip_polygon, polygon_area
from spatialgen.testing.truth.extents import interval, upright_box
from spatialgen.testing.truth.gap import gap_m
from spatialgen.testing.truth.pairs import QUALITATIVE, QUANTITATIVE
from spatialgen.testing.truth.scene import from_json, to_json
from spatialgen.testing.truth.seen import clear_radius_m, floor_point_m
from spatialgen.testing.viewpoint import Viewpoint

UP = np.array([0.0, -1.0, 0.0])


def box(x: float, y: float, z: float, dx: float, dy: float, dz: float, yaw: float = 0.0) -> Box:
    """A box with its bottom at z."""
    return Box(np.array([x, y, z + dz / 2]), np.array([dx, dy, dz]) / 2, rotation=yaw_rotation(yaw))


def scene_of(*things: tuple[str, list[Solid]], up: np.ndarray = UP) -> TrueScene:
    objects = tuple(TrueObject(str(k + 1), label, tuple(solids)) for k, (label, solids) in enumerate(things))
    return TrueScene("s", objects, np.array([0.0, 0.0, 1.5]), up)


def value(scene: TrueScene, name: str, *ids: str, **params: object) -> float | None:
    return truth_value(scene, name, ids, params).value


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 180), st.floats(0.1, 3), st.floats(0.1, 3))
def test_the_upright_box_of_a_box_is_the_box(yaw: float, dx: float, dy: float) -> None:
    found = upright_box([box(1, 2, 0.5, dx, dy, 0.7, yaw)])
    assert (found.length_m, found.width_m) == pytest.approx((max(dx, dy), min(dx, dy)), abs=1e-6)
    np.testing.assert_allclose(found.center_m, [1, 2, 0.85], atol=1e-9)
    assert found.height_m == pytest.approx(0.7)
    if max(dx, dy) / min(dx, dy) > 1.051:
        expected = (yaw + (0 if dx >= dy else 90)) % 180
        assert found.yaw_deg is not None
        assert abs((found.yaw_deg - expected + 90) % 180 - 90) < 1e-3
    elif max(dx, dy) / min(dx, dy) < 1.049:
        assert found.yaw_deg is None


def test_round_things_have_no_yaw_and_their_diameter_as_sides() -> None:
    for solid in (cylinder(np.array([1.0, 1, 1]), 0.3, 2.0), Ball(np.array([0, 0, 1.0]), radius_m=0.3)):
        found = upright_box([solid])
        assert (found.length_m, found.width_m, found.yaw_deg) == (pytest.approx(0.6), pytest.approx(0.6), None)


def test_compound_box_is_the_smallest_of_a_thousand() -> None:
    solids = [*sample_scene(2).objects[0].solids, box(0.3, 2.0, 0, 0.2, 0.9, 0.1, 33)]
    found = upright_box(solids)
    areas = []
    for yaw in np.radians(np.arange(0, 90, 0.09)):
        x = interval(solids, np.array([np.cos(yaw), np.sin(yaw), 0]))
        y = interval(solids, np.array([-np.sin(yaw), np.cos(yaw), 0]))
        areas.append((x[1] - x[0]) * (y[1] - y[0]))
    assert found.length_m * found.width_m <= min(areas) + 1e-9
    assert found.length_m * found.width_m >= min(areas) * 0.98


def test_lateral_interval_is_of_the_points_and_not_of_the_box() -> None:
    post = cylinder(np.array([0, 3.0, 0.5]), 0.5, 1.0)
    scene = scene_of(("post", [post]), ("turned", [box(0, 5, 0, 1, 1, 1, 45)]))
    assert value(scene, "width", "1") == pytest.approx(1.0)
    assert value(scene, "width", "2") == pytest.approx(np.sqrt(2))


def test_gaps_in_closed_form() -> None:
    cube = box(0, 0, -1, 2, 2, 2)
    assert gap_m([cube], [box(4, 0, -1, 2, 2, 2, 45)]) == pytest.approx(3 - np.sqrt(2), abs=1e-4)
    assert gap_m([cube], [Ball(np.array([4.0, 5, 0]), radius_m=1)]) == pytest.approx(4.0, abs=1e-4)
    assert gap_m([cube], [cylinder(np.array([4.0, 5, 0]), 1, 2)]) == pytest.approx(4.0, abs=1e-4)
    tilted = Frustum(np.array([0, 0, 3.0]), 1.0, 0.2, 1.0)
    assert gap_m([cube], [tilted]) == pytest.approx(1.0, abs=1e-4)
    assert gap_m([cube], [box(1.5, 0, -1, 2, 2, 2)]) == 0.0
    assert gap_m([cube], [box(0, 0, 1, 1, 1, 1)]) == pytest.approx(0.0, abs=1e-4)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000))
def test_gap_is_below_that_of_points_and_does_not_change_under_rigid_motion(seed: int) -> None:
    random = np.random.default_rng(seed)
    a = [Frustum(random.normal(size=3), 0.5, random.uniform(0, 1), 0.4), box(*random.normal(size=3), 1, 2, 0.3, 20)]
    b = [Box(random.normal(size=3) + np.array([2.0, 2, 0]), random.uniform(0.1, 1, 3), rotation=yaw_rotation(seed))]
    gap = gap_m(a, b)
    turn, shift = yaw_rotation(seed / 3), random.normal(size=3)
    assert gap == pytest.approx(gap_m([s.moved(turn, shift) for s in a], [s.moved(turn, shift) for s in b]), abs=1e-4)
    assert gap == pytest.approx(gap_m(b, a), abs=1e-4)
    directions = random.normal(size=(300, 3))
    points = [np.array([s.support(d) for s in thing for d in directions]) for thing in (a, b)]
    assert gap <= np.linalg.norm(points[0][:, None] - points[1], axis=-1).min() + 1e-4


def test_relations_by_hand() -> None:
    scene = scene_of(
        ("crate", [box(-1, 3, 0, 0.5, 0.5, 0.5)]),
        ("cabinet", [box(1, 4, 0, 1.0, 0.5, 1.2)]),
        ("book", [box(1, 4, 1.2, 0.2, 0.2, 0.05)]),
    )
    expected = {
        ("left_of", "1", "2"): 1,
        ("right_of", "1", "2"): 0,
        ("below", "1", "2"): 1,
        ("in_front_of", "1", "2"): 1,
        ("behind", "1", "2"): 0,
        ("nearer", "1", "2"): 1,
        ("wider", "1", "2"): 0,
        ("shorter", "1", "2"): 1,
        ("bigger", "2", "1"): 1,
        ("longer", "2", "1"): 1,
        ("higher_top", "3", "2"): 1,
        ("on_top_of", "3", "2"): 1,
        ("on_top_of", "2", "3"): 0,
        ("on_top_of", "3", "1"): 0,
        ("touching", "3", "2"): 1,
        ("touching", "1", "2"): 0,
        ("next_to", "3", "2"): 1,
        ("far_from", "3", "2"): 0,
        ("aligned_vertically", "3", "2"): 1,
        ("aligned_vertically", "1", "2"): 0,
        ("aligned_horizontally", "1", "3"): 0,
        ("inside", "3", "2"): 0,
    }
    assert {key: value(scene, *key) for key in expected} == expected


def test_quantities_by_hand() -> None:
    scene = scene_of(
        ("crate", [box(-1, 3, 0, 0.4, 0.6, 0.5)]), ("ball", [Ball(np.array([1.0, 5, 1.0]), radius_m=0.25)])
    )
    expected = {
        ("distance", "1", "2"): np.sqrt(4 + 4 + 0.75**2),
        ("horizontal_distance", "1", "2"): np.sqrt(8),
        ("lateral_offset", "1", "2"): -2.0,
        ("forward_offset", "2", "1"): 2.0,
        ("vertical_distance", "1", "2"): 0.75,
        ("clearance", "1", "2"): 0.25,
        ("bearing", "1", "2"): 45.0,
        ("bearing", "2", "1"): 225.0,
        ("elevation_angle", "1", "2"): np.degrees(np.arctan2(0.75, np.sqrt(8))),
        ("height_ratio", "1", "2"): 1.0,
        ("width_ratio", "1", "2"): 0.8,
        ("volume_ratio", "2", "1"): 0.125 / 0.12,
        ("length", "1"): 0.6,
        ("longest_side", "1"): 0.6,
        ("volume", "1"): 0.12,
        ("top_height", "2"): 1.25,
        ("height_above_floor", "2"): 0.75,
        ("distance_to_camera", "1"): np.sqrt(1 + 9 + 1.25**2),
        ("bearing_from_camera", "1"): -np.degrees(np.arctan2(1, 3)),
    }
    for key, true in expected.items():
        assert value(scene, *key) == pytest.approx(true, abs=1e-6), key


@pytest.mark.parametrize(
    ("bearing", "hour"),
    [(0, 12), (5, 12), (-5, 12), (25, 1), (-25, 11), (90, 3), (180, 6), (268, 9), (14, 12), (-17, 11)],
)
def test_clock_takes_the_nearest_hour(bearing: float, hour: float) -> None:
    x, y = 4 * np.sin(np.radians(bearing)), 4 * np.cos(np.radians(bearing))
    scene = scene_of(("a", [box(0, 6, 0, 1, 1, 1)]), ("b", [box(x, 6 + y, 0, 1, 1, 1)]))
    answer = truth_value(scene, "clock_direction", ["1", "2"])
    assert answer.value == hour
    assert answer.margin == pytest.approx(15 - min(bearing % 30, -bearing % 30))


def test_silence_where_the_spec_asks_for_it() -> None:
    beside = scene_of(("near", [box(0.5, 1, 0, 0.2, 0.2, 0.2)]), ("far", [box(0.8, 6, 0, 0.2, 0.2, 0.2)]))
    assert value(beside, "left_of", "1", "2") is None
    wide = scene_of(("aside", [box(4, 2, 0, 0.2, 0.2, 0.2)]), ("ahead", [box(0, 3, 0, 0.2, 0.2, 0.2)]))
    assert value(wide, "in_front_of", "1", "2") is None
    steep = scene_of(
        ("a", [box(0, 0.2, 0, 1, 1, 1)]),
        ("b", [box(2, 0.2, 0, 1, 1, 1)]),
        up=np.array([0, -0.1, -1]) / np.hypot(1, 0.1),
    )
    assert value(steep, "left_of", "1", "2") is None
    assert value(steep, "width", "1") is None
    assert value(steep, "taller", "1", "2") is not None
    hanging = scene_of(("lamp", [box(0, 3, 0.55, 0.2, 0.2, 0.2)]), ("crate", [box(0, 3, 0, 0.5, 0.5, 0.5)]))
    assert value(hanging, "on_top_of", "1", "2") is None


def test_a_thing_on_a_lower_board_rests_on_the_shelf_and_one_under_a_table_does_not() -> None:
    boards: list[Solid] = [box(0, 3, z, 1, 0.4, 0.02) for z in (0.1, 0.6, 1.1)]
    scene = scene_of(
        ("shelf", boards),
        ("mug", [cylinder(np.array([0, 3, 0.67]), 0.04, 0.1)]),
        ("ball", [Ball(np.array([0, 3, 0.05]), radius_m=0.05)]),
    )
    assert value(scene, "on_top_of", "2", "1") == 1.0
    assert value(scene, "on_top_of", "3", "1") == 0.0


def test_inside_an_open_basket() -> None:
    sides: list[Solid] = [box(x, 3, 0, 0.02, 0.5, 0.4) for x in (-0.3, 0.3)] + [
        box(0, y, 0, 0.6, 0.02, 0.4) for y in (2.75, 3.25)
    ]
    ball = Ball(np.array([0, 3, 0.12]), radius_m=0.1)
    assert value(scene_of(("ball", [ball]), ("basket", sides)), "inside", "1", "2") == 1.0
    assert value(scene_of(("ball", [ball]), ("sofa", sides)), "inside", "1", "2") is None


def test_picks_orders_and_room() -> None:
    scene = scene_of(
        ("a", [box(-1, 3, 0, 0.5, 0.5, 0.5)]),
        ("b", [box(0.5, 4, 0, 0.5, 0.5, 1.5)]),
        ("c", [box(2, 6, 0, 1.5, 0.8, 1.0)]),
    )
    ids = ("1", "2", "3")
    assert value(scene, "closest_to_camera", *ids) == 0
    assert value(scene, "farthest_from_camera", *ids) == 2
    assert value(scene, "nth_closest", *ids, rank=2) == 1
    assert value(scene, "tallest", *ids) == 1
    assert value(scene, "biggest", *ids) == 2
    assert value(scene, "rightmost", *ids) == 2
    assert value(scene, "closest_to_object", *ids) == 1
    assert value(scene, "farthest_from_object", *ids) == 2
    assert truth_value(scene, "depth_order", ["3", "1", "2"]).order == ids
    assert value(scene, "between", "2", "1", "3") == 1.0
    assert value(scene, "between", "1", "2", "3") == 0.0
    assert value(scene, "passes_between", "1", "2", width_m=0.5) == 1.0
    assert value(scene, "passes_between", "1", "2", width_m=1.5) == 0.0
    assert value(scene, "fits_on", "1", "3") == 1.0
    assert value(scene, "fits_on", "3", "1") == 0.0
    assert value(scene, "same_size", "1", "1") == 1.0
    assert value(scene, "same_size", "1", "3") == 0.0


@pytest.mark.parametrize(("x", "y", "quarter"), [(1, 5, 1), (-1, 5, 0), (1, 1, 3), (-1, 1, 2), (-9, 3.5, 0)])
def test_perspective_quarters(x: float, y: float, quarter: float) -> None:
    scene = scene_of(
        ("at", [box(0, 3, 0, 0.2, 0.2, 1)]),
        ("facing", [box(0, 8, 0, 0.2, 0.2, 1)]),
        ("it", [box(x, y, 0, 0.2, 0.2, 1)]),
    )
    assert value(scene, "perspective", "1", "2", "3") == quarter


@pytest.mark.parametrize(
    ("front", "x", "sector"),
    [((0, -1), 0, 2), ((0, 1), 0, 0), ((1, 0), 0, 1), ((-1, 0.2), 0, 3), ((0, -1), 8, None), ((-1, -2), 3, 2)],
)
def test_facing_where_the_front_is_known(front: tuple[float, float], x: float, sector: float | None) -> None:
    scene = scene_of(("chair", [box(x, 6, 0, 0.5, 0.5, 1)]))
    assert truth_value(scene, "facing", ("1",), {}).known is False
    [thing] = scene.objects
    turned = replace(scene, objects=(replace(thing, front=np.array([*front, 0.0]) / np.hypot(*front)),))
    assert truth_value(turned, "facing", ("1",), {}).value == sector
    assert from_json(to_json(turned)).objects[0].front == pytest.approx(turned.objects[0].front)


def seen_scene() -> TrueScene:
    things = (
        ("ball", Ball(np.array([-1.0, 4, 0.3]), radius_m=0.3)),
        ("ball", Ball(np.array([1.0, 4, 0.3]), radius_m=0.3)),
        ("crate", box(9, 1, 0, 1, 1, 1)),
    )
    objects = tuple(AnalyticObject(k + 1, label, "red", (solid,), (1.0,)) for k, (label, solid) in enumerate(things))
    view = Viewpoint(120, 80, Camera(100.0, 100.0, 59.5, 39.5), 1.5, 15.0, 0.0)
    scene = AnalyticScene("s", view, objects, (), (-9.0, 9.0, -9.0, 9.0), np.array([0.0, 0.0, 1.0]))
    return from_analytic(scene, render(scene))


def test_what_is_seen() -> None:
    scene = seen_scene()
    assert value(scene, "count", label="ball") == 2
    assert value(scene, "count", label="crate") == 0
    assert value(scene, "exists", label="dog") == 0
    assert value(scene, "image_third", "1") == 0
    assert value(scene, "image_third", "2") == 2
    assert scene.ids is not None
    assert value(scene, "image_coverage", "1") == pytest.approx((scene.ids == 1).mean())
    left = truth_value(scene, "refer", ["1"], {"label": "ball", "from": "left", "rank": 1})
    assert left.values == truth_value(scene, "box_2d", ["1"]).values
    assert left.values is not None
    assert 20 * 1000 / 120 < left.values[1] < 1000 * (80 + 20) / 120
    assert value(scene, "nearest_depth", "1") == pytest.approx(3.87, abs=0.15)
    assert 0 < (value(scene, "relative_depth", "1") or 0) < 0.5


def test_free_floor() -> None:
    scene = seen_scene()
    point = floor_point_m(scene, 59.5, 60)
    assert point is not None
    assert point[2] == pytest.approx(0, abs=1e-5)
    assert clear_radius_m(scene, np.array([0.0, 4.0, 0.0])) == pytest.approx(0.7, abs=2e-3)
    assert floor_point_m(scene, 59.5, 0) is None


def test_swapping_the_two_flips_every_relation_and_mirroring_flips_the_sides() -> None:
    scene = from_analytic(sample_scene(6))
    flips = ["left_of", "above", "in_front_of", "nearer", "wider", "taller", "bigger", "longer", "higher_top"]
    same = [
        "next_to",
        "far_from",
        "touching",
        "aligned_vertically",
        "distance",
        "gap",
        "clearance",
        "vertical_distance",
    ]
    a, b = "1", "2"
    for name in flips:
        one, other = value(scene, name, a, b), value(scene, name, b, a)
        assert (one is None and other is None) or (one is not None and one + (other or 0.0) == 1.0)
    for name in same:
        assert value(scene, name, a, b) == value(scene, name, b, a)
    assert set(same) <= set(QUALITATIVE) | set(QUANTITATIVE)


def test_polygons_clip_to_their_common_part() -> None:
    square = np.array([[0.0, 0], [2, 0], [2, 2], [0, 2]])
    assert polygon_area(clip_polygon(square, square + 1)) == pytest.approx(1.0)
    assert polygon_area(clip_polygon(square, square + 5)) == 0.0
