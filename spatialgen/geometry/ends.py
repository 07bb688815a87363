"""Where an object ends in a direction: measured to a fraction of a pixel, and whether it truly ends there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spatialgen.geometry.boxes import middle
from spatialgen.geometry.clouds import Cloud
from spatialgen.geometry.rims import HIDDEN, Rim
from spatialgen.records import F32, F64, I32, Bool

SEEN, COVERED, AWAY = "seen", "covered", "away"
"""The end is seen; something nearer covers it; its outer side faces away, so that a thickness is missing."""

_LEAST_REACH_M = 0.004
_A_LINE = 10
"""So many rim points in one line are a side of the object, and not a corner cut off by something nearer."""

_A_FACE = 12
"""So many points of a face turned towards the end are the end, whatever the rim around them says."""

_FACING = 0.9
_EXACT = 1e-3
"""Relative error of depth below which the outermost reading is the end, and not the luckiest one."""

_ROUNDING = 2.2e-8
"""One-sigma error of a level face, of its distance: rounding. Measured on exact scenes' tops: 3e-8 at 68 %,
7e-8 at 95 %; less here, as noise and floor have theirs, and two tops err alike."""

_BLED_PX = 4
_UPWARDS = 0.99
_RECEDES = 0.5
_FRACTION_OF_TOP = 0.15
_UNREAD_TOP = 0.35
_LOST_PX = 6
"""A border without readings that goes on so far beyond a face is that of another part, and not the face's own."""


_COVERED, _OF_ROOM = 0.4, 0.35
"""One-sigma error of an end that is not seen: of the largest extent, of the room there is to go on unseen."""

_NEXT_PX = 3
_STAIRS, _STEEPER = 2.0, 1.4
"""From one more line of pixels than these on that a slanted border crosses, its place is known better than to one."""

_FRACTION_SIGMA = 0.29
"""One-sigma error, in pixels, of an edge known to lie between two neighbours."""


@dataclass(frozen=True, slots=True)
class End:
    """Where the visible surface ends in some direction, its one-sigma error, and its state.

    `grounded`: whether the foot of the object is seen to end there too, and not only something on top of it.
    `room_m`: how far it may go on beyond unseen (see `hidden`), infinity where nothing says.
    """

    value_m: float
    sigma_m: float
    state: str
    grounded: bool
    room_m: float = float("inf")


def find_ends(cloud: Cloud, directions: F64, extents_m: F64) -> list[End]:
    """Return where a cloud ends along each of the unit `directions` (D, 3).

    `extents_m` (D,) are its sizes along them, to judge by. The true end lies between the last own pixel and the next
    one. Along a side many pixels end there, anywhere between, so the mean of the half-way points is the side; a
    corner is at least its outermost pixel.
    """
    w = directions.astype(np.float32)
    on_points, on_rim, half = w @ cloud.points_m, w @ cloud.rim.end_m, w @ cloud.rim.step_m
    values, sigmas, band = outermost(cloud.rim, on_points, on_rim, half)
    for k in np.flatnonzero(directions[:, 2] > _UPWARDS).tolist():
        if _ends_in_a_top(cloud.rim, band[k]):
            values[k], sigmas[k] = _top(cloud, on_rim[k] - half[k], band[k], float(on_points[k].max()))
        elif cloud.eye_z_m > values[k] and band[k].any():  # a top less than a pixel high: anywhere in the last one
            sigmas[k] = max(sigmas[k], _FRACTION_SIGMA * 1.2 * float(cloud.rim.step_length_m[band[k]].mean()))
    in_band = np.maximum(_counts(band), 1)
    sigmas += 0.42 * (np.abs(w @ cloud.rim.blur_step_m) * band).sum(axis=1) / in_band
    if cloud.edge_sigma_px:
        sigmas += 2 * cloud.edge_sigma_px * (np.abs(half) * band).sum(axis=1) / in_band
    lost = (w @ cloud.rim.lost_m).max(axis=1, initial=-np.inf)
    sigmas += np.maximum(lost - values, 0)
    reach = np.maximum(np.maximum(0.02 * extents_m, _LEAST_REACH_M), 2 * (half * band).max(axis=1))
    inner = (values - reach).astype(np.float32)[:, None]
    body, rim = on_points > inner, on_rim > inner
    facing = w @ cloud.normals
    across = rim & (half > 0.5 * cloud.rim.step_length_m)
    is_across = across.any(axis=1)
    if not is_across.all():
        across |= rim & ~is_across[:, None]
    states = _states(across, cloud.rim.is_covered, body, facing)
    grounded = _grounded(cloud, body, rim).tolist()
    is_face = body & (facing > _FACING)
    faces, lengths = _counts(is_face).tolist(), in_band.tolist()
    ends = []
    for k, state in enumerate(states):
        value, sigma = float(values[k]), float(sigmas[k])
        hides = state == SEEN and lengths[k] < _A_LINE and _touches_cover(cloud.rim, band[k], int(np.argmax(on_rim[k])))
        face = None
        if faces[k] >= _A_FACE:
            face = on_points[k][is_face[k]]
        elif cloud.edge_sigma_px and directions[k, 2] > _UPWARDS:
            face = _top_face(on_points[k], facing[k], value - float(reach[k]) - _BLED_PX * 2 * float(half[k].max()))
        if face is not None and len(face) >= _A_FACE:
            value = float(face.max() if cloud.noise_sigma < _EXACT else middle(face))
            level = abs(float(directions[k, 2])) > _UPWARDS  # no axis of its own to err
            sigma = _ROUNDING * cloud.median_depth_m if level else 1e-4 * float(extents_m[k])
            sigma += _unevenness(face, cloud.noise_sigma)
            beyond = float(lost[k]) - value
            sigma += beyond if beyond > _LOST_PX * 2 * float(cloud.rim.step_length_m.mean()) else 0.0
            if cloud.edge_sigma_px and directions[k, 2] > _UPWARDS:  # what stands on it is looked for too far out
                ends.append(End(value, sigma, SEEN, grounded[k]))
                continue
        ends.append(End(value, sigma, COVERED if hides else state, grounded[k]))
    return ends


def _unevenness(face: F32, noise_sigma: float) -> float:
    """Return by how much the outermost readings of a face (N,) differ: more than nothing where it is rounded."""
    if noise_sigma >= _EXACT:
        return 0.0
    outer = np.partition(face, -_A_FACE // 2)[-_A_FACE // 2 :]
    return float(outer.max() - outer.min()) / 3


def _top_face(on_points: F32, facing: F32, least_m: float) -> F32:
    """Return the heights of a level face above `least_m`: beyond it, readings that bleed may hide where it ends."""
    face = on_points[(on_points > least_m) & (facing > _FACING)]
    return face if not len(face) else face[face > np.quantile(face, 0.9) - _LEAST_REACH_M]


def _grounded(cloud: Cloud, body: Bool, rim: Bool) -> Bool:
    """Return (D,) whether points `body` (D, N) and rim points `rim` (D, M) near an end belong to the foot."""
    heights = cloud.points_m[2]
    lowest, highest = float(heights.min()), float(heights.max())
    foot = lowest + 0.15 * (highest - lowest)
    return np.asarray(_counts(body & (heights < foot)) + _counts(rim & (cloud.rim.end_m[2] < foot)) >= 3)


def _ends_in_a_top(rim: Rim, band: Bool) -> bool:
    """Return whether most of the rim points in `band` (M,) lie on a face that recedes from the one below them."""
    recedes = rim.blur_m[band] > _RECEDES * rim.step_length_m[band]
    return len(recedes) > 0 and 2 * int(recedes.sum()) > len(recedes)


def _top(cloud: Cloud, inner_m: F32, band: Bool, read_m: float) -> tuple[float, float]:
    """Return the height of a top so narrow that its last pixels are all that is seen of it, and its sigma.

    It is level, so it ends where those pixels lie, and not half a pixel above. `inner_m` (M,): the pixels' heights.
    Where the last ones bleed, it is between what they would be on a face that goes on and the highest reading.
    """
    heights = np.sort(inner_m[band])
    value = float(heights[-1] if cloud.noise_sigma < _EXACT else middle(heights[len(heights) // 2 :]))
    sigma = _FRACTION_OF_TOP * float(cloud.rim.step_length_m[band].mean())
    if cloud.rim.is_read[band].all() or value <= read_m:
        return value, sigma
    return (value + read_m) / 2, max(sigma, _UNREAD_TOP * (value - read_m))


def _touches_cover(rim: Rim, band: Bool, outermost_rim: int) -> bool:
    """Return whether the outermost pixels lie next to where something nearer begins to cover the object."""
    if not rim.is_covered.any():
        return False
    ends = rim.px[:, band] if band.any() else rim.px[:, outermost_rim : outermost_rim + 1]
    covers = rim.px[:, rim.is_covered]
    apart = np.abs(ends[:, :, None] - covers[:, None, :]).max(axis=0).min(axis=1)
    return bool(2 * (apart <= _NEXT_PX).sum() > len(apart))


def outermost(
    rim: Rim, on_points: NDArray[np.floating], on_rim: NDArray[np.floating], half: NDArray[np.floating]
) -> tuple[F64, F64, Bool]:
    """Return the ends (D,) of a cloud along some coordinates, their sigmas (D,), and the rim points (D, M) on them.

    `on_points` (D, N) and `on_rim` (D, M) are the coordinates of its points and rim, `half` (D, M) those of the
    rim's steps.
    """
    free, length = rim.kind != HIDDEN, np.abs(half)
    inner = np.where(free, on_rim - half, on_rim)
    read = inner if rim.is_read.all() else np.where(rim.is_read, inner, -np.inf)
    least = np.maximum(on_points.max(axis=1), read.max(axis=1))
    band = free & (inner > least[:, None] - 2 * half - 1e-4) & (half > -1e-4)
    count = _counts(band)
    shared = np.maximum(count, 1)
    mean = (length * band).sum(axis=1) / shared
    values = np.maximum((on_rim * band).sum(axis=1) / shared, least)
    if not count.all():
        mean = np.where(count == 0, length.sum(axis=1) / length.shape[1], mean)
        values = np.where(count == 0, least, values)
    lines = np.array([len(set(rim.line.compress(row).tolist())) for row in band])
    shares = np.minimum(1.0, _STAIRS / np.maximum(lines - 1, 1)) ** _STEEPER
    return values.astype(np.float64), 2 * _FRACTION_SIGMA * mean * shares, band


def _states(beyond: Bool, is_covered: Bool, body: Bool, facing: F32) -> list[str]:
    """Return the states of D ends from what lies beyond their rims and how their faces are turned to their directions.

    `beyond` (D, M) are the rim points of each, `is_covered` (M,); `body` (D, N) its points, turned by `facing` (D, N).
    """
    masks = (beyond & is_covered, beyond, body & np.isfinite(facing), body & (facing > 0.7), body & (facing < -0.7))
    return [_state(*counts) for counts in zip(*(_counts(mask).tolist() for mask in masks), strict=True)]


def _counts(mask: Bool) -> I32:
    """Return how many of each row (D, N) are true."""
    counts: I32 = mask.view(np.uint8).sum(axis=1, dtype=np.int32)
    return counts


def _state(covered: int, rims: int, faces: int, outward: int, inward: int) -> str:
    if 2 * covered > rims:
        return COVERED
    if outward > max(3, 0.1 * faces):
        return SEEN
    if inward > 2 * (faces - outward - inward) and inward > 3:
        return AWAY
    return SEEN


def missing_sigma(end: End, along_m: float, across_m: float, largest_m: float) -> float:
    """Return the sigma of an end with what may be missing beyond it.

    `along_m` and `across_m` are the visible extents along its direction and across it, `largest_m` the largest of
    all three. What is covered may go on; what faces away lacks a thickness, small where a depth was seen, unknown
    where only a front was; neither by more than the room that it has.
    """
    if end.state == SEEN:
        return end.sigma_m
    guess = _COVERED * largest_m
    if end.state == AWAY:
        guess = 0.6 * across_m if along_m < 0.1 * across_m else 0.02
    return end.sigma_m + min(guess, _OF_ROOM * end.room_m)
