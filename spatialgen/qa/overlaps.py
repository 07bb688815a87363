"""How far the upright boxes of two objects reach into each other, with errors: what says surely in, on or apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spatialgen.qa.arrays import F64, I64, SceneArrays, norm, projected_sigma
from spatialgen.qa.measures import both_orders, level_sigma


@dataclass(frozen=True, slots=True, eq=False)
class Footprints:
    """Ordered pairs (i, j) from above. `depth` (n, 4): how far they overlap along the sides of i and then of j, metres,
    negative where they are apart; `sigma` its error; `extent` how far i reaches along the same lines."""

    i: I64
    j: I64
    depth: F64
    sigma: F64
    extent: F64

    def least_share(self, sigmas: float) -> F64:
        """Return the share of i inside j, at the least, (n,)."""
        share: F64 = _clipped(self.depth - sigmas * self.sigma, self.extent)[:, 2:].prod(axis=1)
        return share

    def largest_share(self, sigmas: float) -> F64:
        """Return the share of i inside j, at the most, (n,)."""
        reach = self.depth + sigmas * self.sigma
        share: F64 = _clipped(reach, self.extent)[:, :2].prod(axis=1)
        return np.where((reach <= 0.0).any(axis=1), 0.0, share)


def footprints(a: SceneArrays) -> Footprints:
    """Return how the footprints of every ordered pair of `a.p` overlap, (2 P,).

    Along a line on which they are apart they surely do not overlap at all. Round footprints are discs.
    """
    i, j, vector, cov = both_orders(a)
    axes = np.concatenate([_sides(a, i, vector), _sides(a, j, vector)], axis=1)
    (half_i, sigma_i), (half_j, sigma_j) = _reach(a, i, axes), _reach(a, j, axes)
    between = np.abs((axes * vector[:, None, :2]).sum(axis=2))
    flat = np.concatenate([axes, np.zeros((len(i), 4, 1))], axis=2)
    shift = np.stack([projected_sigma(cov, flat[:, k]) for k in range(4)], axis=1)
    sigma = np.sqrt(sigma_i**2 + sigma_j**2 + shift**2)
    return Footprints(i, j, half_i + half_j - between, sigma, 2.0 * half_i)


def levels(a: SceneArrays) -> tuple[F64, F64]:
    """Return how far the heights of the ordered pairs overlap, metres, negative where they are apart, and its error."""
    z, p = a.o.z, a.p
    i_upper = a.o.center[p.i, 2] >= a.o.center[p.j, 2]
    upper, lower = np.where(i_upper, p.i, p.j), np.where(i_upper, p.j, p.i)
    depth = np.minimum(z[p.i, 1], z[p.j, 1]) - np.maximum(z[p.i, 0], z[p.j, 0])
    sigma = level_sigma(a, upper, 0, lower, 1)
    return np.concatenate([depth, depth]), np.concatenate([sigma, sigma])


def share_of(depth: F64, extent: F64) -> F64:
    """Return which share of `extent` an overlap of `depth` is, 0 .. 1."""
    return _clipped(depth, extent)


def _clipped(depth: F64, extent: F64) -> F64:
    share: F64 = np.clip(depth / np.maximum(extent, 1e-9), 0.0, 1.0)
    return share


def _sides(a: SceneArrays, index: I64, vector: F64) -> F64:
    """The directions (n, 2, 2) of the sides of a footprint; of a round one, to the other object and across."""
    yaw = np.radians(a.o.yaw[index])
    length = np.maximum(norm(vector[:, :2]), 1e-9)
    known = np.isfinite(yaw)
    x = np.where(known, np.cos(yaw), vector[:, 0] / length)
    y = np.where(known, np.sin(yaw), vector[:, 1] / length)
    return np.stack([np.stack([x, y], axis=1), np.stack([-y, x], axis=1)], axis=1)


def _reach(a: SceneArrays, index: I64, axes: F64) -> tuple[F64, F64]:
    """How far a footprint reaches from its centre along `axes` (n, 4, 2), and its error, (n, 4) each."""
    yaw = np.radians(a.o.yaw[index])[:, None]
    half, sigma = a.o.size[index, :2] / 2.0, a.o.size_sigma[index, :2] / 2.0
    along = np.abs(axes[..., 0] * np.cos(yaw) + axes[..., 1] * np.sin(yaw))
    across = np.abs(axes[..., 1] * np.cos(yaw) - axes[..., 0] * np.sin(yaw))
    turn = np.radians(a.o.yaw_sigma[index])[:, None] * np.abs(across * half[:, :1] - along * half[:, 1:])
    reach = along * half[:, :1] + across * half[:, 1:]
    error = np.sqrt((along * sigma[:, :1]) ** 2 + (across * sigma[:, 1:]) ** 2 + turn**2)
    is_round = np.isnan(yaw)
    return np.where(is_round, half[:, :1], reach), np.where(is_round, sigma[:, :1], error)
