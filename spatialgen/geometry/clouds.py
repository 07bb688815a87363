"""The visible surface of one object: sampled points, normals, and its rim."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spatialgen.geometry.crops import Crop, Strip
from spatialgen.geometry.frames import View
from spatialgen.geometry.rims import Rim, find_rims
from spatialgen.records import F32, Bool

MAX_POINTS = 1000
_MOST_DEPTHS = 2500
_SAMPLED = 0.15
"""By how much the share of a sample below some depth errs at most, times the root of its size; more is looked up."""

_SPREAD_OF_NEAREST = 0.4
"""How much the share at a 2nd percentile errs by chance, relative to that at the median."""

_FEWEST_READINGS = 8
_BACKGROUND_GAP = 0.05
_TAIL, _MOST_BACKGROUND = 25, 4
"""At most this part of a mask's readings, one in so many, can be background: more is the object's own far end. Unless
it lies in gaps so narrow that a mask which is too large closes them, as between the legs of a stool."""

_IN_GAPS = 0.95
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


def object_clouds(
    strip: Strip,
    view: View,
    look_px: int = 1,
    floor_m: float | None = None,
    noise_sigma: float = 0.0,
    edge_sigma_px: float = 0.0,
) -> list[Cloud | None]:
    """Return the visible surfaces of the objects in a strip, None without readings. `look_px`: see `find_rims`.

    A mask that touches the border of its crop (that of the image) has no rim there. In a mask that cannot be trusted,
    readings below `floor_m` are the floor's, and a few that lie far behind all others are the background's.
    """
    if not strip.crops:
        return []
    trusted = strip.mask & np.isfinite(strip.depth_m)
    for crop, start, stop in zip(strip.crops, strip.start.tolist(), strip.stop.tolist(), strict=True):
        if crop.trusted is not None:
            trusted[start:stop] = _without_background(crop, view, floor_m, look_px // 2).ravel()
    mask = strip.without_edge(1, 1)
    readings = trusted & mask
    rims = find_rims(strip, mask, readings, view, look_px)
    places = [slice(*ends) for ends in zip(strip.start.tolist(), strip.stop.tolist(), strict=True)]
    inside = [int(np.count_nonzero(readings[place])) for place in places]
    chosen = [_thinned(readings, strip, k, count) for k, count in enumerate(inside)]
    clouds: list[Cloud | None] = []
    surfaces = _points_with_normals(strip, readings, chosen, view)
    for place, count, rim, (points, normals) in zip(places, inside, rims, surfaces, strict=True):
        if count < _FEWEST_READINGS or not rim.end_m.shape[1]:
            clouds.append(None)
            continue
        median, nearest, doubt = _depths(strip.depth_m[place][trusted[place]], edge_sigma_px)
        clouds.append(Cloud(points, normals, rim, median, nearest, noise_sigma, view.height_m, edge_sigma_px, doubt))
    return clouds


def _depths(depth_m: F32, edge_sigma_px: float) -> tuple[float, float, float]:
    """Return the median and the 2nd percentile of all readings (N,), and what either moves by if the border is off."""
    some = depth_m[:: max(1, len(depth_m) // _MOST_DEPTHS)].copy()
    border, around = 4.2 * edge_sigma_px / math.sqrt(len(depth_m)), _SAMPLED / math.sqrt(len(some))
    less = _SPREAD_OF_NEAREST * border
    shares = [0.5 - border, 0.5 + border, 0.02 - less, 0.02 + less]
    shares += [share + spread for share in (0.5, 0.02) for spread in (-around, around)]
    m0, m1, n0, n1, *bounds = _at_shares(some, shares)
    median, nearest = _exactly_at(depth_m, 0.5, bounds[:2]), _exactly_at(depth_m, 0.02, bounds[2:])
    return median, nearest, max(m1 - m0, n1 - n0) / 2


def _exactly_at(values: F32, share: float, bounds: Sequence[float]) -> float:
    """Return below what a share of values (N,) lies, most likely between two `bounds`."""
    low, high = (np.float32(bound) for bound in bounds)
    around = values[(values >= low) & (values <= high)]
    place = share * (len(values) - 1) - np.count_nonzero(values < low)
    if 0 <= place <= len(around) - 1:
        return at_places(around, [place])[0]
    return _at_shares(values.copy(), [share])[0]


def _at_shares(values: F32, shares: Sequence[float]) -> list[float]:
    """Return below what some shares of values (N,) lie, between two of them where need be. Reorders the values."""
    return at_places(values, [min(max(share, 0.0), 1.0) * (len(values) - 1) for share in shares])


def at_places(values: F32, places: Sequence[float]) -> list[float]:
    """Return what stands at some places in ascending order of values (N,), which are reordered."""
    low, high = [math.floor(place) for place in places], [math.ceil(place) for place in places]
    values.partition(sorted({*low, *high}))
    below, above = values[low].tolist(), values[high].tolist()
    return [a + (place - k) * (b - a) for place, k, a, b in zip(places, low, below, above, strict=True)]


def _without_background(crop: Crop, view: View, floor_m: float | None, gap_px: int) -> Bool:
    """Return the readings of an untrusted mask (h, w) without floor and background that shows through its gaps.

    `gap_px`: how far from its own readings a gap that the mask has closed can reach.
    """
    trusted = crop.readings
    if floor_m is not None:
        u = crop.u0 + np.arange(crop.mask.shape[1])
        v = crop.v0 + np.arange(crop.mask.shape[0])
        trusted = trusted & (view.points(u, v[:, None], crop.depth_m)[2] > floor_m)
    depths = np.sort(crop.depth_m[trusted])
    if len(depths) < _FEWEST_READINGS:
        return trusted
    first = len(depths) - len(depths) // _MOST_BACKGROUND
    gaps = np.diff(depths[first - 1 :])
    for last in (first - 1 + np.flatnonzero(gaps > _BACKGROUND_GAP * depths[len(depths) // 2])).tolist():
        own = trusted & (crop.depth_m <= depths[last])
        if len(depths) - 1 - last <= len(depths) // _TAIL or _lies_in_gaps(trusted & ~own, own, gap_px):
            return np.asarray(own)
    return trusted


def _lies_in_gaps(foreign: Bool, own: Bool, gap_px: int) -> bool:
    """Return whether `foreign` readings (h, w) lie next to `own` ones, at most `gap_px` away."""
    around = cv2.dilate(own.view(np.uint8), np.ones((2 * gap_px + 1, 2 * gap_px + 1), np.uint8))
    return float(around.view(bool)[foreign].mean()) >= _IN_GAPS


def _thinned(readings: Bool, strip: Strip, k: int, count: int) -> NDArray[np.intp]:
    """Return every one of `count` readings of crop `k`, or a square lattice of them, at most about MAX_POINTS."""
    stride = max(math.ceil(math.sqrt(count / MAX_POINTS)), 1)
    start, width = int(strip.start[k]), int(strip.width[k])
    lattice = readings[start : int(strip.stop[k])].reshape(-1, width)[::stride, ::stride]
    index = np.flatnonzero(lattice)
    return np.asarray(start + (index + index // lattice.shape[1] * (width - lattice.shape[1])) * stride)


def _points_with_normals(
    strip: Strip, readings: Bool, chosen: list[NDArray[np.intp]], view: View
) -> list[tuple[F32, F32]]:
    """Return the points (3, N) of each crop's `chosen` pixels (N,), indices into the strip, and their unit normals
    (3, N) from the four neighbours, NaN where one is not the object's."""
    counts = [len(index) for index in chosen]
    index, width = np.concatenate(chosen), np.repeat(strip.width, counts)
    around = index + np.array([np.zeros_like(width), np.ones_like(width), -np.ones_like(width), width, -width])
    depth = strip.depth_m[around]
    row, column = np.divmod(index - np.repeat(strip.start, counts), width)
    u0, v0 = np.repeat(np.array([(crop.u0, crop.v0) for crop in strip.crops]).T, counts, axis=1)
    x, y, z = view.points(u0 + column + _AROUND_U, v0 + row + _AROUND_V, depth)
    ax, ay, az = x[1] - x[2], y[1] - y[2], z[1] - z[2]
    bx, by, bz = x[3] - x[4], y[3] - y[4], z[3] - z[4]
    normal = np.array([by * az - bz * ay, bz * ax - bx * az, bx * ay - by * ax])
    bend = 0.01 * depth[0]
    smooth = (np.abs(depth[1] + depth[2] - 2 * depth[0]) < bend) & (np.abs(depth[3] + depth[4] - 2 * depth[0]) < bend)
    smooth &= readings[around].all(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        normal /= np.where(smooth, np.sqrt((normal * normal).sum(axis=0)), np.float32(np.nan))
    points = np.array([x[0], y[0], z[0]])
    slices = [slice(*span) for span in itertools.pairwise([0, *itertools.accumulate(counts)])]
    return [(np.ascontiguousarray(points[:, part]), np.ascontiguousarray(normal[:, part])) for part in slices]
