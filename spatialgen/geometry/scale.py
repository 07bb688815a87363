"""How far lengths can be trusted: the depth's own claim, checked against camera height and usual sizes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spatialgen.records import Camera, DepthMap, Floor, Scale, SceneObject

USUAL_HEIGHT_M: dict[str, tuple[float, float]] = {
    "chair": (0.88, 0.15),
    "armchair": (0.9, 0.2),
    "couch": (0.85, 0.2),
    "sofa": (0.85, 0.2),
    "table": (0.73, 0.25),
    "dining table": (0.74, 0.2),
    "desk": (0.74, 0.2),
    "bed": (0.6, 0.45),
    "person": (1.65, 0.2),
    "refrigerator": (1.7, 0.25),
    "toilet": (0.75, 0.2),
    "car": (1.5, 0.2),
    "bus": (3.1, 0.25),
    "truck": (2.7, 0.4),
    "bicycle": (1.05, 0.2),
    "motorcycle": (1.15, 0.2),
    "horse": (1.7, 0.25),
    "cow": (1.45, 0.25),
    "door": (2.05, 0.15),
    "bottle": (0.25, 0.3),
    "cup": (0.1, 0.35),
    "mug": (0.1, 0.25),
    "traffic light": (0.9, 0.5),
    "fire hydrant": (0.75, 0.3),
    "stop sign": (2.2, 0.4),
    "bench": (0.85, 0.3),
}
"""Usual heights of common classes: metres, and the standard deviation of the logarithm."""

USUAL_CAMERA_HEIGHT_M = (1.45, 0.45)
_LEAST_SHARE, _FARTHEST = 0.6, 3.0
"""Things less visible than this witness nothing; no single one is believed to be off by more standard deviations."""

CONTRADICTION = 2.5
"""How many standard deviations the checks must be off before a scale is distrusted."""


def checked_scale(
    depth: DepthMap, camera: Camera, floor: Floor | None, objects: Sequence[SceneObject], check: bool
) -> Scale:
    """Return the relative error common to all lengths of a scene.

    The depth map claims one (`scale_sigma`; a sensor's map none). The logarithms of the camera's height and of the
    heights of common things, each against what is usual, are averaged; if their mean contradicts the claim, the
    error becomes as large as the contradiction, and lengths fall silent.
    """
    claimed = depth.scale_sigma
    if not check:
        return Scale(claimed, depth.source)
    offsets, weights = _evidence(floor, objects)
    if not offsets:
        return Scale(claimed, depth.source)
    weight = float(np.sum(weights))
    mean = float(np.dot(offsets, weights)) / weight
    own_sigma = float(np.sqrt(1 / weight + 0.15**2))
    if abs(mean) > CONTRADICTION * float(np.hypot(own_sigma, claimed)):
        return Scale(float(max(claimed, np.expm1(abs(mean)))), "checked:usual sizes")
    return Scale(claimed, depth.source)


def _evidence(floor: Floor | None, objects: Sequence[SceneObject]) -> tuple[list[float], list[float]]:
    """Return the logarithm of measured over usual for each check, and its weight, one over the variance."""
    offsets, weights = [], []
    if floor is not None:
        usual, sigma = USUAL_CAMERA_HEIGHT_M
        offsets.append(float(np.log(floor.camera_height_m / usual)))
        weights.append(1 / sigma**2)
    for item in objects:
        usual_height = USUAL_HEIGHT_M.get(item.label)
        if usual_height is None or item.geometry is None or item.visible_share < _LEAST_SHARE:
            continue
        (usual, sigma), height = usual_height, max(float(item.geometry.size_m[2]), 1e-3)
        own = float(np.hypot(sigma, 0.15))
        offset = float(np.clip(np.log(height / usual), -_FARTHEST * own, _FARTHEST * own))
        offsets.append(offset)
        weights.append(1 / (own**2 + (float(item.geometry.size_sigma_m[2]) / height) ** 2))
    return offsets, weights
