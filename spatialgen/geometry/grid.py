"""A sparse, regular look at the whole picture: points every few pixels, for what is large (floor, walls, noise)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spatialgen.geometry.frames import View
from spatialgen.records import F32, I32, Bool

TARGET_SAMPLES = 5000


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Samples at every `stride` pixels: pixels `u_px` (w,) and `v_px` (h,), depth (h, w) metres, NaN unread.

    `free` (h, w) is True where no detected object is.
    """

    stride: int
    u_px: I32
    v_px: I32
    depth_m: F32
    free: Bool

    def points(self, view: View) -> F32:
        """Return canonical points (3, h, w), metres."""
        return view.points(self.u_px, self.v_px[:, None], self.depth_m)


def sample_grid(depth_m: F32, ids: I32, named: int) -> Grid:
    """Return about 5000 samples of a depth map (H, W) and its ids; ids 1 .. `named` are detected objects."""
    height, width = depth_m.shape
    stride = max(1, round(float(np.sqrt(height * width / TARGET_SAMPLES))))
    v = np.arange(stride // 2, height, stride, dtype=np.int32)
    u = np.arange(stride // 2, width, stride, dtype=np.int32)
    owner = ids[stride // 2 :: stride, stride // 2 :: stride]
    depth = np.ascontiguousarray(depth_m[stride // 2 :: stride, stride // 2 :: stride])
    return Grid(stride, u, v, depth, (owner <= 0) | (owner > named))
