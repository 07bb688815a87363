"""Depth and instance maps from `.npy` and PNG files: headers are checked before memory is taken, no pickle is read."""

from __future__ import annotations

import io
import struct
import warnings
from tokenize import TokenError

import numpy as np
from numpy.lib import format as npy
from PIL import Image

from spatialgen.records import F32, I32, RejectCode
from spatialgen.sources.fault import Fault
from spatialgen.sources.stripping import PNG_MAGIC

_MAX_HEADER = 10_000
_BAD_HEADER = (ValueError, SyntaxError, TypeError, OSError, RecursionError, MemoryError, TokenError)
_GREY, _PALETTE = 0, 3


def read_depth(data: bytes, max_pixels: int, scale_m: float) -> F32:
    """Return z-depth (h, w) float32, metres, NaN where there is no reading (0, NaN, infinite, negative).

    A `.npy` file holds floating-point metres; a PNG 16-bit steps of `scale_m`. Raises Fault bad_depth or too_large.
    """
    if data.startswith(PNG_MAGIC):
        bits, color = _png_header(data, max_pixels, RejectCode.BAD_DEPTH)
        if (bits, color) != (16, _GREY):
            raise Fault(RejectCode.BAD_DEPTH, f"a PNG of depth has one channel of 16 bits; this has {bits} bits")
        depth = _png_pixels(data, RejectCode.BAD_DEPTH).astype(np.float32) * np.float32(scale_m)
    else:
        raw = _npy(data, max_pixels, RejectCode.BAD_DEPTH, "f", "floating-point metres")
        with np.errstate(over="ignore"):
            depth = raw.astype(np.float32)
    depth[~np.isfinite(depth) | (depth <= 0)] = np.nan
    if np.isnan(depth).all():
        raise Fault(RejectCode.BAD_DEPTH, "no valid reading in the whole map")
    return depth


def read_ids(data: bytes, max_pixels: int) -> I32:
    """Return instance ids (h, w) int32 from an 8- or 16-bit PNG (palette indices count) or an integer `.npy`.

    Raises Fault bad_instances or too_large.
    """
    if data.startswith(PNG_MAGIC):
        bits, color = _png_header(data, max_pixels, RejectCode.BAD_INSTANCES)
        if color not in (_GREY, _PALETTE):
            raise Fault(RejectCode.BAD_INSTANCES, "a PNG of ids has one channel; this is a colour picture")
        if bits < 8 and color == _GREY:
            raise Fault(RejectCode.BAD_INSTANCES, f"a PNG of ids has 8 or 16 bits; this has {bits}")
        return _png_pixels(data, RejectCode.BAD_INSTANCES).astype(np.int32)
    raw = _npy(data, max_pixels, RejectCode.BAD_INSTANCES, "iub", "integers")
    if raw.size and (int(raw.min()) < 0 or int(raw.max()) > np.iinfo(np.int32).max):
        raise Fault(RejectCode.BAD_INSTANCES, f"ids from {raw.min()} to {raw.max()}; expected 0 to 2147483647")
    return raw.astype(np.int32)


def _png_header(data: bytes, max_pixels: int, code: RejectCode) -> tuple[int, int]:
    """Return bits a channel and colour type, the size checked."""
    if len(data) < 26 or data[12:16] != b"IHDR":
        raise Fault(code, "a PNG without its header")
    width, height, bits, color = struct.unpack(">IIBB", data[16:26])
    _check_size(height, width, max_pixels, code)
    return bits, color


def _png_pixels(data: bytes, code: RejectCode) -> np.ndarray:
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            warnings.simplefilter("ignore")
            return np.array(image)
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise Fault(code, f"a damaged PNG: {error}") from error
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _npy(data: bytes, max_pixels: int, code: RejectCode, kinds: str, expected: str) -> np.ndarray:
    shape, fortran, dtype, start = _npy_header(data, code)
    if dtype.kind not in kinds or dtype.hasobject:
        raise Fault(code, f"holds {dtype}; expected {expected}")
    if len(shape) != 2:
        raise Fault(code, f"has the shape {shape}; expected (height, width)")
    _check_size(*shape, max_pixels, code)
    count = shape[0] * shape[1]
    if len(data) - start < count * dtype.itemsize:
        raise Fault(code, f"is cut short: {shape} {dtype} takes more bytes than there are")
    return np.frombuffer(data, dtype, count, start).reshape(shape, order="F" if fortran else "C")


def _npy_header(data: bytes, code: RejectCode) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    file = io.BytesIO(data)
    try:
        version = npy.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version}")
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shape, fortran, dtype = read(file, max_header_size=_MAX_HEADER)
    except _BAD_HEADER as error:
        raise Fault(code, f"neither a PNG nor a readable .npy file: {str(error).splitlines()[0]}") from error
    return shape, fortran, dtype, file.tell()


def _check_size(height: int, width: int, max_pixels: int, code: RejectCode) -> None:
    if height < 1 or width < 1:
        raise Fault(code, f"has no pixels: {width}x{height}")
    if height * width > max_pixels:
        raise Fault(RejectCode.TOO_LARGE, f"a map of {width}x{height} pixels, over the limit of {max_pixels}")
