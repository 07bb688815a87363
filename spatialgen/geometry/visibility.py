"""How much of an object's silhouette something nearer hides."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from spatialgen.geometry.frames import View
from spatialgen.geometry.whole import Whole, as_large_as_may_be
from spatialgen.records import F32, F64, I32

_NEARER = 0.985
_MOST_SAMPLES = 8000
_AT_MOST = 0.5
"""How far the sides of a box may be beyond where they seem, relative to its longest."""


def visible_shares(
    wholes: Sequence[Whole], owners: Sequence[int], pixels: Sequence[int], view: View, depth_m: F32, ids: I32
) -> list[float]:
    """Return the estimated share, (0, 1], of each whole object's silhouette that nothing nearer hides.

    The silhouette is that of its box, as large as that may be; what of it shows neither the object nor anything nearer
    is see-through, and the hidden part is taken to be as open as the visible one. `depth_m` and `ids` are (H, W),
    `owners` their ids there, `pixels` how many they have.
    """
    boxes = np.empty((3, len(wholes), 2, 4))
    for k, whole in enumerate(wholes):
        boxes[:2, k] = whole.rectangle.corners_m.T[:, None]
        boxes[2, k] = whole.z_m[:, None]
    depths = view.pixels(boxes.reshape(3, -1))[2].reshape(-1, 8)  # of the thing as it seems: what is before it hides it
    for k, whole in enumerate(wholes):
        boxes[:2, k] = as_large_as_may_be(whole, _most_m(whole)).corners_m.T[:, None]
        boxes[2, k] = (whole.z_m + np.array([-1.0, 1.0]) * np.minimum(whole.z_sigma_m, _most_m(whole)))[:, None]
    seen = [axis.reshape(-1, 8) for axis in view.pixels(boxes.reshape(3, -1))[:2]]
    corners = zip(*seen, depths, strict=True)
    return [_visible_share(*one, depth_m, ids) for one in zip(corners, owners, pixels, strict=True)]


def _most_m(whole: Whole) -> float:
    """Return by how much the sides of a whole are moved at most: more would rather be another thing."""
    return _AT_MOST * max(2 * float(whole.rectangle.half_m.max()), float(np.ptp(whole.z_m)))


def _visible_share(corners: tuple[F64, F64, F64], owner: int, pixels: int, depth_m: F32, ids: I32) -> float:
    """Return the share for a box whose `corners` are seen at u, v (8,), NaN behind the camera.

    Third comes the z-depth (8,) of the corners, before the box was made as large as it may be.
    """
    u, v, z = corners
    (left, *_, right), (top, *_, bottom) = np.sort(u).tolist(), np.sort(v).tolist()
    if not math.isfinite(right):
        return 1.0
    height, width = depth_m.shape
    u0, u1 = max(int(left), 0), min(int(right) + 2, width)
    v0, v1 = max(int(top), 0), min(int(bottom) + 2, height)
    if u0 >= u1 or v0 >= v1:
        return 1.0
    step = max(1, int(math.sqrt((u1 - u0) * (v1 - v0) / _MOST_SAMPLES)))
    window = (slice(v0, v1, step), slice(u0, u1, step))
    silhouette = np.zeros((len(range(v0, v1, step)), len(range(u0, u1, step))), np.uint8)
    outline = cv2.convexHull((np.array([u - u0, v - v0], np.float32) / step).T)
    cv2.fillConvexPoly(silhouette, np.rint(outline).astype(np.int32), 1)
    inside = silhouette.view(bool)
    others, depth = ids[window][inside], depth_m[window][inside]
    near = depth < _NEARER * np.float32(z.mean())
    whose, nearer = others[near], depth[near] < _NEARER * np.float32(z.min())
    hidden = int(np.count_nonzero(np.where(whose == 0, nearer, (whose > 0) & (whose != owner)))) * step**2
    area = len(depth) * step**2
    solid = min(pixels / max(area - hidden, 1), 1.0)
    return pixels / max(pixels + solid * hidden, 1.0)
