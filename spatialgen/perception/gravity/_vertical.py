"""The up direction from line segments: where the images of the vertical lines of a scene meet.

A segment and the camera centre span a plane; the planes of vertical segments all contain the up direction, so that
it is orthogonal to their normals. The candidate that most length agrees on is refined by least squares together with
the habit of people (a level camera), and the error follows from how well the segments determine it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from spatialgen.records import F64, Bool, Camera

LEVEL_UP = np.array([0.0, -1.0, 0.0])
MAX_TILT_DEG = 40.0  # of the camera, that is believed
SEGMENT_SIGMA_DEG = 1.0  # of one segment's direction, doors that are ajar and bent lenses included
INLIER_DEG = 2.5
COMPETITOR_DEG = 15.0  # segments within this of vertical that do not agree speak against the candidate
CANDIDATES = 48  # longest segments whose pairs are tried
HABIT_ROLL_DEG = 3.0
FEW = 6.0  # segments, that may agree by chance
UNUSUAL = 0.25  # of the angle to the habit that this many segments leave in doubt


@dataclass(frozen=True, slots=True, eq=False)
class Vertical:
    """`up_camera` (3,), its one-sigma error (the larger axis), how many segments agree and their share."""

    up_camera: F64
    sigma_deg: float
    support: int
    share: float


def fit_vertical(segments_px: F64, camera: Camera, habit_pitch_deg: float, habit_sigma_deg: float) -> Vertical | None:
    """Return the up direction that `segments_px` (N, 4) u0, v0, u1, v1 agree on, or None with fewer than two.

    `habit_pitch_deg` and its sigma: where cameras look when nothing else is known (down is positive).
    """
    lines = _Lines.of(segments_px, camera).take_upright()
    if len(lines.length) < 2:
        return None
    pitch = math.radians(habit_pitch_deg)
    habit = np.array([0.0, -math.cos(pitch), -math.sin(pitch)])
    up = _best_candidate(lines, habit, habit_sigma_deg)
    if up is None:
        return None
    for _ in range(3):
        agree = lines.angle_deg(up) < INLIER_DEG
        if agree.sum() < 2:
            return None
        up, sigma_deg = _refine(lines.normal[agree], lines.reach[agree], up, habit, habit_sigma_deg)
    unusual_deg = math.degrees(math.acos(min(1.0, float(up @ habit))))
    return _judged(lines, up, sigma_deg, camera.sigma, unusual_deg)


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """Segments as planes through the camera centre: unit `normal` (N, 3), unit ray of the middle, length in rays.

    `reach` is how far a normal moves when the segment turns by one radian about its middle.
    """

    normal: F64
    middle: F64
    direction: F64
    length: F64
    reach: F64

    @classmethod
    def of(cls, segments_px: F64, camera: Camera) -> _Lines:
        ends = segments_px.reshape(-1, 2, 2).astype(np.float64)
        rays = (ends - (camera.cx, camera.cy)) / (camera.fx, camera.fy)
        along = rays[:, 1] - rays[:, 0]
        middle = rays.mean(axis=1)
        length = np.linalg.norm(along, axis=1)
        keep = length > 1e-9
        ones = np.ones(len(rays))[:, None]
        cross = np.cross(np.hstack([rays[:, 0], ones]), np.hstack([rays[:, 1], ones]))[keep]
        size = np.linalg.norm(cross, axis=1, keepdims=True)
        normal = cross / size
        return cls(normal, middle[keep], along[keep] / length[keep, None], length[keep], length[keep] / size[:, 0])

    def take(self, keep: Bool) -> _Lines:
        return _Lines(self.normal[keep], self.middle[keep], self.direction[keep], self.length[keep], self.reach[keep])

    def take_upright(self) -> _Lines:
        """Keep what could be vertical for some camera within the tilt that is believed."""
        tilt = np.abs(np.rad2deg(np.arctan2(self.direction[:, 0], self.direction[:, 1])))
        return self.take(np.minimum(tilt, 180 - tilt) < MAX_TILT_DEG)

    def angle_deg(self, up: F64) -> F64:
        """Return the angle in the image between each segment and the image of `up` at its middle, 0 .. 90."""
        towards = up[:2] - self.middle * up[2]
        size = np.maximum(np.linalg.norm(towards, axis=1), 1e-12)
        cosine = np.abs((towards * self.direction).sum(axis=1)) / size
        angles: F64 = np.rad2deg(np.arccos(np.clip(cosine, 0, 1)))
        return angles


def _best_candidate(lines: _Lines, habit: F64, habit_sigma_deg: float) -> F64 | None:
    """Return the meeting point of two segments that most length agrees with, as far as people hold cameras so."""
    longest = np.argsort(-lines.length, kind="stable")[:CANDIDATES]
    best, best_score = None, 0.0
    for a, i in enumerate(longest):
        for j in longest[:a]:
            up = np.cross(lines.normal[i], lines.normal[j])
            size = float(np.linalg.norm(up))
            if size < 1e-6:
                continue
            up = up / size * (1.0 if up[1] < 0 else -1.0)
            if up @ LEVEL_UP < math.cos(math.radians(MAX_TILT_DEG)):
                continue
            agreed = float(lines.length[lines.angle_deg(up) < INLIER_DEG].sum())
            score = agreed * _belief(up, habit, habit_sigma_deg)
            if score > best_score:
                best, best_score = up, score
    return best


def _refine(normal: F64, reach: F64, up: F64, habit: F64, habit_sigma_deg: float) -> tuple[F64, float]:
    """Return the least-squares up direction near `up` and the error of its worse axis in degrees."""
    roll_axis, pitch_axis = _tangents(up)
    basis = np.stack([roll_axis, pitch_axis], axis=1)  # (3, 2): small turns of `up`
    sigma = np.radians(SEGMENT_SIGMA_DEG) * reach
    rows, rest = normal @ basis / sigma[:, None], -(normal @ up) / sigma
    from_habit = basis.T @ (habit - up)
    habit_sigma = np.radians([HABIT_ROLL_DEG, habit_sigma_deg])
    information = rows.T @ rows + np.diag(1 / habit_sigma**2)
    step = np.linalg.solve(information, rows.T @ rest + from_habit / habit_sigma**2)
    moved = up + basis @ step
    worst = float(np.sqrt(np.linalg.eigvalsh(np.linalg.inv(information)).max()))
    return moved / np.linalg.norm(moved), math.degrees(worst)


def _tangents(up: F64) -> tuple[F64, F64]:
    """Return unit vectors along which `up` moves when the camera rolls, and when it pitches."""
    roll = np.cross(np.array([0.0, 0.0, 1.0]), up)
    roll /= np.linalg.norm(roll)
    return roll, np.cross(up, roll)


def _belief(up: F64, habit: F64, habit_sigma_deg: float) -> float:
    """Return how usual `up` is, 0 .. 1, with tails so heavy that many segments can still speak for a tilt."""
    roll_deg = math.degrees(math.atan2(up[0], -up[1]))
    pitch_deg = math.degrees(math.asin(float(np.clip(habit[2] - up[2], -1, 1))))
    return 1.0 / (1.0 + (roll_deg / HABIT_ROLL_DEG) ** 2 / 4 + (pitch_deg / habit_sigma_deg) ** 2 / 2)


def _judged(lines: _Lines, up: F64, sigma_deg: float, focal_sigma: float, unusual_deg: float) -> Vertical:
    """Widen the error by what the fit cannot know.

    Segments that disagree; few segments, which may agree by chance, the more so on an unusual direction; and a focal
    length that is off by its sigma, which turns the pitch.
    """
    angle = lines.angle_deg(up)
    agree, close = angle < INLIER_DEG, angle < COMPETITOR_DEG
    share = float(lines.length[agree].sum() / max(lines.length[close].sum(), 1e-12))
    few = FEW / int(agree.sum())
    pitch_deg = math.degrees(math.asin(min(1.0, abs(float(up[2])))))
    fit_deg = sigma_deg * math.sqrt(1 + few) / max(share, 0.1)
    total = math.hypot(fit_deg, focal_sigma * pitch_deg, UNUSUAL * unusual_deg * math.sqrt(few))
    return Vertical(up, total, int(agree.sum()), share)
