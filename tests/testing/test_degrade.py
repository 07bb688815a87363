"""Spoiled pictures are spoiled by as much as they say, and written folders hold what was rendered."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spatialgen.testing.degrade import Degradation, degrade, resized_masks, smooth_field
from spatialgen.testing.frames import to_frame
from spatialgen.testing.manifest import write_manifest
from spatialgen.testing.render import Rendered, render
from spatialgen.testing.scenes import sample_scene
from spatialgen.testing.truth import from_analytic, from_json

SCENE = sample_scene(1, size_wh=(160, 120))
PICTURE = render(SCENE)


def test_smooth_noise_has_the_sigma_and_is_smooth() -> None:
    flat = Rendered(PICTURE.rgb, np.full((120, 160), 2.0, np.float32), PICTURE.ids)
    error = degrade(flat, Degradation(smooth_noise=0.03), seed=1).depth_m / 2 - 1
    assert error.std() == pytest.approx(0.03, rel=1e-3)
    field = smooth_field((240, 320), 24.0, np.random.default_rng(0))
    assert field.std() == pytest.approx(1.0, abs=1e-5)
    assert np.abs(np.diff(field, axis=0)).max() < 0.2


def test_white_noise_has_the_sigma() -> None:
    noisy = degrade(PICTURE, Degradation(white_noise=0.01), seed=1)
    assert np.nanstd(noisy.depth_m / PICTURE.depth_m - 1) == pytest.approx(0.01, rel=0.05)


def test_masks_shrink_and_grow_by_so_many_pixels() -> None:
    ids = np.zeros((40, 40), np.int32)
    ids[10:30, 10:30] = 1
    depth = np.ones((40, 40), np.float32)
    small, large = resized_masks(ids, depth, -2), resized_masks(ids, depth, 2)
    assert np.ptp(np.nonzero(small)[1]) == 15
    assert np.ptp(np.nonzero(large)[1]) == 23


def test_nearer_masks_win_where_grown_ones_meet() -> None:
    ids = np.zeros((20, 20), np.int32)
    ids[:, :10], ids[:, 10:] = 1, 2
    depth = np.where(ids == 1, 1.0, 2.0).astype(np.float32)
    grown = resized_masks(ids, depth, 2)
    assert (grown[5] == 1).sum() == 12


def test_flying_pixels_lie_between_the_sides_and_only_at_edges() -> None:
    depth = np.ones((20, 20), np.float32)
    depth[:, 10:] = 3
    flat = Rendered(np.zeros((20, 20, 3), np.uint8), depth, np.zeros((20, 20), np.int32))
    out = degrade(flat, Degradation(flying_px=1), seed=0).depth_m
    changed = out != depth
    assert changed[:, 9:11].mean() > 0.9
    assert not changed[:, :9].any()
    assert not changed[:, 11:].any()
    assert ((out >= 1) & (out <= 3)).all()


def test_holes_take_their_share_and_depth_may_have_another_size() -> None:
    holes = degrade(PICTURE, Degradation(holes=0.1), seed=0).depth_m
    lost = np.isnan(holes) & ~np.isnan(PICTURE.depth_m)
    assert lost.sum() / np.isfinite(PICTURE.depth_m).sum() == pytest.approx(0.1, abs=0.05)
    half = degrade(PICTURE, Degradation(depth_scale=0.5), seed=0).depth_m
    assert half.shape == (60, 80)
    np.testing.assert_array_equal(half, PICTURE.depth_m[1::2, 1::2])


def test_exact_is_exact() -> None:
    same = degrade(PICTURE, Degradation(), seed=0)
    np.testing.assert_array_equal(same.depth_m, PICTURE.depth_m)
    np.testing.assert_array_equal(same.ids, PICTURE.ids)


def test_manifest_holds_what_was_rendered(tmp_path: Path) -> None:
    assert write_manifest(tmp_path, [SCENE], Degradation(give_up=False)) == 1
    line = json.loads((tmp_path / "frames.jsonl").read_text())
    assert "up" not in line
    assert line["camera"]["fx"] == SCENE.view.camera.fx
    np.testing.assert_array_equal(np.load(tmp_path / line["depth"]), PICTURE.depth_m)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / line["instances"])), PICTURE.ids)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / line["image"])), PICTURE.rgb)
    assert [o["id"] for o in line["objects"]] == [k for k in np.unique(PICTURE.ids) if k]


def test_truth_survives_its_json(tmp_path: Path) -> None:
    write_manifest(tmp_path, [SCENE])
    truth = from_json(json.loads((tmp_path / "truth.jsonl").read_text()))
    direct = from_analytic(SCENE)
    for a, b in zip(truth.objects, direct.objects, strict=True):
        assert a.box.volume_m3 == pytest.approx(b.box.volume_m3)
        assert a.x_interval_m == pytest.approx(b.x_interval_m)


def test_frames_carry_masks_and_boxes_of_what_is_seen() -> None:
    frame = to_frame(SCENE, PICTURE)
    assert frame.detections is not None
    assert frame.instances is not None
    for k, object_id in enumerate(frame.detections.object_ids):
        mask = frame.instances.ids == k + 1
        np.testing.assert_array_equal(mask, PICTURE.ids == int(object_id))
        v, u = np.nonzero(mask)
        assert frame.detections.boxes_px[k].tolist() == [u.min(), v.min(), u.max() + 1, v.max() + 1]
