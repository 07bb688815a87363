"""Exact extents of whole things: the upright box of least footprint, intervals along any direction, centres.

Everything follows from the support function h(d) = max of d . x over a thing, which each solid has in closed form.
Nothing here is shared with `spatialgen.geometry`: this is what that package is judged by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from spatialgen.records import F64
from spatialgen.testing.primitives import Ball, Box, Frustum, Solid

_ROUND_RATIO = 1.05


@dataclass(frozen=True, slots=True, eq=False)
class UprightBox:
    """The upright box of a whole thing, canonical metres: `center_m` (3,); length >= width; yaw of the length axis
    in [0, 180), counter-clockwise from +x, None for square and round footprints; `corners_m` (4, 2) from above."""

    center_m: F64
    length_m: float
    width_m: float
    height_m: float
    yaw_deg: float | None
    corners_m: F64

    @property
    def volume_m3(self) -> float:
        """Length times width times height."""
        return self.length_m * self.width_m * self.height_m


def reach(solids: Sequence[Solid], directions: F64) -> F64:
    """Return h (K,) of the solids together for directions (K, 3), which need not be of unit length."""
    farthest: F64 = np.max([_reach(solid, directions) for solid in solids], axis=0)
    return farthest


def interval(solids: Sequence[Solid], direction: F64) -> tuple[float, float]:
    """Return the smallest and largest d . x over the solids."""
    high, low = reach(solids, np.stack([direction, -direction]))
    return -float(low), float(high)


def _reach(solid: Solid, directions: F64) -> F64:
    local = directions @ solid.rotation
    base: F64 = directions @ solid.center_m
    if isinstance(solid, Box):
        return base + np.abs(local) @ solid.half_m
    if isinstance(solid, Ball):
        lengths: F64 = np.sqrt((directions**2).sum(axis=1))
        return base + solid.radius_m * lengths
    if isinstance(solid, Frustum):
        flat = np.hypot(local[:, 0], local[:, 1])
        top = solid.top_radius_m * flat + solid.half_height_m * local[:, 2]
        bottom = solid.bottom_radius_m * flat - solid.half_height_m * local[:, 2]
        return base + np.maximum(top, bottom)
    raise TypeError(f"no support function for {type(solid).__name__}; add one to spatialgen.testing.truth.extents")


def upright_box(solids: Sequence[Solid]) -> UprightBox:
    """Return the box with vertical sides, the full height and the smallest footprint area."""
    yaw = _best_yaw(solids)
    along, across = _axes(yaw)
    (x0, x1), (y0, y1) = interval(solids, along), interval(solids, across)
    z0, z1 = interval(solids, np.array([0.0, 0.0, 1.0]))
    center = (x0 + x1) / 2 * along + (y0 + y1) / 2 * across + np.array([0.0, 0.0, (z0 + z1) / 2])
    corners = np.array([x * along + y * across for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))])[:, :2]
    first, second = x1 - x0, y1 - y0
    length, width = max(first, second), min(first, second)
    turned = np.degrees(yaw) + (0.0 if first >= second else 90.0)
    yaw_deg = None if length / width < _ROUND_RATIO else float(turned % 180.0)
    return UprightBox(center, length, width, z1 - z0, yaw_deg, corners)


def _axes(yaw: float) -> tuple[F64, F64]:
    c, s = float(np.cos(yaw)), float(np.sin(yaw))
    return np.array([c, s, 0.0]), np.array([-s, c, 0.0])


def footprint_area(solids: Sequence[Solid], yaws: F64) -> F64:
    """Return the area (K,) of the bounding rectangle at each yaw (K,), radians."""
    c, s, zero = np.cos(yaws), np.sin(yaws), np.zeros_like(yaws)
    along, across = np.column_stack([c, s, zero]), np.column_stack([-s, c, zero])
    h = [reach(solids, sign * axis) for axis in (along, across) for sign in (1, -1)]
    area: F64 = (h[0] + h[1]) * (h[2] + h[3])
    return area


def _best_yaw(solids: Sequence[Solid]) -> float:
    """Return the yaw in [0, pi/2) of least area: the sides of boxes are tried as they are, the rest by search."""
    sides = [float(np.arctan2(axis[1], axis[0])) for s in solids for axis in s.rotation.T if np.hypot(*axis[:2]) > 1e-6]
    flush: F64 = np.unique(np.round(np.mod(np.array(sides, dtype=np.float64), np.pi / 2), 12))
    grid = np.radians(np.arange(0.0, 90.0, 0.5))
    areas = footprint_area(solids, grid)
    candidates = [(float(area), float(yaw)) for yaw, area in zip(flush, footprint_area(solids, flush), strict=True)]
    local = (areas <= np.roll(areas, 1)) & (areas <= np.roll(areas, -1))
    for k in np.flatnonzero(local)[np.argsort(areas[local])][:4]:
        found = minimize_scalar(
            lambda yaw: float(footprint_area(solids, np.array([yaw]))[0]),
            bounds=(grid[k] - np.radians(0.5), grid[k] + np.radians(0.5)),
            method="bounded",
            options={"xatol": 1e-7},
        )
        candidates.append((float(found.fun), float(found.x)))
    best = min(area for area, _ in candidates)
    # A flush side wins a tie, so that a plain box gets its own axes to the last digit.
    return next(yaw for area, yaw in candidates if area <= best * (1 + 1e-9)) % (np.pi / 2)
