"""The surface of the whole object as points: what is seen, and its mirror images where nothing speaks against them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialgen.geometry.boxes import Rectangle, resample
from spatialgen.geometry.clouds import Cloud
from spatialgen.geometry.crops import Crop
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

_AROUND, _CORNERED, _UPWARDS = 32, 8, np.linspace(0, 1, 5)
_MIRRORS = np.array([(-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)])

_NINE_ROWS, _NINE_COLUMNS = np.repeat(np.arange(3), 3)[:, None], np.tile(np.arange(3), 3)[:, None]
_STANDS_OUT_M = 0.003

_OF_HANDLE = 2.7
"""How far a handle reaches out, relative to the error that it makes."""

_REACH = 1.6
"""How far around one of the points others are looked for that were left out, relative to how far points are apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Points (3, N) canonical metres: `seen_m` as measured, `points_m` with the guessed far side as well.

    `possible_m` (3, K): points of the box's sides that no reading speaks against: the object may reach that far.
    `around`: tells which points (3, J) lie around the one with some index into `points_m`, all that are read and not
    only some of them, as a point (3,) beyond sees them; None where there are no more.
    """

    seen_m: F32
    points_m: F32
    possible_m: F32
    around: Callable[[int, F32], F32] | None = None


def whole_surface(cloud: Cloud, whole: Whole, crop: Crop, view: View, depth_m: F32, margin: float) -> Surface:
    """Return the surface of a whole object.

    Furniture is symmetric: mirror images of the seen surface about the middle planes of its box stand for its far
    side. An image of which more than a few points would have been seen, in the depth map (H, W), and were not, is
    given up. `margin`: the relative depth difference that counts as seeing through. `crop`: the cloud's own.
    """
    end, step, kind = (_every(part, MAX_RIM) for part in (cloud.rim.end_m, cloud.rim.step_m, cloud.rim.kind))
    seen = np.concatenate([_every(cloud.points_m, MAX_INNER), end - _STAIR * (kind != HIDDEN) * step], axis=1)
    if whole.kind == "ball":
        return Surface(seen, np.concatenate([seen, _ball_points(whole)], axis=1), seen[:, :0], partial(_facing, whole))
    images, sides = _mirror_images(seen, whole.rectangle), _sides(whole)
    mirrored = seen_through(images, view, depth_m, margin).reshape(len(_MIRRORS), -1)
    most = _ROUND_CONTRADICTED if whole.kind == "round" else _CONTRADICTED
    stand_out = _stand_out(np.concatenate([images, sides], axis=1), view, depth_m, 2 * cloud.noise_sigma)
    kept = ~(mirrored | stand_out[: images.shape[1]].reshape(mirrored.shape))
    kept &= (np.count_nonzero(mirrored, axis=1) / seen.shape[1] < most)[:, None]
    if whole.kind == "round":
        kept[:-1] = False
    points = np.concatenate([seen, images.compress(kept.ravel(), axis=1)], axis=1)
    low, high = whole.z_m.astype(np.float32)
    points[2] = np.minimum(np.maximum(points[2], low), high)
    origin = np.concatenate([np.arange(seen.shape[1]), seen.shape[1] + np.flatnonzero(kept)])
    around = partial(_around, cloud, whole, crop, view, depth_m, seen, origin)
    return Surface(seen, points, sides.compress(~stand_out[images.shape[1] :], axis=1), around)


def _around(
    cloud: Cloud, whole: Whole, crop: Crop, view: View, depth_m: F32, seen_m: F32, origin: NDArray[np.intp], k: int, _: F32
) -> F32:
    """Return all points (3, J) around one of a surface's, which is the `origin[k]`th of those seen, or of their images."""
    image, n = divmod(int(origin[k]), seen_m.shape[1])
    middle = seen_m[:, n]
    u, v, z = (float(value[0]) for value in view.pixels(middle[:, None]))
    reach_px = math.ceil(_REACH * math.sqrt(np.count_nonzero(crop.mask) / MAX_INNER)) + 2
    row, column = round(v) - crop.v0, round(u) - crop.u0
    top, left = max(row - reach_px, 0), max(column - reach_px, 0)
    window = slice(top, row + reach_px + 1), slice(left, column + reach_px + 1)
    v_in, u_in = np.nonzero(crop.readings[window])
    read = view.points(crop.u0 + left + u_in, crop.v0 + top + v_in, crop.depth_m[window][v_in, u_in])
    apart = cloud.rim.end_m - middle[:, None]
    near = np.flatnonzero((apart * apart).sum(axis=0) < (2 * reach_px * z / view.camera.fx) ** 2)
    end, step, kind = cloud.rim.end_m[:, near], cloud.rim.step_m[:, near], cloud.rim.kind[near]
    points = np.concatenate([read, end - _STAIR * (kind != HIDDEN) * step], axis=1)
    if image:
        center, axes = whole.rectangle.center_m[:, None], np.array([whole.rectangle.u, whole.rectangle.v])
        local = _MIRRORS[image - 1][:, None] * (axes @ (points[:2] - center))
        points[:2] = center + axes.T @ local
        points = points.compress(~_stand_out(points, view, depth_m, 2 * cloud.noise_sigma), axis=1)
    points[2] = points[2].clip(*whole.z_m.astype(np.float32))
    return points if points.shape[1] else middle[:, None]


def _facing(whole: Whole, _: int, toward_m: F32) -> F32:
    """Return the point (3, 1) of a ball that is closest to another (3,)."""
    center, radius = _ball(whole)
    away = toward_m - center
    return np.asarray(center + radius / max(math.hypot(*away.tolist()), 1e-9) * away, np.float32)[:, None]


def _sides(whole: Whole) -> F32:
    """Return points of the outline, drawn up from where the bottom to where the top may be, and of handles (3, K)."""
    outline = resample(whole.outline_m, _AROUND)
    if len(whole.outline_m) <= _CORNERED:
        outline = np.concatenate([outline, whole.outline_m])
    low, high = float(whole.z_m[0] - whole.z_sigma_m[0]), float(whole.z_m[1] + whole.z_sigma_m[1])
    sides = _drawn_up(outline, low + _UPWARDS * (high - low))
    handle = _OF_HANDLE * float(whole.handle_sigma_m.max())
    if not handle:
        return sides
    center = whole.rectangle.center_m
    farther = 1 + handle / max(float(whole.rectangle.half_m.max()), 1e-6)
    return np.concatenate([sides, _drawn_up(center + farther * (outline - center), low + _UPWARDS[1:-1] * (high - low))], axis=1)


def _drawn_up(outline_m: F64, heights_m: F64) -> F32:
    """Return the points (3, H K) of an outline (K, 2) at some heights (H,)."""
    points = np.empty((3, len(heights_m), len(outline_m)), np.float32)
    points[:2] = outline_m.T[:, None]
    points[2] = heights_m[:, None]
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
    center, radius = _ball(whole)
    lattice = center[:, None] + radius * np.stack([flat * np.cos(turn), flat * np.sin(turn), z])
    return np.asarray(lattice, np.float32)


def _ball(whole: Whole) -> tuple[F64, float]:
    """Return the centre (3,) of a ball, which may stand on something hidden, and its radius."""
    radius = float(whole.rectangle.half_m[0])
    return np.array([*whole.rectangle.center_m, whole.z_m[1] - radius]), radius


def _mirror_images(seen_m: F32, rectangle: Rectangle) -> F32:
    """Return the mirror images (3, 3 N) of points (3, N) about the rectangle's middle planes, one after the other."""
    center, axes = rectangle.center_m[:, None], np.array([rectangle.u, rectangle.v])
    local = axes @ (seen_m[:2] - center)
    images = np.empty((3, len(_MIRRORS), seen_m.shape[1]), np.float32)
    images[:2] = (center + (axes.T * _MIRRORS[:, None]) @ local).swapaxes(0, 1)
    images[2] = seen_m[2]
    return images.reshape(3, -1)


def _stand_out(points_m: F32, view: View, depth_m: F32, margin: float) -> Bool:
    """Return (N,) whether the depth map (H, W) shows nothing as near as a canonical point (3, N) at its pixel or next
    to it: the images of handles, feet and doors that are on one side only."""
    u, v, z = view.pixels(points_m)
    height, width = depth_m.shape
    outside = np.zeros(points_m.shape[1], bool)
    at = np.flatnonzero((u > 0.5) & (u < width - 1.5) & (v > 0.5) & (v < height - 1.5))
    first = ((v[at] + 0.5).astype(np.intp) - 1) * width + (u[at] + 0.5).astype(np.intp) - 1
    nearest = depth_m.ravel()[first + _NINE_ROWS * width + _NINE_COLUMNS].min(axis=0)
    outside[at] = nearest > z[at] * (1 + margin) + _STANDS_OUT_M
    return outside


def seen_through(points_m: F32 | F64, view: View, depth_m: F32, margin: float) -> Bool:
    """Return (N,) whether the depth map (H, W) shows something clearly behind each canonical point (3, N)."""
    u, v, z = view.pixels(points_m)
    height, width = depth_m.shape
    inside = (u > -0.5) & (u < width - 0.5) & (v > -0.5) & (v < height - 0.5)
    at = np.flatnonzero(inside)
    row, column = (v[at] + 0.5).astype(np.intp), (u[at] + 0.5).astype(np.intp)
    inside[at] = depth_m[row, column] > z[at] * (1 + margin) + 0.02
    return np.asarray(inside)
