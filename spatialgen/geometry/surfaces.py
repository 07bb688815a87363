"""The surface of the whole object as points: what is seen, and its mirror images where nothing speaks against them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

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

_AROUND, _UPWARDS = 32, np.linspace(0, 1, 5)
_HALF_TURN = np.array([(-1.0, -1.0)])
_MIRRORS = np.concatenate([[(-1.0, 1.0), (1.0, -1.0)], _HALF_TURN])

_NINE_ROWS, _NINE_COLUMNS = np.repeat(np.arange(3), 3)[:, None], np.tile(np.arange(3), 3)[:, None]
_BEHIND_M, _STANDS_OUT_M = 0.02, 0.003
"""What is farther by more than the first is clearly behind a point; one that is nearer by more than the second to the
eye than all pixels around it is not there."""

_OF_HANDLE = 2.7
"""How far a handle reaches out, relative to the error that it makes."""

_REACH = 1.3
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
    side; of round things only half a turn, which suits square feet, too. An image of which more than a few points would
    have been seen, in the depth map (H, W), and were not, is given up; elsewhere those are that stand out of what is
    seen. `margin`: the relative depth difference that counts as seeing through. `crop`: the cloud's own.
    """
    rim = _rim_points(cloud, slice(None, None, -(-len(cloud.rim.kind) // MAX_RIM)))
    seen = np.concatenate([cloud.points_m[:, :: -(-cloud.points_m.shape[1] // MAX_INNER)], rim], axis=1)
    if whole.kind == "ball":
        return Surface(seen, np.concatenate([seen, _ball_points(whole)], axis=1), seen[:, :0], partial(_facing, whole))
    mirrors = _HALF_TURN if whole.kind == "round" else _MIRRORS
    images, sides = _mirror_images(seen, whole.rectangle, mirrors), _sides(whole)
    limits = margin, 2 * cloud.noise_sigma
    through, stand_out = _refuted(np.concatenate([images, sides], axis=1), view, depth_m, *limits)
    mirrored = through[: images.shape[1]].reshape(len(mirrors), -1)
    most = _ROUND_CONTRADICTED if whole.kind == "round" else _CONTRADICTED
    kept = ~(mirrored | stand_out[: images.shape[1]].reshape(mirrored.shape))
    kept &= (np.count_nonzero(mirrored, axis=1) / seen.shape[1] < most)[:, None]
    points = _within_height(np.concatenate([seen, images.compress(kept.ravel(), axis=1)], axis=1), whole)
    origin = np.concatenate([np.arange(seen.shape[1]), seen.shape[1] + np.flatnonzero(kept)])
    readings = crop.readings
    reach_px = math.ceil(_REACH * math.sqrt(np.count_nonzero(readings) / MAX_INNER)) + 2
    pixels = np.array(view.pixels(seen))
    detail = _Detail(cloud, whole, crop, readings, reach_px, view, depth_m, limits, seen, pixels, mirrors, origin)
    return Surface(seen, points, sides.compress(~stand_out[images.shape[1] :], axis=1), detail.around)


@dataclass(frozen=True, slots=True, eq=False)
class _Detail:
    """What a surface is made of: all pixels of a thing, and from which of the points `seen_m` (3, N) each of the
    surface's comes, `origin` (K,): as it is, then by one of the `mirrors` after the other. `pixels` (3, N): their u, v
    and z-depth; `reach_px`: how far around one of these others are looked for; `limits`: see `_refuted`."""

    cloud: Cloud
    whole: Whole
    crop: Crop
    readings: Bool
    reach_px: int
    view: View
    depth_m: F32
    limits: tuple[float, float]
    seen_m: F32
    pixels: F64
    mirrors: F64
    origin: NDArray[np.intp]

    def around(self, k: int, _: F32) -> F32:
        """Return all points (3, J) around the surface's point `k`."""
        image, n = divmod(int(self.origin[k]), self.seen_m.shape[1])
        place, crop = self.seen_m[:, n : n + 1], self.crop
        u, v, z = self.pixels[:, n].tolist()
        if not math.isfinite(u + v):  # behind the camera, of depth that is none
            return place[:, :0]
        reach_px = self.reach_px
        row, column = round(v) - crop.v0, round(u) - crop.u0
        top, left = max(row - reach_px, 0), max(column - reach_px, 0)
        window = slice(top, max(row + reach_px + 1, 0)), slice(left, max(column + reach_px + 1, 0))
        down, right = np.nonzero(self.readings[window])
        read = self.view.points(crop.u0 + left + right, crop.v0 + top + down, crop.depth_m[window][down, right])
        apart = self.cloud.rim.end_m - place
        near = np.flatnonzero((apart * apart).sum(axis=0) < (2 * reach_px * z / self.view.camera.fx) ** 2)
        points = np.concatenate([place, read, _rim_points(self.cloud, near)], axis=1)
        if image:
            points = _mirror_images(points, self.whole.rectangle, self.mirrors[image - 1 : image])
            through, stand_out = _refuted(points, self.view, self.depth_m, *self.limits)
            refuted = through | stand_out
            refuted[0] = False
            points = points.compress(~refuted, axis=1)
        return _within_height(points, self.whole)


def _rim_points(cloud: Cloud, chosen: slice | NDArray[np.intp]) -> F32:
    """Return some rim points (3, M), those that are not covered taken back by what they are too far out."""
    rim = cloud.rim
    return np.asarray(rim.end_m[:, chosen] - _STAIR * (rim.kind[chosen] != HIDDEN) * rim.step_m[:, chosen])


def _within_height(points_m: F32, whole: Whole) -> F32:
    """Return points (3, N), those above and below a thing moved to where it ends."""
    low, high = whole.z_m.astype(np.float32)
    points_m[2] = np.minimum(np.maximum(points_m[2], low), high)
    return points_m


def _facing(whole: Whole, _: int, toward_m: F32) -> F32:
    """Return the point (3, 1) of a ball that is closest to another (3,)."""
    center, radius = _ball(whole)
    away = toward_m - center
    return np.asarray(center + radius / max(math.hypot(*away.tolist()), 1e-9) * away, np.float32)[:, None]


def _sides(whole: Whole) -> F32:
    """Return points of the outline, drawn up from where the bottom to where the top may be, and of handles (3, K).

    Corners that are seen through at some height may be there at others, so a box's are those of its rectangle.
    """
    if whole.kind == "box":
        corners = whole.rectangle.corners_m
        outline = np.concatenate([resample(corners, _AROUND), corners])
    else:
        outline = resample(whole.outline_m, _AROUND)
    low, high = float(whole.z_m[0] - whole.z_sigma_m[0]), float(whole.z_m[1] + whole.z_sigma_m[1])
    heights = low + _UPWARDS * (high - low)
    sides = _drawn_up(outline, heights)
    handle = _OF_HANDLE * float(whole.handle_sigma_m.max())
    if not handle:
        return sides
    center = whole.rectangle.center_m
    farther = 1 + handle / max(float(whole.rectangle.half_m.max()), 1e-6)
    return np.concatenate([sides, _drawn_up(center + farther * (outline - center), heights[1:-1])], axis=1)


def _drawn_up(outline_m: F64, heights_m: F64) -> F32:
    """Return the points (3, H K) of an outline (K, 2) at some heights (H,)."""
    points = np.empty((3, len(heights_m), len(outline_m)), np.float32)
    points[:2] = outline_m.T[:, None]
    points[2] = heights_m[:, None]
    return points.reshape(3, -1)


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


def _mirror_images(points_m: F32, rectangle: Rectangle, mirrors: F64) -> F32:
    """Return images (3, K N) of points (3, N), one after the other: `mirrors` (K, 2) are the factors along the sides of
    the rectangle, from its middle."""
    center, axes = rectangle.center_m[:, None], np.array([rectangle.u, rectangle.v])
    local = axes @ (points_m[:2] - center)
    images = np.empty((3, len(mirrors), points_m.shape[1]), np.float32)
    images[:2] = (center + (axes.T * mirrors[:, None]) @ local).swapaxes(0, 1)
    images[2] = points_m[2]
    return images.reshape(3, -1)


def _refuted(points_m: F32, view: View, depth_m: F32, margin: float, tight: float) -> tuple[Bool, Bool]:
    """Return of canonical points (3, N) whether each is seen through, and whether it stands out of what is seen.

    The latter where the depth map (H, W) shows nothing as near, but for a share `tight`, at its pixel or next to it: as
    where handles, feet and doors that are on one side only have their images.
    """
    at, row, column, z = _in_the_picture(points_m, view, depth_m)
    through, stand_out = np.zeros((2, points_m.shape[1]), bool)
    height, width = depth_m.shape
    through[at] = _is_behind(depth_m[row, column], z, margin)
    first = (row.clip(1, height - 2) - 1) * width + column.clip(1, width - 2) - 1
    stand_out[at] = (
        depth_m.ravel()[first + _NINE_ROWS * width + _NINE_COLUMNS].min(axis=0) > z * (1 + tight) + _STANDS_OUT_M
    )
    return through, stand_out


def seen_through(points_m: F32 | F64, view: View, depth_m: F32, margin: float) -> Bool:
    """Return (N,) whether the depth map (H, W) shows something clearly behind each canonical point (3, N)."""
    at, row, column, z = _in_the_picture(points_m, view, depth_m)
    through = np.zeros(points_m.shape[1], bool)
    through[at] = _is_behind(depth_m[row, column], z, margin)
    return through


def _is_behind(seen_m: F32, z_m: F64, margin: float) -> Bool:
    """Return whether what is seen at a pixel (K,) is clearly behind a point there (K,)."""
    return np.asarray(seen_m > z_m * (1 + margin) + _BEHIND_M)


def _in_the_picture(
    points_m: F32 | F64, view: View, depth_m: F32
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], F64]:
    """Return which of the canonical points (3, N) lie within the depth map (H, W), their row, column and z-depth."""
    u, v, z = view.pixels(points_m)
    height, width = depth_m.shape
    at = np.flatnonzero((u > -0.5) & (u < width - 0.5) & (v > -0.5) & (v < height - 0.5))
    return at, (v[at] + 0.5).astype(np.intp), (u[at] + 0.5).astype(np.intp), z[at]
