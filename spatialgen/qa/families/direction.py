"""`clock_direction`, `bearing`, `elevation_angle`: where B lies seen from A."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import F64, I64, SceneArrays, norm, projected_sigma
from spatialgen.qa.facts import Bool, Facts, decided_facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import bearing_sigma, both_orders, quantity

HALF_HOUR_MARGIN_DEG = 5.0


def clock_hours(bearing_deg: F64, sigma_deg: F64) -> tuple[F64, Bool]:
    """Return the nearest hour (1 .. 12) and whether it is decided.

    Silent within 5 degrees of a half hour, and where the bearing +/- 2 sigma leaves the hour.
    """
    hour = np.rint(bearing_deg / 30.0) % 12
    inside = 15.0 - np.abs((bearing_deg + 15.0) % 30.0 - 15.0)
    decided = inside > np.maximum(HALF_HOUR_MARGIN_DEG, 2.0 * sigma_deg)
    return np.where(hour == 0, 12.0, hour), decided


def angles_apart(facts: Facts, i: I64, j: I64) -> Bool:
    """Return where two angles differ by 20 degrees and 4 sigmas, all the way round."""
    turn = np.abs((facts.value[i] - facts.value[j] + 180.0) % 360.0 - 180.0)
    apart: Bool = (turn > 20.0) & (turn > 4.0 * np.hypot(facts.sigma[i], facts.sigma[j]))
    if facts.type == "clock_direction":
        apart = facts.value[i] != facts.value[j]
    return apart


def _facts(a: SceneArrays) -> list[Facts]:
    i, j, vector, cov = both_orders(a)
    pairs, scene = np.stack([i, j], axis=1), a.o.scene[i]
    bearing = np.degrees(np.arctan2(vector[:, 0], vector[:, 1])) % 360.0
    sigma = bearing_sigma(cov, vector)
    hour, decided = clock_hours(bearing, sigma)
    clock = decided_facts("clock_direction", scene, pairs, hour, sigma)
    edge = np.minimum(bearing, 360.0 - bearing)
    asked = a.s.forward[scene] & (edge > 4.0 * sigma)
    return [
        clock.take(decided & a.s.forward[scene]),
        quantity("bearing", a, pairs, bearing, sigma, asked, power=0, absolute=0.0),
        _elevation(a, pairs, vector, cov),
    ]


def _elevation(a: SceneArrays, pairs: I64, vector: F64, cov: F64) -> Facts:
    flat = np.maximum(norm(vector[:, :2]), 1e-9)
    angle = np.degrees(np.arctan2(vector[:, 2], flat))
    up = np.stack([-vector[:, 0] * vector[:, 2] / flat, -vector[:, 1] * vector[:, 2] / flat, flat], axis=1)
    distance = np.maximum(norm(vector), 1e-9)
    sigma = np.degrees(projected_sigma(cov, up / distance[:, None]) / distance)
    near = flat < 3.0 * np.sqrt(np.maximum(cov[:, 0, 0], cov[:, 1, 1]))  # straight over: only the spread tells
    across = np.degrees(np.sqrt(np.maximum(cov[:, 0, 0], cov[:, 1, 1])) / distance)
    sigma = np.where(near, np.maximum(sigma, across), sigma)
    return quantity("elevation_angle", a, pairs, angle, sigma, power=0, absolute=0.0)


FAMILY = Family(
    name="direction",
    types=("clock_direction", "bearing", "elevation_angle"),
    kind=Kind.VALUED,
    units={"clock_direction": "hour", "bearing": "deg", "elevation_angle": "deg"},
    facts=_facts,
    say={"clock_direction": "hour", "bearing": "angle", "elevation_angle": "up_down"},
    concepts={"clock_direction": "direction from", "bearing": "direction from"},
    apart=angles_apart,
)
