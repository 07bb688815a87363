"""What is measured without a network: colours in plain words, and intrinsics from EXIF or habit."""

from __future__ import annotations

import math

import numpy as np
import pytest
import stage_fakes as fakes

from spatialgen.perception.cameras import exif
from spatialgen.perception.captioners import measured
from spatialgen.perception.captioners._colors import NAMES, color_shares, dominant_color
from spatialgen.records import InstanceMap

SWATCHES = {
    "black": (15, 15, 18), "white": (245, 245, 242), "gray": (128, 128, 130), "red": (200, 25, 30),
    "orange": (245, 130, 20), "yellow": (250, 220, 40), "green": (40, 140, 50), "blue": (40, 80, 190),
    "purple": (110, 40, 150), "pink": (245, 150, 180), "brown": (110, 65, 30), "beige": (222, 205, 170),
}  # fmt: skip


@pytest.mark.parametrize(("word", "rgb"), SWATCHES.items())
def test_plain_swatches(word: str, rgb: tuple[int, int, int]) -> None:
    noise = np.random.default_rng(0).integers(-6, 7, (500, 3))
    pixels = np.clip(np.array(rgb) + noise, 0, 255).astype(np.uint8)
    assert dominant_color(pixels, 0.6, 0.35) == word


@pytest.mark.parametrize(
    ("word", "rgb"),
    [("red", (120, 10, 15)), ("brown", (60, 38, 22)), ("blue", (20, 30, 80)), ("green", (150, 200, 90)),
     ("blue", (140, 190, 230)), ("gray", (70, 72, 75)), ("brown", (170, 120, 75)), ("white", (232, 232, 232))],
)  # fmt: skip
def test_dark_and_light_shades(word: str, rgb: tuple[int, int, int]) -> None:
    assert dominant_color(np.full((50, 3), rgb, np.uint8), 0.6, 0.35) == word


def test_mixed_colours_are_not_named() -> None:
    half = np.repeat(np.array([SWATCHES["red"], SWATCHES["blue"]], np.uint8), 100, axis=0)
    assert color_shares(half) == {"red": 0.5, "blue": 0.5}
    assert dominant_color(half, 0.6, 0.35) is None
    assert dominant_color(half, 0.5, 0.1) is None
    assert dominant_color(half[:130], 0.6, 0.35) == "red"
    assert dominant_color(half[:0], 0.6, 0.35) is None


def test_every_colour_has_one_word() -> None:
    every = np.stack(np.meshgrid(*[np.arange(0, 256, 15)] * 3), axis=-1).reshape(-1, 3).astype(np.uint8)
    shares = color_shares(every)
    assert set(shares) == set(NAMES)
    assert sum(shares.values()) == pytest.approx(1)


def test_an_object_is_described_by_its_inner_pixels() -> None:
    frame = fakes.frame(detections=fakes.found((0, 0, 16, 24, "sofa"), (16, 0, 32, 24, "wall"), (20, 5, 24, 9, "dot")))
    frame.rgb[:] = SWATCHES["white"]
    frame.rgb[1:23, 1:15] = SWATCHES["blue"]
    ids = np.full((24, 32), 2, np.int32)
    ids[:, :16], ids[5:9, 20:24] = 1, 3
    described = fakes.frame(detections=frame.detections, instances=InstanceMap(ids))
    described.rgb[:] = frame.rgb
    (texts,) = measured.Backend(measured.Config()).describe([described])
    assert [t.color for t in texts] == ["blue", "white", None]  # 16 pixels are too few to tell


def test_exif_focal_length_is_by_the_diagonal() -> None:
    backend = exif.Backend(exif.Config())
    (camera,) = backend.intrinsics([fakes.frame(exif_focal_35mm=43.2666153)])  # the diagonal of 36 x 24 mm
    assert camera.fx == camera.fy == pytest.approx(math.hypot(*fakes.SIZE_WH))
    assert (camera.cx, camera.cy) == (15.5, 11.5)
    assert (camera.source, camera.sigma) == ("exif", 0.05)


@pytest.mark.parametrize("focal", [None, 0.0, 3.0, 5000.0, float("nan")])
def test_without_a_believable_focal_length_there_is_a_prior(focal: float | None) -> None:
    (camera,) = exif.Backend(exif.Config(fov_deg=90.0)).intrinsics([fakes.frame(exif_focal_35mm=focal)])
    assert camera.fx == pytest.approx(math.hypot(*fakes.SIZE_WH) / 2)
    assert (camera.source, camera.sigma) == ("prior", 0.25)
