"""The one reader of pictures: upright RGB, limits checked before decoding, bytes to store without location.

EXIF rotation is applied here, once, and nowhere else. Transparency is laid over white; of several frames the first
counts; 16-bit grey keeps its high bits.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError
from PIL.ExifTags import IFD, Base

from spatialgen.records import U8, RejectCode
from spatialgen.sources.fault import Fault
from spatialgen.sources.stripping import JPEG_MAGIC, PNG_MAGIC, strip_jpeg, strip_png

_DAMAGE = (OSError, SyntaxError, ValueError, struct.error, EOFError, IndexError, TypeError, KeyError, zlib.error)
_TRUNCATED = re.compile("truncated|unexpected end|premature|not enough", re.IGNORECASE)
_NEVER = frozenset({"EPS", "WMF"})  # they run Ghostscript or the system's renderer
_LOSSY = frozenset({"JPEG", "MPO", "WEBP", "AVIF", "JPEG2000"})
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What is refused by the header alone: pixels, pixels of the shorter side, longer over shorter side."""

    max_pixels: int = 50_000_000
    min_side: int = 16
    max_aspect: float = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded image. `rgb` (H, W, 3) uint8, upright; `encoded` the same without metadata, or None if not asked for.

    `quarter_turned` says whether the EXIF rotation exchanged width and height. `focal_35mm` is EXIF's, or None.
    """

    rgb: U8
    encoded: bytes | None
    image_format: str
    quarter_turned: bool
    focal_35mm: float | None


def read_image(data: bytes, limits: ImageLimits, jpeg_quality: int | None = 95) -> Picture:
    """Return the picture in `data`; a `jpeg_quality` of None leaves out the bytes to store.

    Raises Fault: empty_file, not_an_image, truncated_image, too_small, too_large, bad_aspect.
    """
    if not data:
        raise Fault(RejectCode.EMPTY_FILE, "no bytes")
    with _quiet_pillow(), _opened(data) as image:
        _check_limits(image.size, limits)
        try:
            written, _ = _exif(image)
            image.load()
            orientation, focal = _exif(image)  # Pillow turns TIFFs itself and then says 1
            upright = _upright(_to_rgb(image), orientation)
        except _DAMAGE as error:
            raise _damage(error) from error
        encoded, image_format = None, (image.format or "").lower()
        if jpeg_quality is not None:
            encoded, image_format = _storable(data, image, upright, orientation, jpeg_quality)
    return Picture(np.array(upright), encoded, image_format, max(written, orientation) >= 5, focal)


@contextmanager
def _quiet_pillow() -> Iterator[None]:
    """Our own limits stand in for Pillow's; what it warns about is either harmless or an error of ours."""
    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    Image.init()
    try:
        image = Image.open(io.BytesIO(data), formats=[f for f in Image.ID if f not in _NEVER])
    except UnidentifiedImageError as error:
        begun = data.startswith((JPEG_MAGIC, PNG_MAGIC))
        code = RejectCode.TRUNCATED_IMAGE if begun else RejectCode.NOT_AN_IMAGE
        raise Fault(code, "its header cannot be read" if begun else "not an image of a known format") from error
    except _DAMAGE as error:
        raise _damage(error) from error
    with image:
        yield image


def _check_limits(size: tuple[int, int], limits: ImageLimits) -> None:
    short, long = min(size), max(size)
    shown = f"{size[0]}x{size[1]}"
    if size[0] * size[1] > limits.max_pixels:
        raise Fault(RejectCode.TOO_LARGE, f"{shown} pixels, over the limit of {limits.max_pixels}")
    if long > limits.max_aspect * short:
        raise Fault(RejectCode.BAD_ASPECT, f"{shown} pixels: sides more than {limits.max_aspect:g} to 1")
    if short < limits.min_side:
        raise Fault(RejectCode.TOO_SMALL, f"{shown} pixels, the shorter side under {limits.min_side}")


def _exif(image: Image.Image) -> tuple[int, float | None]:
    """Return the orientation (1 to 8) and the 35 mm equivalent focal length; damaged EXIF counts as none."""
    try:
        exif = image.getexif()
        orientation = exif.get(Base.Orientation, 1)
        focal = exif.get_ifd(IFD.Exif).get(Base.FocalLengthIn35mmFilm)
    except _DAMAGE:
        return 1, None
    length = float(focal) if isinstance(focal, int | float) and 0 < focal < 10_000 else None
    return orientation if orientation in _UPRIGHT else 1, length


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        return _deep_grey(image)
    if image.mode == "CMYK":
        return _from_cmyk(image)
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")


def _deep_grey(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if values.dtype.kind != "u" or values.dtype.itemsize != 2:
        raise Fault(RejectCode.NOT_AN_IMAGE, f"its pixels are {values.dtype}, whose black and white are not stated")
    return Image.fromarray((values >> 8).astype(np.uint8)).convert("RGB")


def _from_cmyk(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if profile:
        try:
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, io.BytesIO(profile), target, outputMode="RGB")
            return converted or image.convert("RGB")
        except (ImageCms.PyCMSError, OSError):
            return image.convert("RGB")
    return image.convert("RGB")


def _storable(
    data: bytes, image: Image.Image, upright: Image.Image, orientation: int, jpeg_quality: int
) -> tuple[bytes, str]:
    """Return bytes that decode to `upright` and hold no metadata: the original's wherever that is possible."""
    if orientation == 1:
        if image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L") and (kept := strip_jpeg(data)):
            return kept, "jpeg"
        if image.format == "PNG" and _plain_png(data, image) and (kept := strip_png(data)):
            return kept, "png"
    bare, buffer = Image.fromarray(np.asarray(upright)), io.BytesIO()
    profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA", "P") else None
    if image.format in _LOSSY:
        bare.save(buffer, "JPEG", quality=jpeg_quality, subsampling=0, icc_profile=profile)
        return buffer.getvalue(), "jpeg"
    bare.save(buffer, "PNG", icc_profile=profile)
    return buffer.getvalue(), "png"


def _plain_png(data: bytes, image: Image.Image) -> bool:
    return image.mode in ("RGB", "L", "P", "1") and "transparency" not in image.info and data[24] <= 8


def _damage(error: Exception) -> Fault:
    if isinstance(error, Fault):
        return error
    text = str(error) or type(error).__name__
    if _TRUNCATED.search(text) or isinstance(error, EOFError):
        return Fault(RejectCode.TRUNCATED_IMAGE, text)
    return Fault(RejectCode.NOT_AN_IMAGE, f"damaged: {text}")
