"""Takes location and other metadata out of JPEG and PNG files without touching the pixels.

What decoders need stays: JFIF, Adobe and ICC segments of a JPEG; in a PNG all critical chunks and those on colour.
Whatever follows the picture's end (a second picture, a film, a maker's trailer) goes.
"""

from __future__ import annotations

import struct

JPEG_MAGIC = b"\xff\xd8\xff"
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"

_PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"cICP"})
_SOS, _EOI, _APP0, _APP2, _APP14, _APP15, _COM = 0xDA, 0xD9, 0xE0, 0xE2, 0xEE, 0xEF, 0xFE


def strip_jpeg(data: bytes) -> bytes | None:
    """Return the first picture of a JPEG file without metadata, or None where its structure is not understood."""
    if not data.startswith(JPEG_MAGIC):
        return None
    kept = [data[:2]]
    at = 2
    while (at := _marker(data, at)) >= 0:
        marker = data[at + 1]
        if marker == _EOI:
            return b"".join([*kept, data[at : at + 2]])
        end = _segment_end(data, at)
        if end < 0:
            return None
        if marker == _SOS:
            end = _scan_end(data, end)
        if not _is_metadata(marker, data[at + 4 : end]):
            kept.append(data[at:end])
        at = end
    return None


def strip_png(data: bytes) -> bytes | None:
    """Return a PNG file with only what its (first) picture needs, or None where its structure is not understood."""
    if not data.startswith(PNG_MAGIC):
        return None
    kept = [PNG_MAGIC]
    at = len(PNG_MAGIC)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            return None
        if kind in _PNG_KEPT:
            kept.append(data[at:end])
        if kind == b"IEND":
            return b"".join(kept)
        at = end
    return None


def _marker(data: bytes, at: int) -> int:
    """Return where the marker that must stand at `at` begins (fill bytes skipped), or -1."""
    while at + 1 < len(data) and data[at] == 0xFF and data[at + 1] == 0xFF:
        at += 1
    return at if at + 1 < len(data) and data[at] == 0xFF and data[at + 1] >= 0xC0 else -1


def _segment_end(data: bytes, at: int) -> int:
    if at + 4 > len(data):
        return -1
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    end = at + 2 + length
    return end if length >= 2 and end <= len(data) else -1


def _scan_end(data: bytes, at: int) -> int:
    """Return where the coded data that begins at `at` ends: at a marker that is no stuffing and no restart."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        following = data[at + 1]
        if following != 0 and not 0xD0 <= following <= 0xD7 and following != 0xFF:
            return at
        at += 1 if following == 0xFF else 2
    return len(data)


def _is_metadata(marker: int, body: bytes) -> bool:
    if marker == _APP2:
        return not body.startswith(b"ICC_PROFILE\0")
    if marker in (_APP0, _APP14):
        return False
    return marker == _COM or _APP0 < marker <= _APP15
