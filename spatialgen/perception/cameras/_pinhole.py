"""Intrinsics from a focal length or a field of view, for an uncropped photo with square pixels."""

from __future__ import annotations

import math

from spatialgen.records import Camera

FILM_DIAGONAL_MM = math.hypot(36.0, 24.0)


def from_focal_35mm(focal_mm: float, size_wh: tuple[int, int], sigma: float) -> Camera:
    """Return the camera of an image (width, height) whose EXIF gives the 35 mm equivalent focal length.

    The equivalence is by the diagonal (CIPA DC-008), since photos are seldom 3:2.
    """
    focal_px = focal_mm / FILM_DIAGONAL_MM * math.hypot(*size_wh)
    return _centred(focal_px, size_wh, "exif", sigma)


def from_field_of_view(diagonal_deg: float, size_wh: tuple[int, int], sigma: float, source: str) -> Camera:
    """Return the camera of an image (width, height) with a diagonal field of view in degrees."""
    focal_px = math.hypot(*size_wh) / 2 / math.tan(math.radians(diagonal_deg) / 2)
    return _centred(focal_px, size_wh, source, sigma)


def _centred(focal_px: float, size_wh: tuple[int, int], source: str, sigma: float) -> Camera:
    width, height = size_wh
    return Camera(focal_px, focal_px, (width - 1) / 2, (height - 1) / 2, source, sigma)
