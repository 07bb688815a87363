"""Masks and depth that draw the same silhouettes, or do not: what is taken at its word."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from scene_maker import block, by_id, lift, picture

from spatialgen.geometry.crops import Crop, lay_out
from spatialgen.geometry.masks import edge_quality
from spatialgen.records import Frame, InstanceMap
from spatialgen.scene.build import build_scene
from spatialgen.scene.config import LiftConfig
from spatialgen.testing.degrade import Degradation, degrade
from spatialgen.testing.frames import to_frame
from spatialgen.testing.furniture import placed
from spatialgen.testing.furniture import stool as make_stool
from spatialgen.testing.primitives import Solid, cylinder
from spatialgen.testing.render import render
from spatialgen.testing.scenes import sample_scene
from spatialgen.testing.truth.extents import upright_box
from spatialgen.testing.truth.scene import from_analytic


def quality_of(frame: Frame):
    assert frame.depth is not None
    assert frame.instances is not None
    ids = frame.instances.ids
    crops = [Crop(0, 0, frame.depth.depth_m, ids, ids == k) for k in range(1, int(ids.max()) + 1)]
    return edge_quality(lay_out(crops))


def test_sides_seen_at_a_slant_are_no_readings_that_bleed() -> None:
    """Two crates whose inner sides nearly face away: depth changes by percents a pixel there, and is exact."""
    crates = ("crate", (block(-0.5, 3, (0.4, 0.4, 0.4)),)), ("crate", (block(0.3, 3, (0.4, 0.6, 0.9)),))
    exact, flying = (quality_of(picture(*crates, how=Degradation(flying_px=px))) for px in (0, 1))
    assert exact.agrees
    assert exact.is_clean
    assert flying.bleeds
    assert not flying.agrees


def a_pixel_from_the_right(frame: Frame) -> bool:
    ids = frame.instances.ids
    return int(np.flatnonzero((ids == 3).any(axis=0)).max()) == ids.shape[1] - 2


@pytest.mark.parametrize(("grow", "cut"), [(0, False), (-2, True)])
def test_a_mask_right_to_the_pixel_is_whole_a_pixel_from_the_border(grow: int, cut: bool) -> None:
    """Where masks are too small, one that ends there may be cut all the same."""
    things = [("crate", (block(x, 3.0, (0.4, 0.4, 0.5)),)) for x in (-1.0, 0.0)]
    places = (("crate", (block(x, 3.0, (0.4, 0.4, 0.5)),)) for x in np.arange(1.3, 1.7, 0.001))
    near = next(thing for thing in places if a_pixel_from_the_right(picture(*things, thing)))
    scene = lift(picture(*things, near, how=Degradation(mask_px=grow)))
    assert bool(by_id(scene, "3").cut) is cut


@pytest.mark.parametrize("seed", [200, 710, 724])
def test_where_readings_bleed_no_object_is_stretched_or_cut_short(seed: int) -> None:
    """A shelf was drawn on to what is nearer; the far parts of two sofas were taken for background."""
    scene = sample_scene(seed)
    how = Degradation(flying_px=1)
    frame = to_frame(scene, degrade(render(scene, shadows=False), how, seed=scene.texture_seed), how)
    lifted, truth = build_scene(frame, LiftConfig()), from_analytic(scene)
    for item in lifted.objects:
        box = truth.by_id(item.object_id).box
        if item.geometry is not None:
            true = np.array([box.length_m, box.width_m, box.height_m])
            size, sigma = item.geometry.size_m, item.geometry.size_sigma_m
            assert (np.abs(size - true) < np.maximum(0.25 * true, 3 * sigma)).all(), item.label


def bottle(x: float, y: float) -> tuple[str, tuple[Solid, ...]]:
    """A bottle 30 cm high, with a neck of 4 pixels where it is 4 m away."""
    body, neck = (cylinder(np.array([x, y, z]), r, h) for z, r, h in ((0.1, 0.06, 0.2), (0.25, 0.014, 0.1)))
    return "bottle", (body, neck)


@pytest.mark.parametrize("how", [Degradation(mask_px=-2), Degradation(mask_px=2)])
def test_a_neck_thinner_than_a_mask_is_off_is_still_the_bottles(how: Degradation) -> None:
    crates = [("crate", (block(x, 4.4, (0.5, 0.4, 0.4)),)) for x in (-0.9, 0.9)]
    geometry = by_id(lift(picture(bottle(0.0, 4.0), *crates, how=how)), "1").geometry
    assert geometry is not None
    assert geometry.size_m[2] == pytest.approx(0.3, abs=0.012)


def test_a_neck_that_only_bleeds_leaves_the_height_unsure() -> None:
    crates = [("crate", (block(x, 4.4, (0.5, 0.4, 0.4)),)) for x in (-0.9, 0.9)]
    geometry = by_id(lift(picture(bottle(0.0, 4.0), *crates, how=Degradation(flying_px=2))), "1").geometry
    assert geometry is not None
    assert abs(geometry.size_m[2] - 0.3) < 3 * geometry.size_sigma_m[2]


def test_what_a_nearer_grown_mask_took_is_given_back() -> None:
    """A crate before a cabinet: both masks grow, the crate's wins, and the cabinet's shrinks only where it grew."""
    things = ("cabinet", (block(0.0, 4.0, (1.4, 0.4, 1.2)),)), ("crate", (block(0.1, 3.0, (0.5, 0.3, 0.5)),))
    exact, grown = (lift(picture(*things, how=Degradation(mask_px=px))) for px in (0, 2))
    for name in ("1", "2"):
        assert by_id(grown, name).pixels == pytest.approx(by_id(exact, name).pixels, rel=0.01)


@pytest.mark.parametrize("turned", [0.0, 20.0, 40.0])
def test_a_wall_seen_between_legs_is_not_the_stools_where_a_grown_mask_closes_the_gaps(turned: float) -> None:
    wall = (block(0.0, 6.4, (8.0, 0.1, 2.6)),)
    stool = ("stool", placed(make_stool(np.random.default_rng(5)), 0.3, 4.9, 0.0, turned))
    crates = [("crate", (block(x, 3.6, (0.4, 0.4, 0.5)),)) for x in (-1.0, 1.2)]
    scene = lift(picture(stool, *crates, walls=wall, pitch=6, height=1.1, how=Degradation(mask_px=2)))
    g = by_id(scene, "1").geometry
    assert g is not None
    assert g.size_m[0] == pytest.approx(upright_box(stool[1]).length_m, rel=0.1)


def test_what_a_farther_grown_mask_took_is_given_back() -> None:
    """Masks that were painted one after the other: the cabinet's, behind, lies over the crate's border."""
    things = ("cabinet", (block(0.0, 4.0, (1.4, 0.4, 1.2)),)), ("crate", (block(0.1, 3.0, (0.5, 0.3, 0.5)),))
    exact = picture(*things)
    ids = exact.instances.ids
    crate, cabinet = (cv2.dilate((ids == k).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0 for k in (2, 1))
    grown = replace(exact, instances=InstanceMap(np.where(cabinet, 1, np.where(crate, 2, 0)).astype(np.int32)))
    for name in ("1", "2"):
        assert by_id(lift(grown), name).pixels == pytest.approx(by_id(lift(exact), name).pixels, rel=0.03)


@pytest.mark.parametrize("thick", [0.03, 0.04])
def test_a_pole_and_thin_things_behind_it_take_no_part_of_each_other(thick: float) -> None:
    """All of them are ridges in the depth map, and cross in the picture."""
    parts = ((0.01, 0.15, 0.02), (0.75, 0.012, 1.5), (1.6, 0.18, 0.2))
    lamp = tuple(cylinder(np.array([0.0, 3.0, z]), radius, height) for z, radius, height in parts)
    boards = (block(0.1, 5.6, (1.2, 0.3, thick), 0, z) for z in (0.4, 0.7, 1.0, 1.3))
    sides = (block(x, 5.6, (0.03, 0.3, 1.4)) for x in (-0.5, 0.7))
    crates = [("crate", (block(x, 3.8, (0.5, 0.4, 0.4)),)) for x in (-1.2, 1.2)]
    things, wall = [("lamp", lamp), ("shelf", (*boards, *sides)), *crates], (block(0.0, 6.4, (8.0, 0.1, 2.6)),)
    exact, shrunk = (
        lift(picture(*things, walls=wall, pitch=8, height=1.4, how=Degradation(mask_px=px))) for px in (0, -2)
    )
    assert by_id(shrunk, "1").pixels == pytest.approx(by_id(exact, "1").pixels, rel=0.02)
    np.testing.assert_allclose(by_id(shrunk, "1").geometry.size_m, (1.7, 0.36, 0.36)[::-1], atol=0.01)


def test_what_farther_grown_masks_painted_over_is_not_theirs() -> None:
    """A post thinner than its neighbour's mask is too large is gone from the map of ids, and stays out of the desk."""
    desk = (
        block(0.1, 3.6, (1.4, 0.6, 0.04), 15, 0.7),
        *(block(x, y, (0.06, 0.06, 0.7), 15) for x, y in ((-0.5, 3.2), (0.8, 3.6), (-0.6, 3.6), (0.7, 4.0))),
    )
    things = [
        ("desk", desk),
        ("ball", (cylinder(np.array([0.4, 2.6, 0.2]), 0.2, 0.4),)),
        ("post", (cylinder(np.array([-0.1, 2.0, 0.6]), 0.005, 1.2),)),
        ("crate", (block(-0.9, 2.8, (0.4, 0.3, 0.4)),)),
    ]
    frame = picture(*things, pitch=14, height=1.4)
    ids, depth = frame.instances.ids.copy(), frame.depth.depth_m
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    for k in sorted(range(1, 5), key=lambda k: float(np.median(depth[frame.instances.ids == k]))):
        ids[cv2.dilate((frame.instances.ids == k).astype(np.uint8), disc) > 0] = k
    g = by_id(lift(replace(frame, instances=InstanceMap(ids))), "1").geometry
    assert g is not None
    true = upright_box(desk)
    np.testing.assert_allclose(g.size_m[:2], (true.length_m, true.width_m), atol=0.03)
