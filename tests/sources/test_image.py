"""The picture reader: every kind of file gives the right upright RGB, or a reject with its reason."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from picture_files import TURNED, encode, exif, noise, quadrants
from PIL import Image, ImageCms

from spatialgen.records import RejectCode
from spatialgen.sources.fault import Fault
from spatialgen.sources.image import ImageLimits, Picture, read_image

LIMITS = ImageLimits(max_pixels=10_000, min_side=8, max_aspect=10.0)


def read(data: bytes, **limits: float) -> Picture:
    return read_image(data, ImageLimits(**{"max_pixels": 10_000, "min_side": 8, "max_aspect": 10.0} | limits))


def decoded(picture: Picture) -> np.ndarray:
    assert picture.encoded is not None
    with Image.open(io.BytesIO(picture.encoded)) as stored:
        assert not stored.getexif()
        return np.array(stored.convert("RGB"))


def close(a: np.ndarray, b: np.ndarray, tolerance: int = 12) -> bool:
    """Most pixels agree (JPEG rings at the quadrants' borders)."""
    return a.shape == b.shape and np.mean(np.abs(a.astype(int) - b.astype(int)).max(-1) <= tolerance) > 0.85


def png_header(width: int, height: int, bits: int = 8, color: int = 2) -> bytes:
    body = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    chunk = b"IHDR" + body
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + b"\0\0\0\1IDAT"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", RejectCode.EMPTY_FILE),
        (b"this is a text, whatever its name says\n", RejectCode.NOT_AN_IMAGE),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\n", RejectCode.NOT_AN_IMAGE),
        (encode(noise(), "JPEG")[:-400], RejectCode.TRUNCATED_IMAGE),
        (encode(noise(), "JPEG")[:10], RejectCode.TRUNCATED_IMAGE),
        (encode(noise())[:-400], RejectCode.TRUNCATED_IMAGE),
        (encode(noise(1, 1)), RejectCode.TOO_SMALL),
        (encode(noise(64, 7)), RejectCode.TOO_SMALL),
        (encode(noise(90, 8)), RejectCode.BAD_ASPECT),
        (png_header(40_000, 2), RejectCode.TOO_LARGE),
        (png_header(101, 100), RejectCode.TOO_LARGE),
        (png_header(100_000, 100_000), RejectCode.TOO_LARGE),
    ],
)
def test_what_cannot_be_used_has_its_reason(data: bytes, code: RejectCode) -> None:
    with pytest.raises(Fault) as caught:
        read(data)
    assert caught.value.code is code


def test_a_strip_of_40000_by_2_is_refused_for_its_shape() -> None:
    with pytest.raises(Fault) as caught:
        read_image(png_header(40_000, 2), ImageLimits())
    assert caught.value.code is RejectCode.BAD_ASPECT


def test_limits_are_inclusive() -> None:
    assert read(encode(noise(100, 100))).rgb.shape == (100, 100, 3)
    assert read(encode(noise(80, 8))).rgb.shape == (8, 80, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_rotation_is_applied_once_to_what_is_seen_and_to_what_is_stored(
    orientation: int, image_format: str
) -> None:
    upright = quadrants()
    options = {"quality": 98} if image_format in ("JPEG", "WEBP") else {}
    raw = np.ascontiguousarray(TURNED[orientation](upright))
    picture = read(encode(raw, image_format, exif=exif(orientation), **options))
    assert close(picture.rgb, upright)
    assert close(decoded(picture), upright)
    assert picture.quarter_turned == (orientation >= 5)


def test_an_upright_jpeg_keeps_its_pixels_bit_by_bit_and_loses_its_location() -> None:
    data = encode(noise(), "JPEG", quality=60, exif=exif(1, 28, gps=True), comment=b"SECRETPLACE")
    trailing = data + b"\xff\xd8SECRETPLACE after the end"
    picture = read(trailing)
    assert picture.encoded is not None
    assert b"SECRET" in trailing
    assert b"SECRET" not in picture.encoded
    assert b"Exif" not in picture.encoded
    assert np.array_equal(decoded(picture), picture.rgb)
    with Image.open(io.BytesIO(data)) as original:
        assert np.array_equal(picture.rgb, np.array(original))
    assert len(picture.encoded) < len(data)


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 2}, {"restart_marker_rows": 1}])
def test_jpegs_of_every_build_are_stripped_without_recoding(options: dict[str, int]) -> None:
    data = encode(noise(), "JPEG", exif=exif(gps=True), **options)
    picture = read(data)
    assert picture.encoded is not None
    assert data.endswith(picture.encoded[-500:])
    assert np.array_equal(decoded(picture), picture.rgb)


def test_a_plain_png_keeps_its_pixels_and_loses_its_texts() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Comment", "SECRETPLACE")
    info.add_itxt("XML:com.adobe.xmp", "SECRETPLACE")
    rgb = noise()
    picture = read(encode(rgb, pnginfo=info, exif=exif(gps=True)))
    assert picture.encoded is not None
    assert b"SECRET" not in picture.encoded
    assert np.array_equal(picture.rgb, rgb)
    assert np.array_equal(decoded(picture), rgb)


@pytest.mark.parametrize("image_format", ["JPEG", "WEBP", "PNG", "TIFF"])
def test_recoded_pictures_carry_no_metadata(image_format: str) -> None:
    options = {"comment": b"SECRETPLACE"} if image_format == "JPEG" else {}
    picture = read(encode(noise(), image_format, exif=exif(6, gps=True), **options))
    assert picture.encoded is not None
    assert b"SECRET" not in picture.encoded
    assert not Image.open(io.BytesIO(picture.encoded)).getexif()


def test_the_35_mm_focal_length_is_told() -> None:
    assert read(encode(noise(), "JPEG", exif=exif(1, 28))).focal_35mm == 28.0
    assert read(encode(noise(), "JPEG", exif=exif(1))).focal_35mm is None
    assert read(encode(noise(), "JPEG", exif=exif(1, 0))).focal_35mm is None


def test_damaged_exif_counts_as_none() -> None:
    data = encode(quadrants(), "JPEG", exif=exif(6, 28))
    damaged = data.replace(b"II*\0", b"II*\1") if b"II*\0" in data else data.replace(b"MM\0*", b"MM\1*")
    assert damaged != data
    assert read(damaged).rgb.shape == (48, 64, 3)


def cmyk_jpeg(profile: bytes | None = None) -> bytes:
    buffer = io.BytesIO()
    options = {"icc_profile": profile} if profile else {}
    Image.fromarray(quadrants()).convert("CMYK").save(buffer, "JPEG", quality=98, **options)
    return buffer.getvalue()


def test_cmyk_becomes_its_rgb() -> None:
    picture = read(cmyk_jpeg())
    assert close(picture.rgb, quadrants())
    assert close(decoded(picture), quadrants())


def test_cmyk_with_a_useless_profile_becomes_its_rgb() -> None:
    wrong = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert close(read(cmyk_jpeg(wrong)).rgb, quadrants())


def test_16_bit_grey_keeps_its_high_bits() -> None:
    deep = (np.arange(48 * 64).reshape(48, 64) * 21).astype(np.uint16)
    picture = read(encode(deep))
    assert np.array_equal(picture.rgb, np.repeat((deep >> 8).astype(np.uint8)[..., None], 3, -1))
    assert np.array_equal(decoded(picture), picture.rgb)


def test_16_bit_colour_keeps_its_high_bits() -> None:
    import cv2

    deep = (noise().astype(np.uint16) << 8) + 77
    picture = read(cv2.imencode(".png", deep[..., ::-1])[1].tobytes())
    assert np.array_equal(picture.rgb, noise())
    assert np.array_equal(decoded(picture), noise())


def test_numbers_without_black_and_white_are_refused() -> None:
    for deep in (np.full((20, 20), 0.5, np.float32), np.full((20, 20), 70_000, np.int32)):
        with pytest.raises(Fault) as caught:
            read(encode(deep, "TIFF"))
        assert caught.value.code is RejectCode.NOT_AN_IMAGE


def test_transparency_lies_over_white() -> None:
    rgba = np.dstack([np.full((20, 30, 3), (200, 0, 0), np.uint8), np.zeros((20, 30), np.uint8)])
    rgba[:, 15:, 3] = 255
    picture = read(encode(rgba))
    assert (picture.rgb[:, :15] == 255).all()
    assert (picture.rgb[:, 15:] == (200, 0, 0)).all()
    assert np.array_equal(decoded(picture), picture.rgb)


def test_a_palette_with_a_transparent_colour_lies_over_white() -> None:
    palette = Image.fromarray(quadrants()).quantize(4)
    clear = palette.getpixel((0, 0))
    buffer = io.BytesIO()
    palette.save(buffer, "PNG", transparency=clear)
    picture = read(buffer.getvalue())
    assert (picture.rgb[0, 0] == 255).all()
    assert close(picture.rgb[24:], quadrants()[24:])


@pytest.mark.parametrize("mode", ["L", "P", "1"])
def test_grey_palette_and_bilevel_become_rgb(mode: str) -> None:
    source = Image.fromarray(quadrants()).convert(mode)
    buffer = io.BytesIO()
    source.save(buffer, "PNG")
    picture = read(buffer.getvalue())
    assert np.array_equal(picture.rgb, np.array(source.convert("RGB")))
    assert np.array_equal(decoded(picture), picture.rgb)


@pytest.mark.parametrize("image_format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame_counts(image_format: str) -> None:
    frames = [Image.fromarray(np.full((20, 30, 3), value, np.uint8)) for value in (250, 100, 10)]
    buffer = io.BytesIO()
    frames[0].save(buffer, image_format, save_all=True, append_images=frames[1:])
    picture = read(buffer.getvalue())
    assert close(picture.rgb, np.full((20, 30, 3), 250, np.uint8))
    assert picture.encoded is not None
    with Image.open(io.BytesIO(picture.encoded)) as stored:
        assert getattr(stored, "n_frames", 1) == 1


def test_of_a_multi_picture_jpeg_the_first_counts() -> None:
    frames = [Image.fromarray(quadrants()), Image.fromarray(noise())]
    buffer = io.BytesIO()
    frames[0].save(buffer, "MPO", save_all=True, append_images=frames[1:], quality=98)
    picture = read(buffer.getvalue())
    assert close(picture.rgb, quadrants())
    assert np.array_equal(decoded(picture), picture.rgb)
    assert len(picture.encoded or b"") < 0.7 * len(buffer.getvalue())


def test_storing_by_reference_makes_no_bytes() -> None:
    assert read_image(encode(noise()), LIMITS, None).encoded is None


def test_pillows_own_limit_does_not_stand_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read(encode(noise())).rgb.shape == (48, 64, 3)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_a_tiff_with_a_wild_tag_is_read_or_refused_but_never_crashes() -> None:
    data = bytearray(encode(noise(), "TIFF"))
    for at in range(0, min(len(data), 400), 3):
        spoiled = bytes(data[:at]) + b"\xff" + bytes(data[at + 1 :])
        with contextlib.suppress(Fault):
            assert read(spoiled).rgb.shape[2] == 3
