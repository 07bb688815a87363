"""The visible surface of one object: sampled points, normals, and its rim with what lies beyond it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spatialgen.geometry.frames import View
from spatialgen.records import F32, I32, U8, Bool

PAD_PX = 4
"""Pixels around an object's bounds that its crop keeps, where the image has them."""

MAX_POINTS = 2500
OPEN, HIDDEN, CONTACT = 0, 1, 2
"""What lies beyond a rim pixel: something farther or nothing, something nearer, or the same depth."""

_OFFSETS = ((1, 0), (-1, 0), (0, 1), (0, -1))
_JUMP = 0.012
"""Relative difference of inverse depth, beyond what the surface's own slope explains, that parts two surfaces."""

_STEEPEST = 0.05
"""Largest relative change of inverse depth from pixel to pixel that counts as slope of one surface."""


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """An object's neighbourhood: depth (h, w) metres, owners (h, w), its own mask (h, w), the first pixel's u, v."""

    u0: int
    v0: int
    depth_m: F32
    ids: I32
    mask: Bool


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """Canonical metres. `points_m` (3, N) sampled pixels with unit `normals` (3, N) towards the camera, NaN unknown.

    `rim_m` (3, M): where the visible surface ends, half a pixel beyond the last pixel in each of the four directions;
    `rim_step_m` (3, M): from that pixel's centre to the rim point; `rim_kind` (M,): OPEN, HIDDEN or CONTACT;
    `rim_px` (2, M): its pixel; `beyond_id` (M,): who owns the next pixel; `rim_blur_m` (M,): by how much the last
    pixel's surface runs away from the eye, where that is too steep to say where it ends, else 0.
    """

    points_m: F32
    normals: F32
    rim_m: F32
    rim_step_m: F32
    rim_kind: U8
    rim_px: I32
    beyond_id: I32
    rim_blur_m: F32
    median_depth_m: float
    nearest_depth_m: float

    @property
    def rim_step_length_m(self) -> F32:
        """Half a pixel on the surface (M,), metres."""
        return np.asarray(np.sqrt((self.rim_step_m**2).sum(axis=0)))

    @property
    def is_covered(self) -> Bool:
        """Where the object goes on behind a rim point (M,): something nearer hides it, or stands on its level top."""
        level = np.abs(self.rim_step_m[2]) < 0.2 * self.rim_step_length_m
        return np.asarray((self.rim_kind == HIDDEN) | ((self.rim_kind == CONTACT) & level & (self.beyond_id > 0)))

    @property
    def surface_m(self) -> F32:
        """Points and rim together, (3, N + M)."""
        return np.concatenate([self.points_m, self.rim_m], axis=1)


def crop_object(depth_m: F32, ids: I32, owner: int, bounds: tuple[slice, slice]) -> Crop:
    """Return the neighbourhood of the pixels that `owner` has inside `bounds` (rows, columns)."""
    height, width = ids.shape
    v0, v1 = max(bounds[0].start - PAD_PX, 0), min(bounds[0].stop + PAD_PX, height)
    u0, u1 = max(bounds[1].start - PAD_PX, 0), min(bounds[1].stop + PAD_PX, width)
    window = (slice(v0, v1), slice(u0, u1))
    return Crop(u0, v0, depth_m[window], ids[window], ids[window] == owner)


def object_cloud(crop: Crop, view: View) -> Cloud | None:
    """Return the visible surface of a crop whose mask does not touch the crop's border; None without readings."""
    mask = crop.mask & np.isfinite(crop.depth_m)
    mask[0] = mask[-1] = False
    mask[:, 0] = mask[:, -1] = False
    own = np.flatnonzero(mask)
    if len(own) < 8:
        return None
    depths = np.sort(crop.depth_m.ravel()[own])
    chosen = _thinned(own, mask.shape[1])
    points, normals = _points_with_normals(crop, mask, chosen, view)
    rim, step, kind, pixels, beyond, blur = _rim(crop, mask, view)
    return Cloud(
        points,
        normals,
        rim,
        step,
        kind,
        pixels,
        beyond,
        blur,
        float(depths[len(depths) // 2]),
        float(depths[int(0.02 * (len(depths) - 1))]),
    )


def _thinned(own: NDArray[np.intp], width: int) -> NDArray[np.intp]:
    """Return every pixel, or a square lattice of them so that at most about MAX_POINTS remain."""
    stride = int(np.ceil(np.sqrt(len(own) / MAX_POINTS)))
    if stride == 1:
        return own
    rows, columns = own // width, own % width
    return own[(rows % stride == 0) & (columns % stride == 0)]


def _points_with_normals(crop: Crop, mask: Bool, index: NDArray[np.intp], view: View) -> tuple[F32, F32]:
    """Return points (3, N) and unit normals (3, N) from the four neighbours, NaN where one is not the object's."""
    width = mask.shape[1]
    flat_mask, flat_depth = mask.ravel(), crop.depth_m.ravel()
    around = np.stack([index, index + 1, index - 1, index + width, index - width])
    whole = flat_mask[around].all(axis=0)
    depth = flat_depth[around]
    x, y, z = view.points(crop.u0 + around % width, crop.v0 + around // width, depth)
    ax, ay, az = x[1] - x[2], y[1] - y[2], z[1] - z[2]
    bx, by, bz = x[3] - x[4], y[3] - y[4], z[3] - z[4]
    normal = np.stack([by * az - bz * ay, bz * ax - bx * az, bx * ay - by * ax])
    with np.errstate(divide="ignore", invalid="ignore"):
        normal /= np.sqrt((normal**2).sum(axis=0))
    smooth = whole & (np.abs(depth[1] + depth[2] - 2 * depth[0]) < 0.01 * depth[0])
    smooth &= np.abs(depth[3] + depth[4] - 2 * depth[0]) < 0.01 * depth[0]
    normal[:, ~smooth] = np.nan
    return np.stack([x[0], y[0], z[0]]), normal


def _rim(crop: Crop, mask: Bool, view: View) -> tuple[F32, F32, U8, I32, I32, F32]:
    """Return the fields `rim_m`, `rim_step_m`, `rim_kind`, `rim_px`, `beyond_id`, `rim_blur_m` of a cloud."""
    width = mask.shape[1]
    flat_mask = mask.ravel()
    last, offset, du, dv = [], [], [], []
    for step_u, step_v in _OFFSETS:
        shift = step_v * width + step_u
        inner = np.flatnonzero(mask & ~np.roll(mask, (-step_v, -step_u), axis=(0, 1)))
        last.append(inner)
        offset.append(np.full(len(inner), shift))
        du.append(np.full(len(inner), step_u, np.float32))
        dv.append(np.full(len(inner), step_v, np.float32))
    at, shift_to = np.concatenate(last), np.concatenate(offset)
    step_u, step_v = np.concatenate(du), np.concatenate(dv)
    with np.errstate(divide="ignore"):
        inverse = 1 / crop.depth_m.ravel()
    here, slope = inverse[at], inverse[at] - inverse[at - shift_to]
    steep = np.abs(slope) > _STEEPEST * here
    blur = np.where(flat_mask[at - shift_to] & steep, np.abs(slope) / here**2, np.float32(0))
    slope = np.where(flat_mask[at - shift_to] & ~steep, slope, np.float32(0))
    step = (inverse[at + shift_to] - here - slope) / here
    kind = np.full(len(at), CONTACT, np.uint8)
    kind[~(step > -_JUMP)] = OPEN
    kind[step > _JUMP] = HIDDEN
    u, v = crop.u0 + at % width, crop.v0 + at // width
    inner_points = view.points(u, v, 1 / here)
    half = np.where(kind == HIDDEN, np.float32(0), np.float32(0.5))
    rim = view.points(u + half * step_u, v + half * step_v, 1 / (here + half * slope))
    outer = view.points(u + 0.5 * step_u, v + 0.5 * step_v, 1 / (here + 0.5 * slope))
    pixels = np.stack([u, v]).astype(np.int32)
    return rim, outer - inner_points, kind, pixels, crop.ids.ravel()[at + shift_to].astype(np.int32), blur
