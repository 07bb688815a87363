"""When to be silent: margins, doubtful scale, gravity, floor, forward, borders, names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from qa_scenes import ROOM, Box, make_scene, room
from rows import Row, rows_of

from spatialgen.qa.decide import difference_decided, log_sigma, quantity_decided, zone

A = (0.5, 0.4, 0.6)


def of(rows: list[Row], *types: str) -> list[Row]:
    return [r for r in rows if r["question_type"] in types and r["status"] == "decided"]


def pair(
    dx: float = 1.0, dy: float = 0.5, dz: float = 0.5, sigma: float = 0.002, size: tuple[float, float, float] = A
) -> list[Row]:
    boxes = [
        Box("table", (-0.5, 3.0, 0.5), A, sigma=sigma, on=None),
        Box("lamp", (-0.5 + dx, 3.0 + dy, 0.5 + dz), size, sigma=sigma, on=None),
    ]
    return rows_of([make_scene(boxes)])


@pytest.mark.parametrize(("dx", "asked"), [(0.09, False), (0.11, True), (0.001, False)])
def test_left_and_right_from_ten_centimetres(dx: float, asked: bool) -> None:
    assert bool(of(pair(dx=dx, dy=0.0), "left_of", "right_of")) == asked


@pytest.mark.parametrize(("dz", "asked"), [(0.09, False), (0.11, True)])
def test_above_and_below_from_ten_centimetres(dz: float, asked: bool) -> None:
    assert bool(of(pair(dz=dz), "above", "below")) == asked


@pytest.mark.parametrize(("dy", "asked"), [(0.14, False), (0.5, True)])
def test_front_and_behind_from_fifteen_centimetres(dy: float, asked: bool) -> None:
    assert bool(of(pair(dx=0.0, dy=dy, dz=0.0), "in_front_of", "behind")) == asked


@pytest.mark.parametrize(("ratio", "types"), [(1.14, ()), (1.17, ("wider", "narrower"))])
def test_wider_from_fifteen_percent(ratio: float, types: tuple[str, ...]) -> None:
    rows = of(pair(size=(A[0] * ratio, A[1], A[2])), "wider", "narrower")
    assert bool(rows) == bool(types)


def test_two_sigma_decide_where_they_are_larger_than_the_floor() -> None:
    assert of(pair(dx=0.5, sigma=0.1), "left_of", "right_of")
    assert not of(pair(dx=0.5, sigma=0.2), "left_of", "right_of")


def test_sides_need_the_same_order_of_bearings() -> None:
    """The lamp is further right in metres but, much farther away, further left by bearing."""
    boxes = [Box("table", (1.0, 2.0, 0.3), A), Box("lamp", (1.3, 6.0, 0.3), A)]
    assert not of(rows_of([make_scene(boxes)]), "left_of", "right_of")


def test_front_needs_the_same_order_of_distances() -> None:
    boxes = [Box("table", (-3.0, 2.0, 0.3), A), Box("lamp", (0.0, 2.6, 0.3), A)]
    rows = rows_of([make_scene(boxes)])
    assert not of(rows, "in_front_of", "behind")
    assert of(rows, "nearer", "farther")


GRAVITY_FREE = {
    "relative_depth",
    "image_third",
    "image_coverage",
    "box_2d",
    "count",
    "exists",
    "nearer",
    "farther",
    "depth_order",
    "closest_to_camera",
    "farthest_from_camera",
    "nth_closest",
    "refer",
}


def test_without_gravity_only_what_needs_none() -> None:
    types = {r["question_type"] for r in rows_of([make_scene(ROOM, gravity=False)])}
    assert types <= GRAVITY_FREE
    assert {"nearer", "box_2d", "count"} & types


def test_doubtful_gravity_counts_as_none() -> None:
    assert {r["question_type"] for r in rows_of([make_scene(ROOM, gravity_sigma=12.0)])} <= GRAVITY_FREE


def test_without_forward_nothing_that_uses_x_or_y() -> None:
    types = {r["question_type"] for r in rows_of([make_scene(ROOM, forward=False)])}
    sideways = {
        "left_of",
        "right_of",
        "in_front_of",
        "behind",
        "wider",
        "narrower",
        "width",
        "lateral_offset",
        "forward_offset",
        "clock_direction",
        "bearing",
        "bearing_from_camera",
        "clock_from_camera",
        "leftmost",
        "rightmost",
        "width_ratio",
        "box_3d",
        "widest",
        "facing",
    }
    assert not types & sideways
    assert {"above", "taller", "distance"} & types


def test_without_a_floor_nothing_above_it() -> None:
    types = {r["question_type"] for r in rows_of([make_scene(ROOM, floor=False)])}
    assert not types & {"height_above_floor", "top_height", "free_space_point", "box_3d"}
    assert "box_3d" in {r["question_type"] for r in rows_of([make_scene(ROOM)])}


def test_without_scale_no_lengths_but_ratios_and_orders() -> None:
    types = {r["question_type"] for r in rows_of([make_scene(ROOM, scale=0.3)]) if r["status"] == "decided"}
    lengths = {
        "distance",
        "width",
        "height",
        "volume",
        "touching",
        "fits_on",
        "fits_between",
        "passes_between",
        "box_3d",
        "depth_at_point",
    }
    assert not types & lengths
    assert {"taller", "height_ratio", "left_of", "nearer", "bearing"} <= types | {"left_of", "taller", "nearer"}
    assert {"height_ratio", "bearing"} <= types


def test_a_gap_of_nothing_is_a_length_too() -> None:
    touching = [Box("crate", (0.0, 2.0, 0.2), (0.4, 0.4, 0.4)), Box("chair", (0.0, 2.4, 0.4), (0.4, 0.4, 0.8))]
    for scale, told in ((0.0, True), (0.35, False)):
        types = {r["question_type"] for r in rows_of([make_scene(touching, scale=scale)]) if r["status"] == "decided"}
        assert bool(types & {"gap", "vertical_distance", "free_space_point"}) is told


def test_things_that_touch_in_a_smeared_depth_map_may_be_apart() -> None:
    touching = [Box("crate", (0.0, 2.0, 0.2), (0.4, 0.4, 0.4)), Box("chair", (0.0, 2.4, 0.4), (0.4, 0.4, 0.8))]
    for noise, told in ((0.0, True), (0.2, False)):
        scene = replace(make_scene(touching), depth_sigma=noise)
        types = {r["question_type"] for r in rows_of([scene]) if r["status"] == "decided"}
        assert ("next_to" in types) is told


def test_what_a_network_cannot_measure_people_may_well_see() -> None:
    vague = [Box("table", (0.0, 3.0, 0.5), A, sigma=0.4), Box("lamp", (0.1, 3.1, 0.55), A, sigma=0.4)]
    for noise, told in ((0.01, True), (0.2, False)):
        rows = [r for k in range(8) for r in rows_of([replace(make_scene(vague, f"vague-{k}"), depth_sigma=noise)])]
        assert bool([r for r in rows if r["status"] == "unknown"]) is told


def test_cut_objects_have_no_sizes_centres_or_gaps() -> None:
    cut = Box("sofa", (2.0, 3.0, 0.4), (2.0, 0.9, 0.8), solid=False, cut=("right",))
    rows = rows_of([make_scene([*ROOM[:3], cut])])
    about = {r["question_type"] for r in rows if "4" in r["subjects"] and r["status"] == "decided"}
    assert about <= {"image_third", "image_coverage", "box_2d", "nearest_depth", "relative_depth"}
    assert about


def test_hours_are_silent_near_half_hours() -> None:
    def hours(angle: float) -> list[Row]:
        x, y = 2 * np.sin(np.radians(angle)), 2 * np.cos(np.radians(angle))
        boxes = [Box("table", (0.0, 4.0, 0.3), A), Box("lamp", (x, 4.0 + y, 0.3), A)]
        return [r for r in of(rows_of([make_scene(boxes)]), "clock_direction") if r["subjects"] == ["1", "2"]]

    assert [r["answer_value"] for r in hours(9.5)] == [12.0]
    assert [r["answer_value"] for r in hours(20.5)] == [1.0]
    assert not hours(11.0)
    assert not hours(19.0)


def test_perspective_is_silent_on_both_sides_of_a_border() -> None:
    def quarters(angle: float) -> list[Row]:
        c = (2 * np.sin(np.radians(angle)), 4.0 + 2 * np.cos(np.radians(angle)), 0.3)
        boxes = [Box("table", (0.0, 4.0, 0.3), A), Box("lamp", (0.0, 6.5, 0.3), A), Box("sofa", c, A)]
        return [r for r in of(rows_of([make_scene(boxes)]), "perspective") if r["subjects"] == ["1", "2", "3"]]

    assert [r["answer_value"] for r in quarters(12)] == [1.0]
    assert [r["answer_value"] for r in quarters(-12)] == [0.0]
    assert not quarters(8)
    assert not quarters(-8)
    assert not quarters(84)
    assert not quarters(96)
    assert [r["answer_value"] for r in quarters(102)] == [3.0]


@pytest.mark.parametrize(
    ("facing", "x", "sector"),
    [
        (180.0, 0.0, 2.0),
        (218.0, 0.0, None),
        (212.0, 0.0, 2.0),
        (90.0, 0.0, 1.0),
        (300.0, 0.0, 3.0),
        (5.0, 0.0, 0.0),
        (180.0, 2.0, None),
        (210.0, 2.0, 2.0),
    ],
)
def test_facing_goes_by_the_line_of_sight_and_by_straight_ahead(facing: float, x: float, sector: float | None) -> None:
    """A chair at 45 degrees that faces the picture's plane does not quite face the viewer."""
    chair = Box("chair", (x, 2.0, 0.45), (0.5, 0.45, 0.9), facing=facing)
    found = [r["answer_value"] for r in of(rows_of([make_scene([chair])]), "facing")]
    assert found == ([] if sector is None else [sector])


@pytest.mark.parametrize(
    ("gap_m", "sigma", "value"),
    [(0.0, 0.002, 1.0), (0.06, 0.002, 0.0), (0.03, 0.002, None), (0.0, 0.05, None), (0.06, 0.05, None)],
)
def test_touching(gap_m: float, sigma: float, value: float | None) -> None:
    rows = of(pair(dx=A[0] + gap_m, dy=0.0, dz=0.0, sigma=sigma), "touching")
    assert [r["answer_value"] for r in rows][:1] == ([] if value is None else [value])


def test_clearance_only_where_the_upper_starts_at_or_above_the_other_s_top() -> None:
    rows = of(rows_of([room()]), "clearance")
    pairs = {tuple(r["subjects"]): r["answer_value"] for r in rows}
    assert pairs["2", "1"] == pytest.approx(0.0, abs=1e-9)
    assert all(value >= 0 for value in pairs.values())
    assert ("1", "3") not in pairs
    assert ("3", "1") not in pairs


def test_decision_rules() -> None:
    d, s = np.array([0.11, 0.11, -0.2, np.nan]), np.array([0.01, 0.06, 0.01, 0.01])
    assert difference_decided(d, s, 0.10).tolist() == [True, False, True, False]
    assert quantity_decided(np.array([1.0, 1.0, 0.0]), np.array([0.05, 0.051, 0.005])).tolist() == [True, False, True]
    holds, fails = zone(np.array([0.3, 0.49, 1.1, 0.7]), np.full(4, 0.02), 0.5, 1.0)
    assert holds.tolist() == [True, False, False, False]
    assert fails.tolist() == [False, False, True, False]


def with_height(height: float, sigma: float) -> list[Row]:
    """The rows about a cone of which only the lower part is seen, `height` so far, and a table."""
    scene = make_scene([Box("cone", (0.0, 3.0, height / 2), (0.35, 0.3, height)), Box("table", (1.5, 3.0, 0.3), A)])
    cone = scene.objects[0]
    sigmas = cone.geometry.size_sigma_m * np.array([1.0, 1.0, 0.0]) + np.array([0.0, 0.0, sigma])
    geometry = replace(cone.geometry, size_sigma_m=sigmas)
    return rows_of([replace(scene, objects=(replace(cone, geometry=geometry), *scene.objects[1:]))])


def test_the_longest_side_is_silent_while_another_may_yet_be_longer() -> None:
    assert [r for r in of(with_height(0.2, 0.002), "longest_side") if r["subjects"] == ["1"]]
    assert not [r for r in of(with_height(0.2, 0.12), "longest_side") if r["subjects"] == ["1"]]


@pytest.mark.parametrize(("apart", "says_no"), [(0.19, False), (0.27, True)])
def test_not_the_same_only_where_it_is_surely_more_than_the_margin(apart: float, says_no: bool) -> None:
    """A difference of 19 cm, give or take 3 cm, may be one of 16 cm, which counts as the same."""
    rows = of(pair(dx=1.0, dy=apart, dz=0.0, sigma=0.02), "same_distance")
    assert all(r["answer_value"] == 0.0 for r in rows)
    assert bool(rows) is says_no


def about(rows: list[Row], type_: str, *subjects: str) -> list[float]:
    return [r["answer_value"] for r in of(rows, type_) if r["subjects"] == list(subjects)]


@pytest.mark.parametrize(
    ("gap_m", "sigma", "value"),
    [(0.3, 0.002, 0.0), (0.3, 0.05, 0.0), (0.02, 0.002, 0.0), (0.02, 0.05, None), (-0.01, 0.002, 0.0)],
)
def test_outside_only_where_a_tenth_could_not_be_inside(gap_m: float, sigma: float, value: float | None) -> None:
    """Beside a crate at 2 cm, give or take 5 cm, a ball may as well be half in it."""
    crate = Box("crate", (0.0, 3.0, 0.2), (0.5, 0.4, 0.4), sigma=sigma)
    ball = Box("ball", (0.25 + gap_m + 0.1, 3.0, 0.1), (0.2, 0.2, 0.2), sigma=sigma)
    assert about(rows_of([make_scene([crate, ball])]), "inside", "2", "1") == ([] if value is None else [value])


def test_outside_by_height_alone() -> None:
    for lift, sigma, value in ((0.4, 0.002, [0.0]), (0.4, 0.05, []), (0.7, 0.05, [0.0])):
        crate = Box("crate", (0.0, 3.0, 0.2), (0.5, 0.4, 0.4), sigma=sigma)
        ball = Box("ball", (0.0, 3.0, lift + 0.1), (0.2, 0.2, 0.2), sigma=sigma, on="1")
        assert about(rows_of([make_scene([crate, ball])]), "inside", "2", "1") == value


@pytest.mark.parametrize(("sigma", "value"), [(0.002, 1.0), (0.08, None)])
def test_inside_only_where_it_could_not_be_outside(sigma: float, value: float | None) -> None:
    crate = Box("crate", (0.0, 3.0, 0.2), (0.5, 0.4, 0.4), sigma=sigma)
    ball = Box("ball", (0.1, 3.0, 0.15), (0.2, 0.2, 0.2), sigma=sigma)
    assert about(rows_of([make_scene([crate, ball])]), "inside", "2", "1") == ([] if value is None else [value])


@pytest.mark.parametrize(
    ("x", "on", "sigma", "value"),
    [
        (0.0, "1", 0.002, 1.0),
        (0.0, "1", 0.01, 1.0),
        (0.48, "1", 0.002, 1.0),
        (0.48, "1", 0.01, None),
        (0.6, None, 0.002, 0.0),
        (0.6, None, 0.1, None),
        (0.6, "floor", 0.1, 0.0),
        (1.2, None, 0.1, 0.0),
    ],
)
def test_on_top_of_honours_the_errors_of_both_footprints(
    x: float, on: str | None, sigma: float, value: float | None
) -> None:
    """A vase on a table 1 m wide: in the middle, a little over the edge, just beside it, and well away."""
    table = Box("table", (0.0, 3.0, 0.35), (1.0, 0.8, 0.7), sigma=sigma)
    vase = Box("vase", (x, 3.0, 0.8), (0.16, 0.15, 0.2), sigma=sigma, on=on)
    assert about(rows_of([make_scene([table, vase])]), "on_top_of", "2", "1") == ([] if value is None else [value])


@pytest.mark.parametrize(
    ("type_", "gap_m", "yes"),
    [("next_to", 0.28, 1.0), ("next_to", 0.62, 0.0), ("far_from", 1.3, 1.0), ("far_from", 0.58, 0.0)],
)
def test_closeness_honours_the_error_on_both_sides(type_: str, gap_m: float, yes: float) -> None:
    """The gap is close to a limit, in mean longest sides: 0.47, 1.03, 2.17 and 0.97."""
    for sigma, value in ((0.001, [yes]), (0.03, [])):
        rows = of(pair(dx=A[0] + gap_m, dy=0.0, dz=0.0, sigma=sigma), type_)
        assert [r["answer_value"] for r in rows][:1] == value


@pytest.mark.parametrize(("dz", "yes"), [(0.04, 1.0), (0.16, 0.0)])
def test_level_honours_the_error_on_both_sides(dz: float, yes: float) -> None:
    for sigma, value in ((0.001, [yes]), (0.02, [])):
        rows = of(pair(dx=1.0, dy=0.5, dz=dz, sigma=sigma), "aligned_horizontally")
        assert [r["answer_value"] for r in rows][:1] == value


@pytest.mark.parametrize(("dx", "yes"), [(0.14, 1.0), (0.35, 0.0)])
def test_in_line_honours_the_errors_of_places_and_sizes(dx: float, yes: float) -> None:
    """A quarter of the diagonal is 16 cm, half of it 32 cm."""
    for sigma, size_sigma, value in ((0.001, 0.001, [yes]), (0.02, 0.001, []), (0.001, 0.06, [])):
        scene = make_scene([Box("table", (0.0, 3.0, 0.3), A, sigma=sigma), Box("lamp", (dx, 3.0, 1.3), A, sigma=sigma)])
        objects = tuple(
            replace(item, geometry=replace(item.geometry, size_sigma_m=np.full(3, size_sigma)))
            for item in scene.objects
            if item.geometry
        )
        rows = of(rows_of([replace(scene, objects=objects)]), "aligned_vertically")
        assert [r["answer_value"] for r in rows][:1] == value


def test_a_size_that_may_as_well_be_twice_or_nothing_is_compared_with_none() -> None:
    """The logarithm of a ratio is no longer told by errors as large as the sizes, however far apart they seem."""
    relative = np.array([0.1, 0.3, 0.85, 0.95])
    sigma = log_sigma(relative, np.full(4, 0.05))
    np.testing.assert_allclose(sigma[:2], np.hypot(relative[:2], 0.05))
    assert not difference_decided(np.full(4, 3.0), sigma, 0.1)[2:].any()
    assert difference_decided(np.full(4, 3.0), sigma, 0.1)[:2].all()
