"""One object's neighbourhood in the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spatialgen.records import F32, I32, Bool

PAD_PX = 7
"""Pixels around an object's bounds that its crop keeps, where the image has them."""


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A window around an object: its first pixel's u, v; depth (h, w) metres; owners (h, w); its mask (h, w).

    `trusted` (h, w): where a reading inside the mask is the object's own; None: wherever it is finite.
    """

    u0: int
    v0: int
    depth_m: F32
    ids: I32
    mask: Bool
    trusted: Bool | None = None

    @property
    def readings(self) -> Bool:
        """Where the mask has readings of the object itself (h, w)."""
        return self.mask & np.isfinite(self.depth_m) if self.trusted is None else self.trusted


def crop_object(depth_m: F32, ids: I32, owner: int, bounds: tuple[slice, slice]) -> Crop:
    """Return the neighbourhood of the pixels that `owner` has inside `bounds` (rows, columns)."""
    height, width = ids.shape
    v0, v1 = max(bounds[0].start - PAD_PX, 0), min(bounds[0].stop + PAD_PX, height)
    u0, u1 = max(bounds[1].start - PAD_PX, 0), min(bounds[1].stop + PAD_PX, width)
    window = (slice(v0, v1), slice(u0, u1))
    return Crop(u0, v0, depth_m[window], ids[window], ids[window] == owner)
