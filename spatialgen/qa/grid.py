"""The 0..999 grid: pixel edges of an image, padded to a centred square, as LLaVA-like models see it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


def to_grid(edges_px: F64, size_wh: F64) -> F64:
    """Return grid coordinates of (n, 2 k) x, y, x, y .. edge coordinates of images (n, 2) width, height.

    A coordinate is min(999, floor(1000 (x + pad) / S)), S the longer side, pad = (S - w) // 2.
    """
    longer = np.max(size_wh, axis=1, keepdims=True)
    pad = (longer - size_wh) // 2
    repeats = edges_px.shape[1] // 2
    grid = np.floor(1000.0 * (edges_px + np.tile(pad, (1, repeats))) / longer)
    clipped: F64 = np.clip(grid, 0.0, 999.0)
    return clipped
