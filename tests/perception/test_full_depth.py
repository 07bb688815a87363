"""Depth Anything V2: metres, where they belong, with errors that are said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from full_fixtures import pictures, save_depth_anything

from spatialgen.errors import WeightsError
from spatialgen.perception.checks import check_depth
from spatialgen.perception.depth import depth_anything_v2
from spatialgen.perception.instances import depth_at_pixels
from spatialgen.records import DepthMap


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
