"""The renderer against closed forms: depth of planes, spheres, boxes and cones at known pixels, ids, symmetry."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from spatialgen.records import Camera
from spatialgen.testing.primitives import Ball, Box, Frustum, Solid, cylinder, yaw_rotation
from spatialgen.testing.render import render, render_depth_and_ids
from spatialgen.testing.scenes import AnalyticObject, AnalyticScene, Kind, sample_scene
from spatialgen.testing.viewpoint import Viewpoint

CAMERA = Camera(100.0, 100.0, 40.0, 30.0)


def scene_of(*solids: Solid, pitch: float = 0.0, roll: float = 0.0, height: float = 1.0) -> AnalyticScene:
    objects = tuple(AnalyticObject(k + 1, "thing", "red", (s,), (1.0,)) for k, s in enumerate(solids))
    view = Viewpoint(81, 61, CAMERA, height, pitch, roll)
    return AnalyticScene("s", view, objects, (), (-50.0, 50.0, -50.0, 50.0), np.array([0.0, 0.0, 1.0]))


def test_floor_depth_is_that_of_a_plane_at_any_pitch_and_roll() -> None:
    scene = scene_of(pitch=30.0, roll=10.0, height=1.7)
    depth, ids = render_depth_and_ids(scene)
    up = scene.view.up_camera
    v, u = np.mgrid[:61, :81]
    rays = np.stack([(u - 40) / 100, (v - 30) / 100, np.ones_like(u)], axis=-1)
    np.testing.assert_allclose(depth, -1.7 / (rays @ up), rtol=1e-6)
    assert not ids.any()


def test_depth_is_z_and_not_ray_length() -> None:
    depth, _ = render_depth_and_ids(scene_of(Box(np.array([0, 5.0, 1]), np.array([9, 1.0, 9]))))
    np.testing.assert_allclose(depth[0], 4.0, rtol=1e-6)


def test_sphere_is_nearest_at_its_middle_and_ends_at_its_outline() -> None:
    depth, ids = render_depth_and_ids(scene_of(Ball(np.array([0, 4.0, 1.0]), radius_m=0.5)))
    assert depth[30, 40] == pytest.approx(3.5, rel=1e-6)
    outline = 100 * np.tan(np.arcsin(0.5 / 4))
    assert (ids[30] == 1).sum() == 2 * int(outline) + 1


def test_cone_thins_upwards_and_its_side_is_where_the_radius_says() -> None:
    cone = Frustum(np.array([0, 3.0, 1.0]), 0.6, 0.2, 0.5)
    depth, _ = render_depth_and_ids(scene_of(cone))
    assert depth[30, 40] == pytest.approx(3.0 - 0.4, rel=1e-6)


def test_turned_box_shows_its_edge() -> None:
    box = Box(np.array([0, 3.0, 1.0]), np.array([0.5, 0.5, 0.5]), rotation=yaw_rotation(45))
    depth, _ = render_depth_and_ids(scene_of(box))
    assert depth[30, 40] == pytest.approx(3 - 0.5 * np.sqrt(2), rel=1e-6)


def test_nearer_things_hide_those_behind_and_ids_tell_them_apart() -> None:
    near, far = cylinder(np.array([0, 2.0, 1.0]), 0.1, 0.4), Box(np.array([0, 4.0, 1.0]), np.array([0.5, 0.5, 0.5]))
    for order in ((near, far), (far, near)):
        _, ids = render_depth_and_ids(scene_of(*order))
        assert ids[30, 40] == order.index(near) + 1
        assert ids[30, 30] == order.index(far) + 1


def test_sky_has_no_depth() -> None:
    depth, _ = render_depth_and_ids(scene_of())
    assert np.isnan(depth[:30]).all()
    assert np.isfinite(depth[45:]).all()


@pytest.mark.parametrize("kind", get_args(Kind))
def test_normals_face_the_camera_and_solids_contain_what_they_show(kind: Kind) -> None:
    scene = sample_scene(3, kind=kind, size_wh=(96, 72))
    depth, ids = render_depth_and_ids(scene)
    points = scene.view.center_m + scene.view.ray_directions() * depth[..., None]
    for item in scene.objects:
        seen = points[ids == item.object_id]
        for point in seen[::7]:
            inside = [(np.abs((point - s.center_m) @ s.rotation) <= s.half_box_m + 1e-5).all() for s in item.solids]
            assert any(inside)


def test_supports_bound_every_visible_point() -> None:
    scene = sample_scene(5, size_wh=(96, 72))
    depth, ids = render_depth_and_ids(scene)
    points = scene.view.center_m + scene.view.ray_directions() * depth[..., None]
    random = np.random.default_rng(0)
    for item in scene.objects:
        seen = points[ids == item.object_id]
        for direction in random.normal(size=(20, 3)) if len(seen) else []:
            reach = max(float(solid.support(direction) @ direction) for solid in item.solids)
            assert (seen @ direction).max() <= reach + 1e-5


def test_mirrored_scene_gives_the_mirrored_picture() -> None:
    left = Box(np.array([-0.4, 3.0, 1.2]), np.array([0.3, 0.2, 0.4]), rotation=yaw_rotation(20))
    right = Box(np.array([0.4, 3.0, 1.2]), np.array([0.3, 0.2, 0.4]), rotation=yaw_rotation(-20))
    one, other = (render_depth_and_ids(scene_of(box, pitch=10.0))[0] for box in (left, right))
    np.testing.assert_allclose(one, other[:, ::-1], rtol=1e-6)


def test_roll_turns_the_picture_and_not_the_world() -> None:
    ball = Ball(np.array([0, 3.0, 1.0]), radius_m=0.3)
    level, rolled = (render_depth_and_ids(scene_of(ball, roll=roll))[1] for roll in (0.0, 40.0))
    assert abs(int(level.sum()) - int(rolled.sum())) <= 4


def test_the_picture_tells_colours_shadows_and_depth_apart() -> None:
    box = Box(np.array([0, 3.0, 0.25]), np.array([0.25, 0.25, 0.25]))
    scene = replace(scene_of(box, pitch=15.0), light=np.array([0.6, -0.3, 0.74]) / np.linalg.norm([0.6, -0.3, 0.74]))
    lit, dark = render(scene, shadows=False), render(scene)
    red = dark.rgb[dark.ids == 1].mean(axis=0)
    assert red[0] > 2 * red[1]
    assert (dark.rgb.astype(int) <= lit.rgb).all()
    assert 20 < (dark.rgb < lit.rgb).any(axis=-1).sum() < 2000
    np.testing.assert_array_equal(dark.depth_m, lit.depth_m)


def test_same_seed_same_scene_other_seed_other_scene() -> None:
    one, again, other = (render(sample_scene(seed, size_wh=(64, 48))) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one.rgb, again.rgb)
    np.testing.assert_array_equal(one.depth_m, again.depth_m)
    assert not np.array_equal(one.ids, other.ids)


def test_scenes_are_hard_enough() -> None:
    scenes = [sample_scene(seed) for seed in range(30)]
    pictures = [render_depth_and_ids(scene) for scene in scenes]
    borders = [np.concatenate([ids[0], ids[-1], ids[:, 0], ids[:, -1]]) for _, ids in pictures]
    assert sum(bool(border.any()) for border in borders) >= 10
    assert {len(scene.backdrop) for scene in scenes} == {0, 1, 2, 3}
    assert sum(any(item.support_id for item in scene.objects) for scene in scenes) >= 15
    assert np.mean([len(np.unique(ids)) - 1 for _, ids in pictures]) >= 4
