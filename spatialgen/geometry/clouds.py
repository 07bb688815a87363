"""The visible surface of one object: sampled points, normals, and its rim."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spatialgen.geometry.crops import Crop
from spatialgen.geometry.frames import View
from spatialgen.geometry.rims import Rim, find_rim
from spatialgen.records import F32, Bool

MAX_POINTS = 1000
_MOST_DEPTHS = 2500
_SAMPLED = 0.07
"""By how much the share of a sample below some depth errs, times the root of its size: less than chance, being even."""

_SPREAD_OF_NEAREST = 0.4
"""How much the share at a 2nd percentile errs by chance, relative to that at the median."""

_FEWEST_READINGS = 8
_BACKGROUND_GAP = 0.05
_TAIL = 25
"""At most this part of a mask's readings, one in so many, can be background: more is the object's own far end."""
_AROUND_U, _AROUND_V = np.array([[0], [1], [-1], [0], [0]]), np.array([[0], [0], [0], [1], [-1]])


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """Canonical metres. `points_m` (3, N) sampled pixels with unit `normals` (3, N) towards the camera, NaN unknown;
    the `rim`; the median and the 2nd percentile of all readings; the relative error of a reading; the camera's height;
    the error of the mask's border beyond that of a pixel; that of median and percentile, by which pixels count."""

    points_m: F32
    normals: F32
    rim: Rim
    median_depth_m: float
    nearest_depth_m: float
    noise_sigma: float = 0.0
    eye_z_m: float = 0.0
    edge_sigma_px: float = 0.0
    depth_doubt_m: float = 0.0

    @property
    def surface_m(self) -> F32:
        """Points and rim together, (3, N + M)."""
        return np.concatenate([self.points_m, self.rim.end_m], axis=1)


def object_cloud(
    crop: Crop,
    view: View,
    look_px: int = 1,
    floor_m: float | None = None,
    noise_sigma: float = 0.0,
    edge_sigma_px: float = 0.0,
) -> Cloud | None:
    """Return the visible surface of a crop, None without readings. `look_px`: see `find_rim`.

    A mask that touches the crop's border (that of the image) has no rim there. In a mask that cannot be trusted,
    readings below `floor_m` are the floor's, and a few that lie far behind all others are the background's.
    """
    if crop.trusted is not None:
        crop = replace(crop, trusted=_without_background(crop, view, floor_m))
    depths = crop.depth_m[crop.readings]
    inside = np.zeros_like(crop.mask)
    inside[1:-1, 1:-1] = crop.mask[1:-1, 1:-1]
    crop = replace(crop, mask=inside, trusted=crop.readings & inside)
    own = np.flatnonzero(crop.readings)
    if len(own) < _FEWEST_READINGS:
        return None
    points, normals = _points_with_normals(crop, _thinned(own, crop.readings), view)
    rim = find_rim(crop, view, look_px)
    if not rim.end_m.shape[1]:
        return None
    median, nearest, doubt = _depths(depths, edge_sigma_px)
    return Cloud(points, normals, rim, median, nearest, noise_sigma, view.height_m, edge_sigma_px, doubt)


def _depths(depth_m: F32, edge_sigma_px: float) -> tuple[float, float, float]:
    """Return the median and the 2nd percentile of all readings (N,), and what either moves by if some are not counted.

    Those are what a sample misses, and the border, as far as it may be off.
    """
    step = max(1, len(depth_m) // _MOST_DEPTHS)
    depths = depth_m[::step].copy()
    border = 4.2 * edge_sigma_px / float(np.sqrt(len(depth_m)))
    doubt = (_SAMPLED if step > 1 else 0.0) / float(np.sqrt(len(depths))) + border
    spreads = np.array([0.0, -doubt, doubt])
    shares = np.concatenate([0.5 + spreads, 0.02 + _SPREAD_OF_NEAREST * spreads])
    places = np.clip(shares * (len(depths) - 1), 0, len(depths) - 1)
    low, high = np.floor(places).astype(np.intp), np.ceil(places).astype(np.intp)
    depths.partition(np.unique([*low, *high]))
    median, m0, m1, nearest, n0, n1 = (depths[low] + (places - low) * (depths[high] - depths[low])).tolist()
    return median, nearest, max(m1 - m0, n1 - n0) / 2


def _without_background(crop: Crop, view: View, floor_m: float | None) -> Bool:
    """Return the readings of an untrusted mask (h, w) without floor and background that shows through its gaps."""
    trusted = crop.readings
    if floor_m is not None:
        u = crop.u0 + np.arange(crop.mask.shape[1])
        v = crop.v0 + np.arange(crop.mask.shape[0])
        trusted = trusted & (view.points(u, v[:, None], crop.depth_m)[2] > floor_m)
    depths = np.sort(crop.depth_m[trusted])
    tail = len(depths) - len(depths) // _TAIL
    if len(depths) < _FEWEST_READINGS:
        return trusted
    gaps = np.diff(depths[tail - 1 :])
    wide = np.flatnonzero(gaps > _BACKGROUND_GAP * depths[len(depths) // 2])
    return trusted & (crop.depth_m <= depths[tail - 1 + wide[0]]) if len(wide) else trusted


def _thinned(own: NDArray[np.intp], readings: Bool) -> NDArray[np.intp]:
    """Return every pixel, or a square lattice of them so that at most about MAX_POINTS remain."""
    stride = int(np.ceil(np.sqrt(len(own) / MAX_POINTS)))
    if stride == 1:
        return own
    rows, columns = np.nonzero(readings[::stride, ::stride])
    return np.asarray((rows * readings.shape[1] + columns) * stride)


def _points_with_normals(crop: Crop, index: NDArray[np.intp], view: View) -> tuple[F32, F32]:
    """Return points (3, N) and unit normals (3, N) from the four neighbours, NaN where one is not the object's."""
    width = crop.mask.shape[1]
    around = index + np.array([[0], [1], [-1], [width], [-width]])
    depth = crop.depth_m.ravel()[around]
    row, column = np.divmod(index, width)
    x, y, z = view.points(crop.u0 + column + _AROUND_U, crop.v0 + row + _AROUND_V, depth)
    ax, ay, az = x[1] - x[2], y[1] - y[2], z[1] - z[2]
    bx, by, bz = x[3] - x[4], y[3] - y[4], z[3] - z[4]
    normal = np.array([by * az - bz * ay, bz * ax - bx * az, bx * ay - by * ax])
    bend = 0.01 * depth[0]
    smooth = (np.abs(depth[1] + depth[2] - 2 * depth[0]) < bend) & (np.abs(depth[3] + depth[4] - 2 * depth[0]) < bend)
    smooth &= crop.readings.ravel()[around].all(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        normal /= np.where(smooth, np.sqrt((normal * normal).sum(axis=0)), np.float32(np.nan))
    return np.array([x[0], y[0], z[0]]), normal
