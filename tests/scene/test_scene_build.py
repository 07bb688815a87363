"""Scenes of shapes whose truth is known: sizes, places, supports, gaps, errors, and when to say nothing."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco
from scene_maker import block, by_id, lift, picture, scaled

from spatialgen.records import DepthMap, Detections, Gravity, InstanceMap
from spatialgen.scene.build import build_scene
from spatialgen.scene.config import LiftConfig
from spatialgen.scene.stage import LiftStage
from spatialgen.testing.degrade import Degradation
from spatialgen.testing.furniture import chair, mug, placed, table
from spatialgen.testing.primitives import Ball, Box, cylinder, yaw_rotation
from spatialgen.testing.scenes import sample_scene
from spatialgen.testing.viewpoint import Viewpoint, pinhole

CRATE = ("crate", (block(-0.6, 3.0, (0.7, 0.4, 0.5), 25),))
BALL = ("ball", (Ball(np.array([0.5, 3.2, 0.15]), radius_m=0.15),))
BARREL = ("barrel", (cylinder(np.array([1.0, 4.0, 0.4]), 0.3, 0.8),))
FAR_WALL = Box(np.array([0.0, 6.0, 1.5]), np.array([9.0, 0.1, 1.5]))


@settings(max_examples=12)
@given(st.floats(0.3, 0.9), st.floats(0.25, 0.6), st.floats(0.2, 0.7), st.floats(0, 179), st.floats(-8, 8))
def test_a_box_is_measured_to_a_percent(length: float, width: float, height: float, yaw: float, roll: float) -> None:
    length = max(length, 1.2 * width)
    scene = lift(picture(("crate", (block(0.2, 3.0, (length, width, height), yaw),)), roll=roll))
    g = by_id(scene, "1").geometry
    np.testing.assert_allclose(g.size_m, [length, width, height], rtol=0.02, atol=0.008)
    np.testing.assert_allclose(g.center_m, [0.2, 3.0, height / 2], atol=0.012)
    assert abs((g.yaw_deg - yaw + 90) % 180 - 90) < 2.0
    a = np.radians(yaw)
    across = length * abs(np.cos(a)) + width * abs(np.sin(a))
    assert np.ptp(g.x_interval_m) == pytest.approx(across, rel=0.025, abs=0.01)
    assert (g.size_sigma_m < 0.02).all()


def test_a_ball_and_a_barrel_are_whole_though_only_their_fronts_are_seen() -> None:
    scene = lift(picture(BALL, BARREL, height=1.0, pitch=12))
    ball, barrel = by_id(scene, "1").geometry, by_id(scene, "2").geometry
    np.testing.assert_allclose(ball.size_m, 0.3, rtol=0.01)
    np.testing.assert_allclose(ball.center_m, [0.5, 3.2, 0.15], atol=0.003)
    np.testing.assert_allclose(barrel.size_m, [0.6, 0.6, 0.8], rtol=0.02)
    np.testing.assert_allclose(barrel.center_m, [1.0, 4.0, 0.4], atol=0.01)
    assert ball.yaw_deg is None
    assert barrel.yaw_deg is None


def test_height_is_height_and_not_width_and_lateral_is_not_length() -> None:
    """Defects 2 and 7: the height question returned the width; longest sides were wrong."""
    g = by_id(lift(picture(("post", (block(0, 3, (0.2, 0.6, 1.1)),)))), "1").geometry
    np.testing.assert_allclose(g.size_m, [0.6, 0.2, 1.1], rtol=0.04)
    assert np.ptp(g.x_interval_m) == pytest.approx(0.2, rel=0.02)
    assert g.yaw_deg == pytest.approx(90, abs=0.5)


def test_behind_is_behind_and_right_is_right() -> None:
    """Defect 1: an axis flipped once too often."""
    near, far = ("crate", (block(0.5, 2.5, (0.4, 0.4, 0.4)),)), ("crate", (block(-0.5, 4.5, (0.4, 0.4, 0.4)),))
    scene = lift(picture(near, far, pitch=30, roll=10, height=2))
    a, b = (by_id(scene, k).geometry.center_m for k in "12")
    assert a[1] < b[1]
    assert a[0] > b[0]


def test_the_origin_is_on_the_floor_below_the_camera() -> None:
    scene = lift(picture(CRATE, height=1.7))
    assert scene.floor.camera_height_m == pytest.approx(1.7, rel=1e-5)
    np.testing.assert_allclose(scene.camera_center_m, [0, 0, 1.7], rtol=1e-5)


def test_a_mirrored_picture_has_mirrored_places_and_the_same_sizes() -> None:
    frame = picture(CRATE, BALL)
    flipped = replace(
        frame,
        depth=DepthMap(np.ascontiguousarray(frame.depth.depth_m[:, ::-1]), "given"),
        instances=InstanceMap(np.ascontiguousarray(frame.instances.ids[:, ::-1])),
        up_camera=frame.up_camera * [-1, 1, 1],
    )
    for before, after in zip(lift(frame).objects, lift(flipped).objects, strict=True):
        a, b = before.geometry, after.geometry
        np.testing.assert_allclose(a.center_m * [-1, 1, 1], b.center_m, atol=0.004)
        np.testing.assert_allclose(a.size_m, b.size_m, rtol=0.01)
        np.testing.assert_allclose(-a.x_interval_m[::-1], b.x_interval_m, atol=0.004)


@settings(max_examples=6)
@given(st.floats(0.6, 1.6))
def test_all_lengths_scale_with_the_depth(factor: float) -> None:
    one, other = lift(picture(CRATE, BALL)), lift(scaled(picture(CRATE, BALL), factor))
    for before, after in zip(one.objects, other.objects, strict=True):
        np.testing.assert_allclose(after.geometry.size_m, factor * before.geometry.size_m, rtol=0.01)
        np.testing.assert_allclose(after.geometry.center_m, factor * before.geometry.center_m, rtol=0.01, atol=0.004)
    assert other.pairs[0].gap_m == pytest.approx(factor * one.pairs[0].gap_m, rel=0.02)


@settings(max_examples=8)
@given(st.floats(10, 35), st.floats(-12, 12))
def test_pitch_and_roll_change_nothing(pitch: float, roll: float) -> None:
    level, tilted = lift(picture(CRATE, BARREL)), lift(picture(CRATE, BARREL, pitch=pitch, roll=roll))
    for a, b in zip(level.objects, tilted.objects, strict=True):
        if b.cut:
            continue
        np.testing.assert_allclose(a.geometry.center_m, b.geometry.center_m, atol=0.015)
        np.testing.assert_allclose(a.geometry.size_m, b.geometry.size_m, rtol=0.03)


def test_without_up_the_room_itself_tells_gravity() -> None:
    frame = picture(CRATE, BARREL, pitch=25, roll=9, walls=(FAR_WALL,))
    scene = lift(replace(frame, up_camera=None))
    assert scene.gravity.source == "floor"
    assert scene.gravity.up_camera @ frame.up_camera > np.cos(np.radians(0.1))
    np.testing.assert_allclose(by_id(scene, "1").geometry.size_m, [0.7, 0.4, 0.5], rtol=0.02)


@pytest.mark.parametrize(("yaw", "facing"), [(0.0, 180.0), (90.0, 90.0), (180.0, 0.0), (215.0, 325.0)])
def test_a_given_front_is_turned_into_the_canonical_frame(yaw: float, facing: float) -> None:
    """A chair's front is -y where it is not turned: towards the viewer. Pitch and roll change nothing."""
    front = yaw_rotation(yaw) @ np.array([0.0, -1.0, 0.0])
    parts = placed(chair(np.random.default_rng(5)), 0.0, 2.8, 0.0, yaw)
    view = Viewpoint(640, 480, pinhole(640, 480, 60.0), 1.5, 20.0, 9.0)
    frame = picture(("chair", parts), pitch=20.0, roll=9.0)
    for fronts, known in (([view.in_camera(front)], True), ([[np.nan] * 3], False), ([view.up_camera], False)):
        found = replace(frame.detections, fronts=np.array(fronts))
        g = by_id(lift(replace(frame, detections=found)), "1").geometry
        assert (g.facing_deg is not None) is known
        if known:
            assert (g.facing_deg - facing + 180) % 360 - 180 == pytest.approx(0.0, abs=1e-6)


def test_a_given_up_is_used_as_it_is() -> None:
    frame = picture(CRATE)
    assert lift(frame).gravity.source == "given"
    given = Gravity(frame.up_camera, 0.0, "given")
    np.testing.assert_array_equal(
        lift(replace(frame, up_camera=None, gravity=given)).gravity.up_camera, given.up_camera
    )


def test_the_gap_is_between_surfaces_and_the_same_both_ways() -> None:
    """Defect 6: the mean of nearest neighbours is neither the gap nor the distance, and not symmetric."""
    a, b = ("crate", (block(-0.5, 3, (0.4, 0.4, 0.4)),)), ("crate", (block(0.3, 3, (0.4, 0.6, 0.9)),))
    pair, turned = lift(picture(a, b)).pairs[0], lift(picture(b, a)).pairs[0]
    assert pair.gap_m == pytest.approx(0.4, abs=0.01)
    assert turned.gap_m == pytest.approx(pair.gap_m, abs=0.002)


def test_the_gap_counts_the_far_side_that_nobody_sees() -> None:
    front, behind = ("crate", (block(0, 2.5, (0.5, 0.5, 0.4)),)), ("crate", (block(0, 3.5, (0.5, 0.5, 0.4)),))
    pair = lift(picture(front, behind, height=2)).pairs[0]
    assert pair.gap_m == pytest.approx(0.5, abs=0.02)


def test_a_mug_on_a_table_rests_there() -> None:
    random = np.random.default_rng(2)
    desk = placed(table(random), 0.0, 2.4, 0.0, 10.0)
    top = max(s.center_m[2] + s.half_box_m[2] for s in desk)
    cup = placed(mug(random), 0.1, 2.2, top, 40.0)
    scene = lift(picture(("table", desk), ("mug", cup), pitch=25, height=1.6))
    desk_g, cup_g = by_id(scene, "1").geometry, by_id(scene, "2").geometry
    assert desk_g.support_id == "floor"
    assert cup_g.support_id == "1"
    assert cup_g.z_interval_m[0] == pytest.approx(top, abs=0.003)
    assert desk_g.z_interval_m == pytest.approx([0, top], abs=0.003)
    pair = scene.pairs[0]
    assert pair.gap_m < 0.01
    assert pair.rest_ba_m == pytest.approx(0, abs=0.01)
    assert pair.inside_ba == pytest.approx(1, abs=0.02)
    assert pair.inside_ab < 0.1


def test_a_chair_is_as_deep_as_its_seat_and_as_high_as_its_back() -> None:
    parts = placed(chair(np.random.default_rng(5)), 0.0, 2.8, 0.0, 200.0)
    seat, back = parts[4], parts[5]
    g = by_id(lift(picture(("chair", parts), pitch=20)), "1").geometry
    sides = sorted(2 * seat.half_box_m[:2], reverse=True)
    np.testing.assert_allclose(g.size_m, [*sides, back.center_m[2] + back.half_box_m[2]], rtol=0.02)


def test_a_hidden_bottom_is_on_the_floor_and_a_hidden_side_is_not_told() -> None:
    screen = ("crate", (block(0.45, 2.0, (0.9, 0.1, 0.3)),))
    tall = ("cabinet", (block(0.0, 4.0, (0.6, 0.5, 1.1)),))
    g = by_id(lift(picture(screen, tall)), "2").geometry
    assert g.support_id == "floor"
    assert g.size_m[2] == pytest.approx(1.1, rel=0.01)
    board = ("crate", (block(0.9, 2.0, (0.9, 0.05, 2.0)),))
    wide = ("cabinet", (block(0.6, 4.0, (1.2, 0.5, 0.9)),))
    covered = by_id(lift(picture(board, wide)), "2").geometry
    assert covered is None or 2 * covered.size_sigma_m[0] > 0.1 * covered.size_m[0]


def test_an_object_at_the_border_has_no_sizes_but_is_still_counted() -> None:
    """Defects 7 and 9: sizes of cut objects; counts of only what survived a filter."""
    scene = lift(picture(CRATE, ("crate", (block(1.9, 3.0, (0.8, 0.4, 0.5)),))))
    cut = by_id(scene, "2")
    assert cut.cut == ("right",)
    assert cut.geometry is None
    assert cut.pixels > 400
    assert cut.median_depth_m == pytest.approx(2.8, rel=0.2)
    assert len(scene.objects) == 2
    assert scene.pairs == ()


def test_a_front_without_a_visible_depth_is_not_given_one() -> None:
    g = by_id(lift(picture(("cabinet", (block(0, 4, (0.8, 0.5, 1.8)),)), pitch=0, height=1.2)), "1").geometry
    assert g.size_m[2] == pytest.approx(1.8, rel=0.01)
    assert np.ptp(g.x_interval_m) == pytest.approx(0.8, rel=0.01)
    assert g.volume_sigma > 0.3


def test_depth_in_the_wrong_unit_is_not_trusted() -> None:
    """Defect 2: a constant factor of 10 on every length."""
    assert lift(picture(CRATE)).scale.sigma == 0
    assert lift(scaled(picture(CRATE), 10)).scale.sigma > 0.5
    assert lift(scaled(picture(CRATE), 0.1)).scale.sigma > 0.5


def test_depth_of_half_the_size_gives_the_same_scene() -> None:
    """Defect 10."""
    whole, half = lift(picture(CRATE)), lift(picture(CRATE, how=Degradation(depth_scale=0.5)))
    np.testing.assert_allclose(
        by_id(whole, "1").geometry.size_m, by_id(half, "1").geometry.size_m, rtol=0.08, atol=0.01
    )


@pytest.mark.parametrize("grow", [-2, 2])
def test_masks_that_are_off_by_two_pixels_are_set_right(grow: int) -> None:
    scene = lift(picture(CRATE, BARREL, walls=(FAR_WALL,), how=Degradation(mask_px=grow)))
    np.testing.assert_allclose(by_id(scene, "1").geometry.size_m, [0.7, 0.4, 0.5], rtol=0.02)
    np.testing.assert_allclose(by_id(scene, "2").geometry.size_m, [0.6, 0.6, 0.8], rtol=0.03)


def test_flying_pixels_do_not_stretch_a_crate() -> None:
    scene = lift(picture(CRATE, BARREL, walls=(FAR_WALL,), how=Degradation(flying_px=1)))
    np.testing.assert_allclose(by_id(scene, "1").geometry.size_m, [0.7, 0.4, 0.5], rtol=0.08)


@pytest.mark.slow
def test_errors_grow_with_noise_and_cover_it() -> None:
    scores, sigmas = [], []
    for sigma in (0.01, 0.03):
        scene = lift(picture(CRATE, BARREL, BALL, walls=(FAR_WALL,), how=Degradation(smooth_noise=sigma)))
        truth = {"1": (-0.6, 3.0), "2": (1.0, 4.0), "3": (0.5, 3.2)}
        for key, place in truth.items():
            g = by_id(scene, key).geometry
            off = g.center_m[:2] - place
            scores.append(float(off @ np.linalg.solve(g.center_cov_m2[:2, :2], off)))
        sigmas.append(np.sqrt(by_id(scene, "1").geometry.center_cov_m2[1, 1]))
        assert scene.depth_sigma == pytest.approx(sigma, rel=0.5)
    assert sigmas[1] > 2 * sigmas[0]
    assert np.median(scores) < 6


def test_the_mask_of_a_scene_is_the_mask_of_the_frame() -> None:
    frame = picture(CRATE, BALL)
    for k, item in enumerate(lift(frame).objects):
        mask = coco.decode({"size": [480, 640], "counts": item.mask_rle}) > 0
        np.testing.assert_array_equal(mask, frame.instances.ids == k + 1)
        v, u = np.nonzero(mask)
        np.testing.assert_allclose(item.centroid_px, [u.mean(), v.mean()])
        np.testing.assert_array_equal(item.box_px, [u.min(), v.min(), u.max() + 1, v.max() + 1])
        depth = frame.depth.depth_m[mask]
        assert item.median_depth_m == pytest.approx(np.median(depth), rel=0.005)
        assert item.nearest_depth_m == pytest.approx(np.percentile(depth, 2), rel=0.01)


def test_samples_lie_on_smooth_depth_and_free_points_on_empty_floor() -> None:
    frame = picture(CRATE, BARREL, walls=(FAR_WALL,))
    scene = lift(frame)
    assert 0 < len(scene.depth_samples) <= 8
    for u, v, z, sigma in scene.depth_samples:
        assert frame.depth.depth_m[int(v), int(u)] == pytest.approx(z)
        assert sigma < 0.05 * z
    assert 0 < len(scene.free_floor_m) <= 6
    for x, y, clear, u, v in scene.free_floor_m:
        assert frame.instances.ids[int(v), int(u)] == 0
        assert np.hypot(x - 1.0, y - 4.0) >= 0.3 + clear - 0.03
        assert np.hypot(x + 0.6, y - 3.0) >= 0.2 + clear - 0.03


def test_a_frame_without_objects_has_a_scene_with_none() -> None:
    scene = lift(picture())
    assert scene.objects == ()
    assert scene.pairs == ()
    assert scene.floor is not None


def test_an_object_without_pixels_or_readings_does_not_shift_the_others() -> None:
    """Defect 2: an empty mask shifted captions against clouds from there on."""
    frame = picture(CRATE, BALL)
    detections = frame.detections
    extra = Detections(
        np.concatenate([np.zeros((1, 4), np.float32), detections.boxes_px]),
        np.ones(3, np.float32),
        ("ghost", *detections.labels),
        ("9", *detections.object_ids),
        (None, *detections.names),
    )
    ids = np.where(frame.instances.ids > 0, frame.instances.ids + 1, 0).astype(np.int32)
    scene = lift(replace(frame, detections=extra, instances=InstanceMap(ids), texts=None))
    assert [(o.object_id, o.label) for o in scene.objects] == [("1", "crate"), ("2", "ball")]
    blind = frame.depth.depth_m.copy()
    blind[frame.instances.ids == 1] = np.nan
    scene = lift(replace(frame, depth=DepthMap(blind, "given")))
    assert by_id(scene, "1").geometry is None
    assert by_id(scene, "2").geometry is not None


def test_a_scene_depends_on_its_frame_alone() -> None:
    first = sample_scene(7)
    frames = [picture(CRATE, BALL), picture(BARREL)]
    alone = lift(frames[1])
    together = LiftStage()([*frames])[1].scene
    np.testing.assert_array_equal(alone.objects[0].geometry.center_m, together.objects[0].geometry.center_m)
    np.testing.assert_array_equal(alone.depth_samples, together.depth_samples)
    assert first.objects


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match="no depth"):
        build_scene(replace(picture(CRATE), depth=None), LiftConfig())
    with pytest.raises(ValueError, match="differ"):
        build_scene(replace(picture(CRATE), instances=InstanceMap(np.zeros((4, 4), np.int32))), LiftConfig())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["room", "outdoors", "tabletop", "steep"])
def test_furnished_scenes_of_every_kind_can_be_lifted(kind) -> None:
    from spatialgen.testing.frames import to_frame
    from spatialgen.testing.render import render

    for seed in range(3):
        analytic = sample_scene(seed, kind=kind, size_wh=None)
        scene = lift(to_frame(analytic, render(analytic, shadows=False)))
        for item in scene.objects:
            if item.geometry is not None:
                assert (item.geometry.size_m > 0).all()
                assert np.linalg.eigvalsh(item.geometry.center_cov_m2).min() > -1e-12
                assert item.geometry.size_m[0] >= item.geometry.size_m[1]


def test_in_smeared_depth_nothing_stands_on_another_thing() -> None:
    """What seems to meet there may be one behind the other."""
    frame = picture(
        ("crate", (block(0, 2.4, (0.9, 0.6, 0.5)),)), ("box", (block(0, 2.4, (0.3, 0.3, 0.3), bottom=0.5),))
    )
    assert frame.depth is not None
    for sigma, support in ((0.0, "1"), (0.2, None)):
        scene = lift(replace(frame, depth=replace(frame.depth, sigma=sigma)))
        box = by_id(scene, "2").geometry
        assert box is None or box.support_id == support
        assert sigma or box is not None
