"""Plain colour words for the pixels of an object."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spatialgen.records import F32, U8, Bool

Words = NDArray[np.int64]

# The eleven basic colour terms of English (Berlin and Kay 1969) and "beige", by hue and by lightness below.
NAMES = (
    "black", "white", "gray", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "beige",
)  # fmt: skip
GRAY_CHROMA = 9.0  # CIE L*a*b* chroma below which a colour has no hue
BLACK, WHITE = 24.0, 80.0  # lightness of what has no hue
HUES = (  # upper end of the hue angle in degrees, and the word of a strong, medium-light colour
    (22.0, "pink"), (45.0, "red"), (72.0, "orange"), (105.0, "yellow"), (178.0, "green"), (288.0, "blue"),
    (328.0, "purple"), (361.0, "pink"),
)  # fmt: skip


def color_shares(pixels: U8) -> dict[str, float]:
    """Return the share of each colour word over `pixels` (N, 3) uint8 RGB; words without a pixel are left out."""
    if len(pixels) == 0:
        return {}
    words = _words(_lab(pixels))
    values, counts = np.unique(words, return_counts=True)
    return {NAMES[int(v)]: float(c) / len(words) for v, c in zip(values, counts, strict=True)}


def dominant_color(pixels: U8, min_share: float, min_lead: float) -> str | None:
    """Return the word that at least `min_share` of `pixels` have, `min_lead` more than any other, or None."""
    shares = sorted(color_shares(pixels).items(), key=lambda item: (-item[1], item[0]))
    if not shares or shares[0][1] < min_share:
        return None
    runner_up = shares[1][1] if len(shares) > 1 else 0.0
    return shares[0][0] if shares[0][1] - runner_up >= min_lead else None


def _lab(pixels: U8) -> F32:
    import cv2

    row = pixels.reshape(1, -1, 3).astype(np.float32) / 255.0
    lab: F32 = np.asarray(cv2.cvtColor(row, cv2.COLOR_RGB2LAB), np.float32)[0]
    return lab


def _words(lab: F32) -> Words:
    """Return the index in NAMES of each colour (N, 3) L*, a*, b*."""
    light, chroma = lab[:, 0], np.hypot(lab[:, 1], lab[:, 2])
    hue = np.rad2deg(np.arctan2(lab[:, 2], lab[:, 1])) % 360.0
    ends = np.array([end for end, _ in HUES])
    by_hue = np.array([NAMES.index(word) for _, word in HUES])
    word = by_hue[np.searchsorted(ends, hue, side="right")]
    warm = (hue >= 30) & (hue < 100)
    word = _put(word, warm & (light < 55) & (chroma < 60), "brown")
    word = _put(word, (hue >= 45) & (hue < 72) & (light >= 55) & (chroma < 45), "brown")
    word = _put(word, warm & (light >= 68) & (chroma < 32), "beige")
    word = _put(word, ((hue < 45) | (hue > 340)) & (light >= 60) & (chroma < 50), "pink")
    word = _put(word, ((hue < 22) | (hue > 350)) & (light < 55), "red")
    word = _put(word, (hue >= 22) & (hue < 45) & (light < 35) & (chroma < 35), "brown")
    word = _put(word, chroma < GRAY_CHROMA, "gray")
    word = _put(word, (light > WHITE) & (chroma < GRAY_CHROMA), "white")
    return _put(word, (light < BLACK) & (chroma < 14), "black")


def _put(words: Words, where: Bool, name: str) -> Words:
    return np.where(where, NAMES.index(name), words)
