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
BLACK_CHROMA = 14.0  # dark things seem black in spite of a little hue
HUES = (  # upper end of the hue angle (HSV) in degrees, and the word of a strong colour
    (14.0, "red"), (40.0, "orange"), (68.0, "yellow"), (168.0, "green"), (255.0, "blue"), (300.0, "purple"),
    (345.0, "pink"), (361.0, "red"),
)  # fmt: skip


def color_shares(pixels: U8) -> dict[str, float]:
    """Return the share of each colour word over `pixels` (N, 3) uint8 RGB; words without a pixel are left out."""
    if len(pixels) == 0:
        return {}
    words = _words(pixels)
    values, counts = np.unique(words, return_counts=True)
    return {NAMES[int(v)]: float(c) / len(words) for v, c in zip(values, counts, strict=True)}


def dominant_color(pixels: U8, min_share: float, min_lead: float) -> str | None:
    """Return the word that at least `min_share` of `pixels` have, `min_lead` more than any other, or None."""
    shares = sorted(color_shares(pixels).items(), key=lambda item: (-item[1], item[0]))
    if not shares or shares[0][1] < min_share:
        return None
    runner_up = shares[1][1] if len(shares) > 1 else 0.0
    return shares[0][0] if shares[0][1] - runner_up >= min_lead else None


def _lightness_chroma_hue(pixels: U8) -> tuple[F32, F32, F32]:
    """Return CIE lightness (0 .. 100), CIE chroma, and the HSV hue in degrees, each (N,).

    Chroma and lightness are as the eye sees them; the hue is not CIE's, in which blue shades drift to purple.
    """
    import cv2

    row = pixels.reshape(1, -1, 3).astype(np.float32) / 255.0
    lab = np.asarray(cv2.cvtColor(row, cv2.COLOR_RGB2LAB), np.float32)[0]
    hue = np.asarray(cv2.cvtColor(row, cv2.COLOR_RGB2HSV), np.float32)[0, :, 0]
    return lab[:, 0], np.hypot(lab[:, 1], lab[:, 2]), hue


def _words(pixels: U8) -> Words:
    """Return the index in NAMES of each pixel (N, 3); later rules win over earlier ones."""
    light, chroma, hue = _lightness_chroma_hue(pixels)
    ends = np.array([end for end, _ in HUES])
    by_hue = np.array([NAMES.index(word) for _, word in HUES])
    words: Words = by_hue[np.searchsorted(ends, hue, side="right")]
    rules: list[tuple[Bool, str]] = [
        ((hue >= 300) & (hue < 330) & (light < 45), "purple"),
        ((hue >= 330) & (light < 50), "red"),
        (((hue < 20) | (hue > 330)) & (light >= 58) & (chroma < 55), "pink"),
        ((hue >= 8) & (hue < 50) & (light < 58) & (chroma < 62), "brown"),
        ((hue >= 12) & (hue < 38) & (light < 74) & (chroma < 45), "brown"),
        ((hue >= 20) & (hue < 60) & (light >= 68) & (chroma < 32), "beige"),
        (chroma < GRAY_CHROMA, "gray"),
        ((chroma < GRAY_CHROMA) & (light > WHITE), "white"),
        ((chroma < BLACK_CHROMA) & (light < BLACK), "black"),
    ]
    for where, word in rules:
        words = np.where(where, NAMES.index(word), words)
    return words
