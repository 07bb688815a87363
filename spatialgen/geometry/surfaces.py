"""The surface of the whole object as points: what is seen, and its mirror images where nothing speaks against them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialgen.geometry.boxes import Rectangle, resample
from spatialgen.geometry.clouds import Cloud
from spatialgen.geometry.frames import View
from spatialgen.geometry.rims import HIDDEN
from spatialgen.geometry.whole import Whole
from spatialgen.records import F32, F64, Bool

MAX_INNER, MAX_RIM = 450, 250
_CONTRADICTED, _ROUND_CONTRADICTED = 0.04, 0.15
"""Share of a mirror image that may be seen through before the mirror image is given up; more where the thing is round,
and so is known to be symmetric."""

_STAIR = np.float32(0.85)
"""Of all rim points of a side the outermost is closest to others, almost half a pixel too far out: taken back."""

_AROUND, _UPWARDS = 32, np.linspace(0, 1, 5)
_MIRRORS = np.array([(-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)])


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Points (3, N) canonical metres: `seen_m` as measured, `points_m` with the guessed far side as well.

    `possible_m` (3, K): points of the box's sides that no reading speaks against: the object may reach that far.
    """

    seen_m: F32
    points_m: F32
    possible_m: F32


def whole_surface(cloud: Cloud, whole: Whole, view: View, depth_m: F32, margin: float) -> Surface:
    """Return the surface of a whole object.

    Furniture is symmetric: mirror images of the seen surface about the middle planes of its box stand for its far
    side. An image of which more than a few points would have been seen, in the depth map (H, W), and were not, is
    given up. `margin`: the relative depth difference that counts as seeing through.
    """
    end, step, kind = (_every(part, MAX_RIM) for part in (cloud.rim.end_m, cloud.rim.step_m, cloud.rim.kind))
    seen = np.concatenate([_every(cloud.points_m, MAX_INNER), end - _STAIR * (kind != HIDDEN) * step], axis=1)
    if whole.kind == "ball":
        return Surface(seen, np.concatenate([seen, _ball_points(whole)], axis=1), seen[:, :0])
    images, sides = _mirror_images(seen, whole.rectangle), _sides(whole)
    through = seen_through(np.concatenate([images, sides], axis=1), view, depth_m, margin)
    mirrored = through[: images.shape[1]].reshape(len(_MIRRORS), -1)
    most = _ROUND_CONTRADICTED if whole.kind == "round" else _CONTRADICTED
    kept = ~mirrored & (np.count_nonzero(mirrored, axis=1) / seen.shape[1] < most)[:, None]
    points = np.concatenate([seen, images.compress(kept.ravel(), axis=1)], axis=1)
    low, high = whole.z_m.astype(np.float32)
    points[2] = np.minimum(np.maximum(points[2], low), high)
    return Surface(seen, points, sides.compress(~through[images.shape[1] :], axis=1))


def _sides(whole: Whole) -> F32:
    """Return points of the outline, drawn up from where the bottom may be to the top (3, K)."""
    outline = resample(whole.outline_m, _AROUND)
    points = np.empty((3, len(_UPWARDS), _AROUND), np.float32)
    points[:2] = outline.T[:, None]
    low, high = float(whole.z_m[0] - whole.z_sigma_m[0]), float(whole.z_m[1])
    points[2] = (low + _UPWARDS * (high - low))[:, None]
    return points.reshape(3, -1)


def _every(values: NDArray[Any], most: int) -> NDArray[Any]:
    """Return values (..., N), thinned to at most so many."""
    step = -(-values.shape[-1] // most)
    return values[..., ::step] if step > 1 else values


def _ball_points(whole: Whole) -> F32:
    """Return 400 points of a sphere, evenly spread (Fibonacci lattice)."""
    k = np.arange(400) + 0.5
    z, turn = 1 - 2 * k / 400, k * np.pi * (1 + 5**0.5)
    flat = np.sqrt(1 - z**2)
    radius = float(whole.rectangle.half_m[0])
    center = np.array([*whole.rectangle.center_m, whole.z_m[1] - radius])  # it may stand on something hidden
    lattice = center[:, None] + radius * np.stack([flat * np.cos(turn), flat * np.sin(turn), z])
    return np.asarray(lattice, np.float32)


def _mirror_images(seen_m: F32, rectangle: Rectangle) -> F32:
    """Return the mirror images (3, 3 N) of points (3, N) about the rectangle's middle planes, one after the other."""
    center, axes = rectangle.center_m[:, None], np.array([rectangle.u, rectangle.v])
    local = axes @ (seen_m[:2] - center)
    images = np.empty((3, len(_MIRRORS), seen_m.shape[1]), np.float32)
    images[:2] = (center + (axes.T * _MIRRORS[:, None]) @ local).swapaxes(0, 1)
    images[2] = seen_m[2]
    return images.reshape(3, -1)


def seen_through(points_m: F32 | F64, view: View, depth_m: F32, margin: float) -> Bool:
    """Return (N,) whether the depth map (H, W) shows something clearly behind each canonical point (3, N)."""
    u, v, z = view.pixels(points_m)
    height, width = depth_m.shape
    inside = (u > -0.5) & (u < width - 0.5) & (v > -0.5) & (v < height - 0.5)
    at = np.flatnonzero(inside)
    row, column = (v[at] + 0.5).astype(np.intp), (u[at] + 0.5).astype(np.intp)
    inside[at] = depth_m[row, column] > z[at] * (1 + margin) + 0.02
    return np.asarray(inside)
