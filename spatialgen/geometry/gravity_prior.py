"""Up, settled between two witnesses: the depth map's level surfaces, and the verticals seen in the picture."""

from __future__ import annotations

import math

import numpy as np

from spatialgen.records import Gravity

WARP_DEG = 40.0
"""Degrees that a floor tilts when its depth is stretched by 100 % between its near and its far end.

A sensor's errors average out over a floor; those of a depth network are smooth and do not, and its relative error
says how much it stretches. A floor 1.5 m below the camera and seen from 1.5 to 3.5 m tilts by this much.
"""
WORST_SIGMA_DEG = 6.0
"""A direction less certain than this is no use: silence is better."""
WORST_SENSOR_SIGMA_DEG = 1.0
"""The same for a sensor's depth alone: lengths are told from it, and a tilt of two degrees spoils them."""
MOST_APART = 3.0  # of their common sigma, beyond which one of two witnesses is wrong, and nobody knows which
MUCH_SURER = 3.0  # times: a witness that is heard in spite of a contradiction


def settle_gravity(seen: Gravity | None, prior: Gravity | None, depth_sigma: float) -> Gravity | None:
    """Return up from what the depth map says (`seen`) and a prior from the picture; None where nothing is sure.

    `depth_sigma` is the relative error that the depth's source claims: 0 for a sensor's that it does not tell. A
    habit ("prior") is no witness. Two that agree are weighted by their errors; of two that contradict, only one
    that is much surer is heard.
    """
    witnesses = [w for w in (_widened(seen, depth_sigma), _structure(prior)) if w is not None]
    if len(witnesses) == 2:
        return _certain(_agreed(*witnesses))
    return _certain(witnesses[0]) if witnesses else None


def _widened(seen: Gravity | None, depth_sigma: float) -> Gravity | None:
    if seen is None or (not depth_sigma and seen.sigma_deg > WORST_SENSOR_SIGMA_DEG):
        return None
    return Gravity(seen.up_camera, math.hypot(seen.sigma_deg, WARP_DEG * depth_sigma), seen.source)


def _structure(prior: Gravity | None) -> Gravity | None:
    return prior if prior is not None and prior.source == "vertical_structure" else None


def _agreed(one: Gravity, other: Gravity) -> Gravity | None:
    apart = math.degrees(math.acos(float(np.clip(one.up_camera @ other.up_camera, -1, 1))))
    if apart > MOST_APART * math.hypot(one.sigma_deg, other.sigma_deg):
        sure, unsure = sorted((one, other), key=lambda g: g.sigma_deg)
        return sure if MUCH_SURER * sure.sigma_deg <= unsure.sigma_deg else None
    weights = [1 / max(g.sigma_deg, 1e-3) ** 2 for g in (one, other)]
    up = weights[0] * one.up_camera + weights[1] * other.up_camera
    better = one if weights[0] >= weights[1] else other
    return Gravity(up / np.linalg.norm(up), 1 / math.sqrt(sum(weights)), better.source)


def _certain(gravity: Gravity | None) -> Gravity | None:
    return gravity if gravity is not None and gravity.sigma_deg <= WORST_SIGMA_DEG else None
