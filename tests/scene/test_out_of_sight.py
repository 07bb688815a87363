"""What nobody sees of a thing: feet, doors, handles and the faces behind; and what that does to the gaps."""

from collections.abc import Sequence

import numpy as np
import pytest
from scene_maker import block, by_id, lift, picture

from spatialgen.records import F64, ObjectGeometry, Scene
from spatialgen.testing.furniture import mug, placed
from spatialgen.testing.furniture_other import legged_cabinet
from spatialgen.testing.primitives import Ball, Frustum, Solid, cylinder
from spatialgen.testing.scenes import sample_scene
from spatialgen.testing.truth.extents import upright_box
from spatialgen.testing.truth.gap import gap_m
from spatialgen.verify.conditions import condition
from spatialgen.verify.lift import lift_scene


def rod(foot: F64, top: F64, radius: float) -> Frustum:
    """A round bar between two points (3,)."""
    length = float(np.linalg.norm(top - foot))
    axis = (top - foot) / length
    side = np.cross(axis, [0.0, 1.0, 0.0])
    side /= np.linalg.norm(side)
    rotation = np.column_stack([side, np.cross(axis, side), axis])
    return Frustum((foot + top) / 2, radius, radius, length / 2, rotation=rotation)


def splayed_stool(legs: int, turned_deg: float, distance: float) -> tuple[Solid, ...]:
    """A round seat on legs that lean outwards, their feet a little beyond it."""
    middle = np.array([0.0, distance, 0.0])
    parts: list[Solid] = [cylinder(np.array([0.0, distance, 0.46]), 0.19, 0.04)]
    for k in range(legs):
        angle = np.radians(turned_deg + 360 * k / legs)
        out = np.array([np.cos(angle), np.sin(angle), 0.0])
        parts.append(rod(middle + 0.2 * out + [0, 0, 0.013], middle + 0.115 * out + [0, 0, 0.44], 0.013))
    return tuple(parts)


def off_by(g: ObjectGeometry, solids: Sequence[Solid]) -> F64:
    """How far off length and width are, in sigmas (2,)."""
    true = upright_box(solids)
    return np.asarray(np.abs(g.size_m[:2] - [true.length_m, true.width_m]) / g.size_sigma_m[:2])


def gap_of(scene: Scene, one: str, other: str) -> tuple[float, float]:
    """The gap between two objects, and its sigma."""
    ids = [item.object_id for item in scene.objects]
    return next((p.gap_m, p.gap_sigma_m) for p in scene.pairs if {ids[p.a], ids[p.b]} == {one, other})


@pytest.mark.parametrize("legs", [3, 4])
def test_a_foot_behind_the_others_may_reach_out_as_they_do(legs: int) -> None:
    z = []
    for turned in range(5, 120, 10):
        parts = splayed_stool(legs, turned, 2.6)
        z.append(off_by(by_id(lift(picture(("stool", parts), pitch=25)), "1").geometry, parts))
    assert np.max(z) < 3


def test_legs_under_their_top_make_nothing_of_it_unsure() -> None:
    parts = (block(0, 2.6, (0.8, 0.5, 0.03), 30, 0.5), cylinder(np.array([0.0, 2.6, 0.25]), 0.03, 0.5))
    g = by_id(lift(picture(("table", parts), pitch=25)), "1").geometry
    assert g.size_sigma_m[:2].max() < 1e-3


@pytest.mark.parametrize("yaw", [150.0, 165.0, 195.0, 210.0])
def test_a_cabinet_that_turned_its_back_may_have_doors(yaw: float) -> None:
    parts = placed(legged_cabinet(np.random.default_rng(2)), 0.1, 3.0, 0.0, yaw)
    as_cabinet = by_id(lift(picture(("cabinet", parts), pitch=18)), "1").geometry
    assert off_by(as_cabinet, parts).max() < 3
    assert as_cabinet.volume_sigma < 0.05
    as_crate = by_id(lift(picture(("crate", parts), pitch=18)), "1").geometry
    assert as_crate.volume_sigma < 0.005


def test_a_handle_out_of_sight_counts_only_towards_what_is_behind() -> None:
    """The mug stands between a crate behind and a box before it, which the handle cannot reach for."""
    z = []
    for turned in range(60, 125, 10):
        parts = placed(mug(np.random.default_rng(1)), 0.0, 1.4, 0.0, turned)
        behind, before = (block(0.05, 1.9, (0.2, 0.2, 0.2)),), (block(0.0, 1.15, (0.1, 0.1, 0.03)),)
        scene = lift(picture(("mug", parts), ("crate", behind), ("book", before), pitch=15, height=0.5))
        value, sigma = gap_of(scene, "1", "2")
        z.append(abs(value - gap_m(parts, behind)) / sigma)
        value, sigma = gap_of(scene, "1", "3")
        z.append(abs(value - gap_m(parts, before)) / sigma)
        assert sigma < 0.001
    assert np.max(z) < 3


def test_the_image_of_a_handle_on_a_side_that_is_seen_is_not_there() -> None:
    parts = placed(mug(np.random.default_rng(1)), 0.0, 1.4, 0.0, 120.0)
    beside = (block(0.4, 1.7, (0.2, 0.2, 0.2)),)
    scene = lift(picture(("mug", parts), ("box", beside), pitch=25))
    assert gap_of(scene, "1", "2")[0] == pytest.approx(gap_m(parts, beside), abs=0.004)


@pytest.mark.parametrize(
    ("seed", "shapes", "one", "other", "within_m"),
    [
        (60004, "other", "1", "5", 0.007),  # an edge of a sofa's arm, between the points that stand for it
        (50162, "usual", "6", "8", 0.003),
        (60159, "other", "1", "4", 0.003),  # doors before the body of a cabinet, whose images stood out beside them
        (50042, "usual", "2", "5", 0.003),  # the side of a sofa, hidden by its own arm
    ],
)
def test_gaps_end_where_the_surfaces_do(seed: int, shapes: str, one: str, other: str, within_m: float) -> None:
    scene = sample_scene(seed, shapes=shapes)
    solids = {str(item.object_id): item.solids for item in scene.objects}
    lifted, _ = lift_scene(scene, condition("exact"))
    value, sigma = gap_of(lifted, one, other)
    true = gap_m(solids[one], solids[other])
    assert value == pytest.approx(true, abs=within_m)
    assert abs(value - true) < 3 * sigma


def test_a_gap_to_a_face_that_is_out_of_sight_is_unsure() -> None:
    """The front of a sofa that is seen from behind: something may be there, low down, that its back hides."""
    scene = sample_scene(70195)
    solids = {str(item.object_id): item.solids for item in scene.objects}
    lifted, _ = lift_scene(scene, condition("exact"))
    value, sigma = gap_of(lifted, "3", "4")
    assert abs(value - gap_m(solids["3"], solids["4"])) < 3 * sigma


def test_gaps_of_balls_are_those_of_spheres() -> None:
    one, other = Ball(np.array([-0.4, 2.4, 0.15]), radius_m=0.15), Ball(np.array([0.5, 3.0, 0.2]), radius_m=0.2)
    value, sigma = gap_of(lift(picture(("ball", (one,)), ("ball", (other,)))), "1", "2")
    assert value == pytest.approx(gap_m((one,), (other,)), abs=1e-3)
    assert sigma < 2e-3
