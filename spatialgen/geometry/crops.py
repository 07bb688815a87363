"""One object's neighbourhood in the image, and those of all objects laid end to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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


def bounds_of(ids: I32, count: int) -> list[tuple[slice, slice] | None]:
    """Return the rows and columns that each of the ids 1 .. `count` spans in a map (H, W), None where it is absent.

    As `scipy.ndimage.find_objects`, which looks at every pixel: only where runs of one id begin and end counts.
    """
    height, width = ids.shape
    flat = ids.ravel()
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]), flat.size - 1)
    starts = np.concatenate([[0], ends[:-1] + 1])
    owner = flat[ends]
    named = (owner > 0) & (owner <= count)
    owner, (top, left), (bottom, right) = owner[named], np.divmod(starts[named], width), np.divmod(ends[named], width)
    left, right = np.where(top < bottom, 0, left), np.where(top < bottom, width - 1, right)
    low = np.full((2, count + 1), max(height, width))
    high = np.full((2, count + 1), -1)
    for axis, (first, last) in enumerate(((top, bottom), (left, right))):
        np.minimum.at(low[axis], owner, first)
        np.maximum.at(high[axis], owner, last)
    return [
        None if last[0] < 0 else (slice(first[0], last[0] + 1), slice(first[1], last[1] + 1))
        for first, last in zip(low.T[1:].tolist(), high.T[1:].tolist(), strict=True)
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """The pixels of K crops laid end to end, P in all, so that one call works on those of every object.

    `depth_m` and `mask` (P,) as in `crops`; the strip's index of each crop's first pixel `start` (K,), and the one
    after its last `stop` (K,); `height`, `width` (K,).
    """

    crops: Sequence[Crop]
    depth_m: F32
    mask: Bool
    start: NDArray[np.intp]
    stop: NDArray[np.intp]
    height: NDArray[np.intp]
    width: NDArray[np.intp]

    def without_edge(self, before_px: int, after_px: int) -> Bool:
        """Return the masks (P,) less the first `before_px` and the last `after_px` rows and columns of each crop."""
        inner = self.mask.copy()
        for start, stop, width in zip(self.start.tolist(), self.stop.tolist(), self.width.tolist(), strict=True):
            crop = inner[start:stop].reshape(-1, width)
            crop[:before_px] = crop[-after_px:] = False
            crop[:, :before_px] = crop[:, -after_px:] = False
        return inner


def lay_out(crops: Sequence[Crop]) -> Strip:
    """Return crops laid end to end."""
    height, width = np.array([crop.mask.shape for crop in crops], np.intp).reshape(-1, 2).T
    stop = np.cumsum(height * width)
    start = stop - height * width
    depth_m, mask = np.empty(int(stop[-1]) if crops else 0, np.float32), np.empty(int(stop[-1]) if crops else 0, bool)
    for crop, first, last in zip(crops, start.tolist(), stop.tolist(), strict=True):
        depth_m[first:last].reshape(crop.mask.shape)[:] = crop.depth_m
        mask[first:last].reshape(crop.mask.shape)[:] = crop.mask
    return Strip(crops, depth_m, mask, start, stop, height, width)
