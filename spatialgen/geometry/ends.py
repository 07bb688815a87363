"""Where an object ends in a direction: measured to a fraction of a pixel, and whether it truly ends there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spatialgen.geometry.bounds import EXACT, outer_level, rounding_m, take_bounds
from spatialgen.geometry.boxes import middle
from spatialgen.geometry.clouds import Cloud
from spatialgen.geometry.rims import Rim
from spatialgen.geometry.rows import FRACTION_SIGMA, UPWARDS, Rows, counts, lay_out, lines_of, outermost, sigmas_of
from spatialgen.records import F32, F64, Bool

SEEN, COVERED, AWAY = "seen", "covered", "away"
"""The end is seen; something nearer covers it; its outer side faces away, so that a thickness is missing."""

_LEAST_REACH_M = 0.004
_A_LINE = 10
"""So many rim points in one line are a side of the object, and not a corner cut off by something nearer."""

_A_FACE = 12
"""So many points of a face turned towards the end are the end, whatever the rim around them says."""

_FACING = 0.9
_BLED_PX = 4
_RECEDES = 0.5
_FRACTION_OF_TOP = 0.15
_UNREAD_TOP = 0.35
_LOST_PX = 6
"""A border without readings that goes on so far beyond a face is that of another part, and not the face's own."""


_COVERED, OF_ROOM = 0.4, 0.35
"""One-sigma error of an end that is not seen: of the largest extent, of the room there is to go on unseen."""

_THICKNESS_M = 0.01
"""What may be missing of a thing whose inner side is all that is seen of an end."""

_A_LEG, _OF_A_LEG, _OF_AN_EDGE = 0.25, 0.3, 0.05
"""What is narrower than this share of the whole is a leg or a post; the part of its thickness that may be missing where
only its front is seen, and where other faces are, too, which end in an edge."""

_BESIDE_PX, _MOST_OUTER = 6, 16
"""Readings so near the outermost ones, of which so many are looked at, are of what ends there."""

_FEWEST_OF_A_TOP, _SHARE_OF_A_TOP = 3, 0.1
"""So many of these, and this share of them, show a top that goes on to there."""

_NEXT_PX = 3
_FOOT = 0.15
"""What lies in the lowest part of a thing is its foot: that share of its height."""


@dataclass(frozen=True, slots=True)
class End:
    """Where the visible surface ends in some direction, its one-sigma error, and its state.

    `grounded`: whether the foot of the object is seen to end there too, and not only something on top of it.
    `room_m`: how far it may go on beyond unseen (see `hidden`), infinity where nothing says. `is_face`: whether a face
    turned that way is what is seen there.
    """

    value_m: float
    sigma_m: float
    state: str
    grounded: bool
    room_m: float = float("inf")
    is_face: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A cloud, the unit `directions` (D, 3) in which its ends are wanted, and its sizes (D,) along them to judge by.

    `straight`: whether its sides are.
    """

    cloud: Cloud
    directions: F64
    extents_m: F64
    straight: bool = False


def find_ends(asked: Sequence[Asked]) -> list[list[End]]:
    """Return where clouds end along some directions each.

    The true end lies between the last own pixel and the next one. Along a side many pixels end there, anywhere
    between, so the mean of the half-way points is the side; a corner is at least its outermost pixel.
    """
    if not asked:
        return []
    seen = lay_out([one.cloud for one in asked], [one.directions for one in asked], _FOOT)
    directions = np.concatenate([one.directions for one in asked])
    extents_m = np.concatenate([one.extents_m for one in asked])
    clouds = [one.cloud for one in asked for _ in one.extents_m]
    found = outermost(seen.rim, seen.on_points, seen.on_rim, seen.half)
    values, band, lines = found.values, found.band, lines_of(seen.rim, found.band)
    sigmas = sigmas_of(found.half_pixel, lines)
    straight = np.array([one.straight for one in asked for _ in one.extents_m])
    met = take_bounds(seen, found, lines, sigmas, straight, clouds, directions)
    bands = [row[:count] for (rows, count) in seen.rim.blocks for row in band[rows]]
    upwards = directions[:, 2] > UPWARDS
    for k in np.flatnonzero(upwards & ~met).tolist():
        values[k], sigmas[k] = _top_end(clouds[k], seen, k, bands[k], (float(values[k]), float(sigmas[k])))
    lengths = np.maximum(counts(band), 1)
    sigmas += ~met * 0.42 * seen.rim.sums(seen.blur * band) / lengths
    edge_sigma_px = np.array([cloud.edge_sigma_px for cloud in clouds], np.float32)
    if edge_sigma_px.any():
        sigmas += np.where(upwards, 2.0, 1.2) * edge_sigma_px * seen.rim.sums(np.abs(seen.half) * band) / lengths
    sigmas += np.maximum(seen.lost - values, 0)
    reach = np.maximum(np.maximum(0.02 * extents_m, _LEAST_REACH_M), 2 * (seen.half * band).max(axis=1))
    inner = (values - reach).astype(np.float32)[:, None]
    body, rim = seen.on_points > inner, seen.on_rim > inner
    across = rim & (seen.half > seen.half_length)
    across |= rim & ~across.any(axis=1)[:, None]
    states = _states(across, seen.is_covered, body, seen.facing)
    grounded = (counts(body & seen.low_points) + counts(rim & seen.low_rim) >= 3).tolist()
    is_face = body & (seen.facing > _FACING)
    faces = counts(is_face).tolist()
    is_top = upwards & (counts(across) < _A_LINE) & (np.array(faces) >= _A_FACE)  # whatever stands before its border
    states = [SEEN if top else state for top, state in zip(is_top.tolist(), states, strict=True)]
    for k in np.flatnonzero(~upwards & (np.array(faces) < _A_FACE)).tolist():
        sigmas[k] += _behind_it(clouds[k], seen.across[k], bands[k], directions[k], extents_m[k])
    ends = []
    for k, (cloud, state) in enumerate(zip(clouds, states, strict=True)):
        value, sigma = float(values[k]), float(sigmas[k])
        hides = state == SEEN and lengths[k] < _A_LINE and _touches_cover(cloud.rim, bands[k], seen.on_rim[k])
        face = seen.on_points[k][is_face[k]] if faces[k] >= _A_FACE else None
        if face is None and cloud.edge_sigma_px and upwards[k]:
            bled = _BLED_PX * 2 * float(seen.half[k].max())
            face = _top_face(seen.on_points[k], seen.facing[k], value - float(reach[k]) - bled)
        if face is not None and len(face) >= _A_FACE:
            level = abs(float(directions[k, 2])) > UPWARDS  # no axis of its own to err
            value, sigma = _face_end(cloud, face, rounding_m(cloud) if level else 1e-4 * float(extents_m[k]))
            beyond = float(seen.lost[k]) - value
            if beyond > 0 and beyond > _LOST_PX * 2 * float(cloud.rim.step_length_m.mean()):
                sigma += beyond
            if cloud.edge_sigma_px and upwards[k]:  # what stands on it is looked for too far out
                ends.append(End(value, sigma, SEEN, grounded[k]))
                continue
        ends.append(End(value, sigma, COVERED if hides else state, grounded[k], is_face=faces[k] >= _A_FACE))
    return [ends[rows] for rows, _ in seen.rim.blocks]


def _face_end(cloud: Cloud, face: F32, sigma_m: float) -> tuple[float, float]:
    """Return where a face of readings (N,) lies and its error: `sigma_m`, and what they are uneven."""
    value = outer_level(face, cloud.median_depth_m) if cloud.noise_sigma < EXACT else middle(face)
    return value, sigma_m + _unevenness(face, cloud.noise_sigma)


def _behind_it(cloud: Cloud, across_m: F32, band: Bool, direction: F64, extent_m: np.float64) -> float:
    """Return what may be missing, along a `direction` (3,), of the leg whose front is seen at an end, metres.

    It is as thick as it is wide, where the outermost rim points, in `band` (M,), lie on something narrow and the end is
    on the far side. `across_m` (>= M,): how wide the mask is at the rim points; `extent_m` that of the whole.
    """
    if not band.any():
        return 0.0
    x, y = cloud.rim.end_m[:2, band].mean(axis=1).tolist()
    far = max(math.hypot(x, y), 1e-9)
    away: float = (float(direction[0]) * x + float(direction[1]) * y) / far
    if away <= 0:
        return 0.0
    widths = across_m[: len(band)][band]
    wide = float(np.sort(widths)[len(widths) // 2])
    if wide >= _A_LEG * extent_m:
        return 0.0
    missing = _OF_AN_EDGE if _shows_an_edge(cloud, band) else _OF_A_LEG
    return missing * wide * away


def _shows_an_edge(cloud: Cloud, band: Bool) -> bool:
    """Return whether a level top is seen, out to where the thing ends, beside the rim points in `band` (M,), M > 0."""
    outer = cloud.rim.end_m[:, band]
    outer = outer[:, :: -(-outer.shape[1] // _MOST_OUTER)]
    near = np.float32(_BESIDE_PX * 2 * float(cloud.rim.step_length_m[band].mean()))
    low, high = outer.min(axis=1) - near, outer.max(axis=1) + near
    around = ((cloud.points_m > low[:, None]) & (cloud.points_m < high[:, None])).all(axis=0)
    apart = cloud.points_m.compress(around, axis=1)[:, :, None] - outer[:, None, :]
    beside = (apart * apart).sum(axis=0).min(axis=1) < near * near
    upwards = cloud.normals[2].compress(around).compress(beside)
    level = int(np.count_nonzero(upwards > _FACING))
    return level >= max(_FEWEST_OF_A_TOP, _SHARE_OF_A_TOP * np.count_nonzero(np.isfinite(upwards)))


def _top_end(cloud: Cloud, seen: Rows, k: int, band: Bool, end: tuple[float, float]) -> tuple[float, float]:
    """Return an `end` upwards, in row `k`, and its sigma as they are with what a top of a few pixels may hide."""
    if _ends_in_a_top(cloud.rim, band):
        return _top(cloud, (seen.on_rim[k] - seen.half[k])[: len(band)], band, float(seen.on_points[k].max()))
    value, sigma = end
    if cloud.eye_z_m > value and band.any():  # a top less than a pixel high: anywhere in the last one
        sigma = max(sigma, FRACTION_SIGMA * 1.2 * float(cloud.rim.step_length_m[band].mean()))
    return value, sigma


def _unevenness(face: F32, noise_sigma: float) -> float:
    """Return by how much the outermost readings of a face (N,) differ: more than nothing where it is rounded."""
    if noise_sigma >= EXACT:
        return 0.0
    outer = np.partition(face, -_A_FACE // 2)[-_A_FACE // 2 :]
    return float(outer.max() - outer[0]) / 3


def _top_face(on_points: F32, facing: F32, least_m: float) -> F32:
    """Return the heights of a level face above `least_m`: beyond it, readings that bleed may hide where it ends."""
    face = on_points[(on_points > least_m) & (facing > _FACING)]
    return face if not len(face) else face[face > np.quantile(face, 0.9) - _LEAST_REACH_M]


def _ends_in_a_top(rim: Rim, band: Bool) -> bool:
    """Return whether most of the rim points in `band` (M,) lie on a face that recedes from the one below them."""
    recedes = band & (rim.blur_m > _RECEDES * rim.step_length_m)
    return 2 * int(np.count_nonzero(recedes)) > int(np.count_nonzero(band))


def _top(cloud: Cloud, inner_m: F32, band: Bool, read_m: float) -> tuple[float, float]:
    """Return the height of a top so narrow that its last pixels are all that is seen of it, and its sigma.

    It is level, so it ends where those pixels lie, and not half a pixel above. `inner_m` (M,): the pixels' heights.
    Where the last ones bleed, it is between what they would be on a face that goes on and the highest reading.
    """
    heights = np.sort(inner_m[band])
    value = float(heights[-1] if cloud.noise_sigma < EXACT else middle(heights[len(heights) // 2 :]))
    sigma = _FRACTION_OF_TOP * float(cloud.rim.step_length_m[band].mean())
    if cloud.rim.is_read[band].all() or value <= read_m:
        return value, sigma
    return (value + read_m) / 2, max(sigma, _UNREAD_TOP * (value - read_m))


def _touches_cover(rim: Rim, band: Bool, on_rim: F32) -> bool:
    """Return whether the outermost pixels lie next to where something nearer begins to cover the object."""
    if not rim.is_covered.any():
        return False
    ends = rim.px[:, band] if band.any() else rim.px[:, [np.argmax(on_rim)]]
    covers = rim.px[:, rim.is_covered]
    apart = np.abs(ends[:, :, None] - covers[:, None, :]).max(axis=0).min(axis=1)
    return bool(2 * (apart <= _NEXT_PX).sum() > len(apart))


def _states(beyond: Bool, is_covered: Bool, body: Bool, facing: F32) -> list[str]:
    """Return the states of D ends from what lies beyond their rims and how their faces are turned to their directions.

    `beyond` and `is_covered` (D, M) are of the rim points of each, `body` (D, N) its points, turned by `facing` (D, N).
    """
    masks = (beyond & is_covered, beyond, body & np.isfinite(facing), body & (facing > 0.7), body & (facing < -0.7))
    return [_state(*numbers) for numbers in zip(*(counts(mask).tolist() for mask in masks), strict=True)]


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
        guess = 0.6 * across_m if along_m < 0.1 * across_m else _THICKNESS_M
    return end.sigma_m + min(guess, OF_ROOM * end.room_m)
