"""From measures of objects and pairs to facts: the parts that the families share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from spatialgen.geometry.noise import SENSOR_NOISE
from spatialgen.qa.arrays import F64, I64, ON_FLOOR, TRUSTED_SCALE_SIGMA, Bool, SceneArrays, norm, projected_sigma
from spatialgen.qa.decide import (
    difference_decided,
    difference_margin,
    difference_same,
    log_sigma,
    quantity_decided,
)
from spatialgen.qa.facts import DECIDED, SAME, UNKNOWN, Facts, decided_facts, with_status

NEAR_FLOOR_M = 0.15
NEAR_FLOOR_SHARE = 0.05
LEAST_TOLD = 0.02


def relation(
    type_: str,
    a: SceneArrays,
    difference: F64,
    sigma: F64,
    floor: F64 | float,
    asked: Bool | None = None,
    i: I64 | None = None,
    j: I64 | None = None,
) -> Facts:
    """Return facts "i stands in relation `type_` to j" for pairs whose `difference` is positive when it does.

    All arrays (P,), for the pairs of `a.p` unless `i` and `j` are given. Pairs outside `asked` are silent; ties are
    `same`; where the error is above the floor and hides even the sign, `unknown`, but only where depth is as good as a
    sensor's, so that it is the picture which hides it: what a network cannot measure, people may well see.
    """
    i, j = a.p.i if i is None else i, a.p.j if j is None else j
    allowed = np.ones(len(i), bool) if asked is None else asked
    decided = difference_decided(difference, sigma, floor)
    same = difference_same(difference, sigma, floor)
    measured = a.s.depth_noise[a.o.scene[i]] <= SENSOR_NOISE
    unknown = ~decided & ~same & (sigma > floor) & (np.abs(difference) < sigma) & measured
    keep = np.flatnonzero(allowed & (decided | same | unknown))
    status = np.where(decided, DECIDED, np.where(same, SAME, UNKNOWN)).astype(np.int8)[keep]
    return Facts(
        type=type_,
        scene=a.o.scene[i[keep]],
        subjects=np.stack([i[keep], j[keep]], axis=1),
        value=np.where(status == DECIDED, (difference[keep] > 0).astype(np.float64), np.nan),
        sigma=sigma[keep],
        status=status,
        margin=difference_margin(difference, sigma, floor)[keep],
    )


def ratio_relation(type_: str, a: SceneArrays, size: F64, relative_sigma: F64, floor: float) -> Facts:
    """Return facts "i has more of `size` than j" by the logarithm of the ratio; inputs (M,) by object."""
    difference, sigma = log_ratio(a, size, relative_sigma)
    return relation(type_, a, difference, sigma, floor)


def log_ratio(a: SceneArrays, size: F64, relative_sigma: F64) -> tuple[F64, F64]:
    """Return log(size_i / size_j) and its error for the pairs of `a.p`; a common scale cancels."""
    difference = np.log(np.maximum(size[a.p.i], 1e-9)) - np.log(np.maximum(size[a.p.j], 1e-9))
    return difference, log_sigma(relative_sigma[a.p.i], relative_sigma[a.p.j])


def predicate(
    type_: str,
    a: SceneArrays,
    subjects: I64,
    holds: Bool,
    fails: Bool,
    sigma: F64,
    *,
    margin: F64 | None = None,
    words: dict[str, Sequence[str]] | None = None,
    params: Sequence[str] | None = None,
    told: F64 | None = None,
    instead: I64 | None = None,
) -> Facts:
    """Return facts that hold (1) or fail (0); what does neither is silent. `subjects` (n, k)."""
    facts = decided_facts(
        type_,
        a.o.scene[subjects[:, 0]],
        subjects,
        holds.astype(np.float64),
        sigma,
        margin,
        words=words,
        params=params,
    )
    return replace(facts, told=told, instead=instead).take(holds | fails)


def tellable(a: SceneArrays, scene: I64, value: F64, sigma: F64, power: int = 1) -> F64:
    """Return a number and its error (n, 2), NaN where it is nothing or cannot be told: see `quantity`."""
    total = np.hypot(sigma, power * np.abs(value) * a.s.scale_sigma[scene])
    decided = quantity_decided(value, total) & ((power == 0) | scale_trusted(a, scene)) & (np.abs(value) >= LEAST_TOLD)
    return np.where(decided[:, None], np.stack([np.abs(value), total], axis=1), np.nan)


def quantity(
    type_: str,
    a: SceneArrays,
    subjects: I64,
    value: F64,
    sigma: F64,
    asked: Bool | None = None,
    *,
    power: int = 1,
    absolute: float = 0.01,
) -> Facts:
    """Return facts with a number; those not decided are silent. `subjects` (n, k) or (n,).

    `power` of length in the unit, for the error of the common scale: 1 for m, 3 for m3, 0 for angles, ratios.
    Without a trusted scale no length is told, not even a small one that 1 cm would forgive.
    """
    subjects = subjects if subjects.ndim == 2 else subjects[:, None]
    scene = a.o.scene[subjects[:, 0]]
    total = np.hypot(sigma, power * np.abs(value) * a.s.scale_sigma[scene])
    decided = quantity_decided(value, total, absolute) & ((power == 0) | scale_trusted(a, scene))
    tolerance = np.maximum(0.1 * np.abs(value), absolute)
    with np.errstate(divide="ignore", invalid="ignore"):
        margin = np.where(total > 0, tolerance / (2.0 * total), 10.0)
    facts = decided_facts(type_, scene, subjects, value, total, margin)
    return facts.take(decided if asked is None else decided & asked)


def on_floor(a: SceneArrays) -> Bool:
    """Return which objects are known to stand on a floor that was found, (M,)."""
    stands: Bool = (a.o.support == ON_FLOOR) & a.s.floor[a.o.scene]
    return stands


def scale_trusted(a: SceneArrays, scene: I64) -> Bool:
    """Return which of the scenes have a scale that lengths can be told by, (n,)."""
    trusted: Bool = a.s.scale_sigma[scene] <= TRUSTED_SCALE_SIGMA
    return trusted


def unknowable(type_: str, a: SceneArrays, objects: Bool) -> Facts:
    """Return facts "this cannot be told" of single `objects`, a mask (M,)."""
    index = np.flatnonzero(objects & a.askable)
    nothing = np.full(len(index), np.nan)
    facts = decided_facts(type_, a.o.scene[index], index, nothing, nothing)
    return with_status(facts, UNKNOWN)


def nearer_floor(nearest: F64) -> F64:
    """Return the margin between two distances: max(0.15 m, 5 % of the smaller)."""
    return np.maximum(NEAR_FLOOR_M, NEAR_FLOOR_SHARE * nearest)


def camera_order(a: SceneArrays) -> tuple[F64, F64, F64]:
    """Return, for the pairs of `a.p`, distance of j minus that of i from the camera, its error and its floor."""
    d_i, d_j = a.o.camera_distance[a.p.i], a.o.camera_distance[a.p.j]
    sigma = np.hypot(a.o.camera_distance_sigma[a.p.i], a.o.camera_distance_sigma[a.p.j])
    return d_j - d_i, sigma, nearer_floor(np.minimum(d_i, d_j))


def side_order(a: SceneArrays) -> tuple[F64, F64, Bool]:
    """Return, for the pairs, x of j minus x of i, its error, and whether the bearings surely have the same order."""
    delta_x = a.p.delta[:, 0]
    sigma = np.sqrt(a.p.cov[:, 0, 0])
    bearing, bearing_sigma = camera_bearing(a)
    turn = wrapped(bearing[a.p.j] - bearing[a.p.i])
    sure = np.abs(turn) > 2.0 * np.hypot(bearing_sigma[a.p.i], bearing_sigma[a.p.j])
    return delta_x, sigma, a.s.forward[a.p.scene] & sure & (np.sign(turn) == np.sign(delta_x))


def camera_bearing(a: SceneArrays) -> tuple[F64, F64]:
    """Return the bearing of each centre from the camera and its error, degrees, 0 forward, right positive, (M,)."""
    v = a.o.camera_vector
    return np.degrees(np.arctan2(v[:, 0], v[:, 1])), bearing_sigma(a.o.cov, v)


def bearing_sigma(cov: F64, vector: F64) -> F64:
    """Return the error (degrees) of the compass bearing of (n, 3) vectors with covariances (n, 3, 3)."""
    flat = vector[:, :2]
    across = np.zeros_like(vector)
    across[:, 0], across[:, 1] = -flat[:, 1], flat[:, 0]
    distance = np.maximum(norm(flat), 1e-9)
    sigma = np.degrees(projected_sigma(cov, across / distance[:, None]) / distance)
    spread = np.sqrt(np.maximum(cov[:, 0, 0], cov[:, 1, 1]))
    return np.where(distance > np.maximum(3.0 * spread, 1e-6), sigma, 180.0)


def wrapped(angle_deg: F64) -> F64:
    """Return angles brought to [-180, 180)."""
    return (angle_deg + 180.0) % 360.0 - 180.0


def level_sigma(a: SceneArrays, i: I64, end_i: int, j: I64, end_j: int) -> F64:
    """Return the error of a difference between two levels (0 bottom, 1 top) of the pairs of `a.p`.

    The tilt of the vertical and the floor are common to both: of each one's own error they are taken back; the tilt
    counts once, and the floor where only one of the levels is above it.
    """
    g, floor = a.s.gravity_sigma[a.p.scene], a.s.floor_sigma[a.p.scene]
    lies = [(end == 0) & (a.o.support[k] == ON_FLOOR) for k, end in ((i, end_i), (j, end_j))]
    total: F64 = np.where(lies[0] != lies[1], floor, 0.0) ** 2
    total += (g * np.hypot(a.p.delta[:, 0], a.p.delta[:, 1])) ** 2
    for k, end in ((i, end_i), (j, end_j)):
        reach = np.hypot(a.o.camera_vector[k, 0], a.o.camera_vector[k, 1])
        total = total + np.maximum(a.o.z_sigma[k, end] ** 2 - (g * reach) ** 2 - floor**2, 0.0)
    return np.asarray(np.sqrt(total))


def both_orders(a: SceneArrays) -> tuple[I64, I64, F64, F64]:
    """Return every ordered pair: i, j, the vector from i to j and its covariance."""
    p = a.p
    i, j = np.concatenate([p.i, p.j]), np.concatenate([p.j, p.i])
    return i, j, np.concatenate([p.delta, -p.delta]), np.concatenate([p.cov, p.cov])
