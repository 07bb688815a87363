"""Checks of what a backend returns: nonsense is an internal error that names the backend, never data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spatialgen.records import Bool, Camera, DepthMap, Detections, Gravity, ObjectText

MAX_DEPTH_M = 10_000.0
FOCAL_RANGE = (0.05, 50.0)  # focal length over the longer side of the image


class BackendOutputError(RuntimeError):
    """A backend broke its protocol. Not a user's mistake: the engine reports it as an internal error."""


def check_length(backend: str, results: Sequence[Any], expected: int) -> None:
    """Raise BackendOutputError unless there is one result an image."""
    if len(results) != expected:
        raise BackendOutputError(f"backend {backend} returned {len(results)} results for {expected} images")


def check_detections(backend: str, found: Detections, size_wh: tuple[int, int]) -> None:
    """Raise BackendOutputError unless boxes are finite, not empty, inside the image, and scores in [0, 1]."""
    width, height = size_wh
    boxes, scores = found.boxes_px, found.scores
    if boxes.dtype != np.float32 or scores.dtype != np.float32:
        _nonsense(backend, f"boxes {boxes.dtype} and scores {scores.dtype} instead of float32")
    if not np.isfinite(boxes).all() or not np.isfinite(scores).all():
        _nonsense(backend, "boxes or scores that are not finite")
    limit = np.array([width, height, width, height], np.float32)
    if (boxes < 0).any() or (boxes > limit).any() or (boxes[:, 2:] <= boxes[:, :2]).any():
        _nonsense(backend, f"empty boxes or boxes outside the image of {width} x {height} pixels")
    if (scores < 0).any() or (scores > 1).any():
        _nonsense(backend, "scores outside 0 .. 1")
    if len(set(found.object_ids)) != len(found) or any(not label.strip() for label in found.labels):
        _nonsense(backend, "object ids that repeat, or empty labels")


def check_depth(backend: str, depth: DepthMap) -> None:
    """Raise BackendOutputError unless readings are NaN or in (0, 10 km] and the errors finite, not negative."""
    if depth.depth_m.size == 0:
        _nonsense(backend, "an empty depth map")
    with np.errstate(invalid="ignore"):
        wrong = (depth.depth_m <= 0) | (depth.depth_m > MAX_DEPTH_M)
    if wrong.any():
        _nonsense(backend, f"{int(wrong.sum())} depths outside 0 .. {MAX_DEPTH_M:g} m (no reading is NaN)")
    for name, sigma in (("sigma", depth.sigma), ("scale_sigma", depth.scale_sigma)):
        if not np.isfinite(sigma) or sigma < 0:
            _nonsense(backend, f"{name} {sigma}")


def check_masks(backend: str, masks: Bool, count: int, size_wh: tuple[int, int]) -> None:
    """Raise BackendOutputError unless `masks` is (count, H, W) bool."""
    expected = (count, size_wh[1], size_wh[0])
    if masks.shape != expected or masks.dtype != np.bool_:
        _nonsense(backend, f"masks {masks.shape} {masks.dtype} instead of {expected} bool")


def check_texts(backend: str, texts: tuple[ObjectText, ...], count: int) -> None:
    """Raise BackendOutputError unless there is one text an object and none is blank."""
    if len(texts) != count:
        _nonsense(backend, f"{len(texts)} texts for {count} objects")
    if any(words is not None and not words.strip() for t in texts for words in (t.color, t.caption)):
        _nonsense(backend, "blank words (nothing to say is None)")


def check_camera(backend: str, camera: Camera, size_wh: tuple[int, int]) -> None:
    """Raise BackendOutputError unless the principal point is in the image and the focal length plausible."""
    width, height = size_wh
    if not (-0.5 <= camera.cx <= width - 0.5 and -0.5 <= camera.cy <= height - 0.5):
        _nonsense(backend, f"a principal point ({camera.cx}, {camera.cy}) outside the image")
    ratio = np.array([camera.fx, camera.fy]) / max(width, height)
    if (ratio < FOCAL_RANGE[0]).any() or (ratio > FOCAL_RANGE[1]).any():
        _nonsense(backend, f"focal lengths of {camera.fx:g} and {camera.fy:g} pixels")
    if not np.isfinite(camera.sigma) or camera.sigma < 0:
        _nonsense(backend, f"sigma {camera.sigma}")


def check_gravity(backend: str, gravity: Gravity) -> None:
    """Raise BackendOutputError unless the error is finite and positive (the record checks the unit vector)."""
    if not np.isfinite(gravity.up_camera).all() or not 0 < gravity.sigma_deg <= 180:
        _nonsense(backend, f"an up vector with an error of {gravity.sigma_deg} degrees")


def _nonsense(backend: str, what: str) -> None:
    raise BackendOutputError(f"backend {backend} returned {what}")
