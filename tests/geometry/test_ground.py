"""Floor, noise and gravity, found in scenes whose truth is known."""

import numpy as np
import pytest

from spatialgen.geometry.floor import find_floor
from spatialgen.geometry.frames import View, canonical_from_camera
from spatialgen.geometry.gravity import gravity_from_scene
from spatialgen.geometry.grid import Grid, sample_grid
from spatialgen.geometry.noise import local_noise, measure_noise
from spatialgen.perception.gravity.level import level_prior
from spatialgen.records import F32, F64, Camera
from spatialgen.testing.degrade import smooth_field
from spatialgen.testing.primitives import Box, Solid
from spatialgen.testing.render import render_depth_and_ids
from spatialgen.testing.scenes import AnalyticScene
from spatialgen.testing.viewpoint import Viewpoint, pinhole

FLOOR = (-9.0, 9.0, -3.0, 9.0)


def picture(
    *walls: Solid, pitch: float = 20.0, roll: float = 0.0, height: float = 1.5, floor: bool = True
) -> tuple[F32, F64, Camera]:
    """Depth, true up and camera of an empty room."""
    view = Viewpoint(640, 480, pinhole(640, 480, 62.0), height, pitch, roll)
    scene = AnalyticScene("s", view, (), walls, FLOOR if floor else None, np.array([0.0, 0.0, 1.0]))
    return render_depth_and_ids(scene)[0], view.up_camera, view.camera


def seen(depth: F32) -> Grid:
    return sample_grid(depth, np.zeros(depth.shape, np.int32), 0)


def points(depth: F32, up: F64, camera: Camera) -> F32:
    return seen(depth).points(View(camera, canonical_from_camera(up)))


FAR_WALL = Box(np.array([0.0, 4.0, 1.5]), np.array([9.0, 0.1, 1.5]))
SIDE_WALL = Box(np.array([2.0, 2.0, 1.5]), np.array([0.1, 9.0, 1.5]))
TABLE = Box(np.array([0.0, 2.2, 0.35]), np.array([1.0, 0.6, 0.35]))


@pytest.mark.parametrize(("pitch", "roll"), [(10, 0), (30, 20), (50, -12)])
def test_the_floor_is_as_far_below_as_it_is(pitch: float, roll: float) -> None:
    depth, up, camera = picture(FAR_WALL, pitch=pitch, roll=roll, height=1.37)
    fit = find_floor(seen(depth), points(depth, up, camera))
    assert fit.camera_height_m == pytest.approx(1.37, rel=1e-5)


def test_a_wall_larger_than_the_floor_is_no_floor() -> None:
    depth, up, camera = picture(Box(np.array([0.0, 2.0, 1.5]), np.array([9, 0.1, 5])), pitch=12, height=1.2)
    grid = seen(depth)
    fit = find_floor(grid, points(depth, up, camera))
    assert np.isfinite(fit.ratio).mean() < 0.4
    assert fit.camera_height_m == pytest.approx(1.2, rel=1e-4)


def test_nothing_but_a_wall_has_no_floor() -> None:
    depth, up, camera = picture(Box(np.array([0.0, 2.0, 1.5]), np.array([9, 0.1, 9])), pitch=0, floor=False)
    assert find_floor(seen(depth), points(depth, up, camera)) is None


def test_a_large_table_is_no_floor_while_the_floor_is_in_view() -> None:
    depth, up, camera = picture(TABLE, pitch=30, height=1.6)
    assert find_floor(seen(depth), points(depth, up, camera)).camera_height_m == pytest.approx(1.6, rel=1e-4)


def test_a_ledge_with_much_below_it_is_no_floor() -> None:
    ledge = Box(np.array([0.0, 2.0, 0.0]), np.array([2.0, 1.0, 0.05]))
    below = Box(np.array([3.0, 9.0, -6.0]), np.array([30.0, 0.1, 6.0]))
    depth, up, camera = picture(ledge, below, pitch=25, height=1.2, floor=False)
    assert find_floor(seen(depth), points(depth, up, camera)) is None


def test_one_outlier_pixel_does_not_set_the_floor() -> None:
    """Defect 9."""
    depth, up, camera = picture(FAR_WALL)
    depth[4::80, 4::80] *= 3
    assert find_floor(seen(depth), points(depth, up, camera)).camera_height_m == pytest.approx(1.5, rel=1e-4)


@pytest.mark.parametrize("sigma", [0.01, 0.03])
def test_noise_is_measured_in_the_floor(sigma: float) -> None:
    depth, up, camera = picture(pitch=30)
    measured, reach = [], []
    for seed in range(6):
        field = smooth_field(depth.shape, 24, np.random.default_rng(seed))
        noisy = (depth * (1 + sigma * field)).astype(np.float32)
        noise = measure_noise(find_floor(seen(noisy), points(noisy, up, camera)).ratio, seen(noisy), 0.0)
        measured.append(noise.sigma)
        reach.append(noise.reach_px)
    assert np.mean(measured) == pytest.approx(sigma, rel=0.3)
    assert 15 < np.mean(reach) < 60


def test_exact_depth_shows_no_noise_with_or_without_a_floor() -> None:
    depth, up, camera = picture(FAR_WALL, pitch=25)
    assert measure_noise(find_floor(seen(depth), points(depth, up, camera)).ratio, seen(depth), 0.0).sigma < 1e-4
    assert local_noise(seen(depth), 0.0).sigma < 1e-4
    rough = depth * (1 + 0.02 * np.random.default_rng(0).standard_normal(depth.shape).astype(np.float32))
    assert local_noise(seen(rough.astype(np.float32)), 0.0).sigma == pytest.approx(0.02, rel=0.4)


def test_feet_taken_for_floor_are_not_its_noise() -> None:
    depth, up, camera = picture(FAR_WALL, pitch=25)
    ratio = find_floor(seen(depth), points(depth, up, camera)).ratio.copy()
    on_floor = np.argwhere(np.isfinite(ratio))
    feet = tuple(on_floor[:: len(on_floor) // 60].T)
    ratio[feet] -= 1e-3
    assert measure_noise(ratio, seen(depth), 0.0).sigma < 1e-6


def angle(a: F64, b: F64) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))


@pytest.mark.parametrize(("pitch", "roll"), [(0, 0), (15, 8), (32, -12), (55, 5)])
def test_gravity_from_exact_depth_is_exact(pitch: float, roll: float) -> None:
    depth, up, camera = picture(FAR_WALL, SIDE_WALL, pitch=pitch, roll=roll)
    found = gravity_from_scene(seen(depth), camera, None)
    assert angle(found.up_camera, up) < 0.05
    assert found.sigma_deg < 0.2


def test_gravity_knows_how_noisy_it_is() -> None:
    errors, sigmas = [], []
    for seed in range(10):
        depth, up, camera = picture(FAR_WALL, SIDE_WALL, pitch=18, roll=5)
        field = smooth_field(depth.shape, 24, np.random.default_rng(seed))
        found = gravity_from_scene(seen((depth * (1 + 0.02 * field)).astype(np.float32)), camera, None)
        if found is not None:
            errors.append(angle(found.up_camera, up))
            sigmas.append(found.sigma_deg)
    assert len(errors) >= 5
    assert np.median(errors) < 0.7
    assert max(errors) < 2.0
    assert np.mean(np.array(errors) < 3 * np.array(sigmas)) >= 0.9


def test_a_single_wall_says_nothing_of_gravity() -> None:
    depth, _, camera = picture(Box(np.array([0.0, 2.0, 1.5]), np.array([9, 0.1, 9])), pitch=0, floor=False)
    assert gravity_from_scene(seen(depth), camera, None) is None


@pytest.mark.parametrize("look_up", [12, 20])
def test_a_wall_that_one_looks_up_at_is_not_level_ground(look_up: float) -> None:
    """Nothing but habit tells it from a floor that one looks down on; habit says wall, and silence is better."""
    wall = Box(np.array([0.0, 4.0, 1.5]), np.array([9.0, 0.1, 9.0]))
    depth, _, camera = picture(wall, pitch=-look_up, floor=False)
    assert gravity_from_scene(seen(depth), camera, level_prior(8.0, 14.0)) is None


def test_a_patch_hardly_larger_than_the_noise_is_wide_says_nothing_of_gravity() -> None:
    """A plane through three humps fits them well, and lies anywhere."""
    told = []
    for seed in range(20):
        depth, up, camera = picture(pitch=45)
        field = smooth_field(depth.shape, 24, np.random.default_rng(seed))
        noisy = (depth * (1 + 0.03 * field)).astype(np.float32)
        noisy[:180] = noisy[330:] = np.nan
        noisy[:, :240] = noisy[:, 420:] = np.nan
        found = gravity_from_scene(seen(noisy), camera, None)
        if found is not None:
            told.append((angle(found.up_camera, up), found.sigma_deg))
    assert all(error < max(3 * sigma, 2.0) for error, sigma in told)
