"""Depth Anything V2 and Depth Pro: metres, where they belong, with errors that are said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from full_fixtures import pictures, save_depth_anything, save_depth_pro

from spatialgen.errors import WeightsError
from spatialgen.perception.cameras import depth_pro as depth_pro_camera
from spatialgen.perception.checks import check_camera, check_depth
from spatialgen.perception.depth import depth_anything_v2, depth_pro
from spatialgen.perception.depth._depth_pro_model import Prediction, focal_px
from spatialgen.perception.instances import depth_at_pixels
from spatialgen.records import Camera, DepthMap, Frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_depth_anything(tmp_path_factory.mktemp("depth"))


def backend(folder: Path, **options: Any) -> depth_anything_v2.Backend:
    made = depth_anything_v2.Backend(depth_anything_v2.Config.model_validate({"model": str(folder)} | options))
    made.setup("cpu")
    return made


def estimate(made: depth_anything_v2.Backend, images: list[Any]) -> list[DepthMap]:
    return made.estimate(images, [None] * len(images))


def test_batches_give_what_single_images_give(folder: Path) -> None:
    network = backend(folder, batch_size=2)
    images = pictures()
    together = estimate(network, images)
    for image, depth in zip(images, together, strict=True):
        check_depth("depth_anything_v2", depth)
        (alone,) = estimate(network, [image])
        assert np.allclose(depth.depth_m, alone.depth_m, atol=1e-4, equal_nan=True)
        assert 0.01 <= np.nanmin(depth.depth_m) < np.nanmax(depth.depth_m) <= 20
    assert not np.allclose(together[0].depth_m, together[2].depth_m, atol=0.1)


def test_maps_have_the_networks_size_with_the_aspect_kept(folder: Path) -> None:
    sizes = [depth.depth_m.shape for depth in estimate(backend(folder), pictures())]
    assert sizes == [(56, 70), (70, 56), (56, 70), (56, 56)]


def test_a_pixel_reads_the_depth_of_its_own_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a network that says how red a pixel is, the map read at u_d = (u + 0.5) s - 0.5 is the picture."""
    network = backend(folder)
    v, u = np.mgrid[:123, :331]
    image = np.zeros((123, 331, 3), np.uint8)
    image[..., 0] = 40 + 100 * u / 331 + 100 * v / 123
    mean, std = network._processor.image_mean[0], network._processor.image_std[0]

    def red(pixels: list[torch.Tensor]) -> np.ndarray:
        return np.stack([(p[0].numpy() * std + mean) * 255 / 50 for p in pixels]).astype(np.float32)

    monkeypatch.setattr(network, "_run", red)
    (depth,) = estimate(network, [image])
    read = depth_at_pixels(depth, (331, 123))
    assert depth.depth_m.shape != image.shape[:2]
    error = (read * 50 - image[..., 0])[10:-10, 10:-10]
    assert abs(error).max() < 2.5
    assert abs(error.mean()) < 0.2  # a shift by half a reading would be 1.2


def test_what_is_too_far_or_too_near_is_no_reading(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = backend(folder)
    monkeypatch.setattr(network, "_run", lambda pixels: np.array([[[0.001, 0.5, 19.7, 19.9]]], np.float32))
    (depth,) = estimate(network, pictures()[:1])
    assert np.isnan(depth.depth_m).tolist() == [[True, False, False, True]]


def test_errors_are_the_published_ones_of_the_kind_or_the_users(folder: Path, tmp_path: Path) -> None:
    (indoor,) = estimate(backend(folder), pictures()[:1])
    (outdoor,) = estimate(backend(save_depth_anything(tmp_path, max_depth=80)), pictures()[:1])
    assert 0.05 <= indoor.sigma < outdoor.sigma <= 0.15
    assert 0.2 <= indoor.scale_sigma < outdoor.scale_sigma
    (own,) = estimate(backend(folder, sigma=0.01, scale_sigma=0.0), pictures()[:1])
    assert (own.sigma, own.scale_sigma) == (0.01, 0.0)


def test_a_checkpoint_of_relative_depth_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="relative depth; take a metric checkpoint"):
        backend(save_depth_anything(tmp_path, kind="relative", max_depth=1))


def test_half_precision_is_close(folder: Path) -> None:
    (half,) = estimate(backend(folder, dtype="bfloat16"), pictures()[:1])
    (full,) = estimate(backend(folder), pictures()[:1])
    assert half.depth_m.dtype == np.float32
    assert np.nanmedian(abs(half.depth_m / full.depth_m - 1)) < 0.05


# --- Depth Pro


@pytest.fixture(scope="module")
def pro_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_depth_pro(tmp_path_factory.mktemp("depth_pro"))


def pro(folder: Path, **options: Any) -> depth_pro.Backend:
    made = depth_pro.Backend(depth_pro.Config.model_validate({"model": str(folder)} | options))
    made.setup("cpu")
    return made


def test_depth_pro_gives_in_batches_what_it_gives_alone(pro_folder: Path) -> None:
    network = pro(pro_folder, batch_size=3)
    images = pictures()
    for image, depth in zip(images, network.estimate(images, [None] * 4), strict=True):
        check_depth("depth_pro", depth)
        (alone,) = network.estimate([image], [None])
        assert np.isfinite(depth.depth_m).mean() > 0.5
        assert np.allclose(depth.depth_m, alone.depth_m, rtol=1e-4, equal_nan=True)


def test_a_known_focal_length_sets_the_scale_and_a_mere_prior_does_not(
    pro_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inverse depth is width / (focal length x metres): 0.5 seen at 90 degrees is 1 m, at twice the focal 2 m."""
    network = pro(pro_folder)
    said = Prediction(np.array([[0.5, 1e-9]], np.float32), 90.0)
    monkeypatch.setattr(network._model, "predict", lambda images, size: [said] * len(images))
    image = np.zeros((60, 80, 3), np.uint8)
    known = Camera(80.0, 80.0, 39.5, 29.5, sigma=0.05)
    guess = Camera(80.0, 80.0, 39.5, 29.5, "prior", sigma=0.25)
    maps = network.estimate([image] * 3, [None, known, guess])
    assert focal_px(90.0, 80) == pytest.approx(40.0)
    assert [float(m.depth_m[0, 0]) for m in maps] == pytest.approx([1.0, 2.0, 1.0])
    assert all(np.isnan(m.depth_m[0, 1]) for m in maps)  # the sky has no depth


def test_the_camera_is_that_of_exif_or_of_depth_pro(pro_folder: Path) -> None:
    estimator = depth_pro_camera.Backend(depth_pro_camera.Config.model_validate({"model": str(pro_folder)}))
    estimator.setup("cpu")
    frames = [
        Frame(image_id=str(k), path="a", original_sha256="0", rgb=image, exif_focal_35mm=focal)
        for k, (image, focal) in enumerate(zip(pictures(), [None, 28.0, None, None], strict=True))
    ]
    cameras = estimator.intrinsics(frames)
    for frame, camera in zip(frames, cameras, strict=True):
        check_camera("depth_pro", camera, frame.size_wh)
    assert [c.source for c in cameras] == ["model:depth_pro", "exif", "model:depth_pro", "model:depth_pro"]
    assert cameras[0].fx == pytest.approx(focal_px(60.0, 80), rel=0.05)  # the fixture sees about 60 degrees


def test_a_depth_pro_without_its_focal_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="without its field-of-view head"):
        pro(save_depth_pro(tmp_path, field_of_view=False))
