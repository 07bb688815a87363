"""Up, from the scene alone: level surfaces, upright surfaces, and the picture's own top as a prior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spatialgen.geometry.camera import unproject
from spatialgen.geometry.frames import PICTURE_UP
from spatialgen.geometry.grid import Grid
from spatialgen.geometry.noise import DepthNoise, local_noise
from spatialgen.records import F32, F64, Bool, Camera, Gravity
from spatialgen.seeding import rng

MIN_SAMPLES = 60
PRIOR_SIGMA_DEG = 40.0
"""How far the picture's top usually is from up: people hold cameras upright, and look down more than up."""

FARTHEST_DEG = 58.0
"""A level surface farther from the prior would be looked at from right above; as likely it is a wall, looked up at."""

_CLUSTER_COS = float(np.cos(np.radians(7.0)))
_UPRIGHT_SINE = float(np.sin(np.radians(8.0)))
_SEEDS = 48
_MOST_FITTED = 0.5
WORST_SIGMA_DEG = 4.0
"""A direction less certain than this is no use: silence is better."""


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """A plane fitted to inverse depth: unit normal (3,) towards the camera, its covariance (3, 3), samples used."""

    normal: F64
    covariance: F64
    count: int


def gravity_from_scene(grid: Grid, camera: Camera, prior: Gravity | None) -> Gravity | None:
    """Return the up direction that the depth map speaks for, or None where it says too little.

    The normals' densest cluster near the prior is level ground or table tops. Planes are then fitted to its largest
    level surface and to upright surfaces, and up is what agrees with all of them, each weighted by its own error,
    which the planes' residuals tell.
    """
    points = unproject(camera, grid.u_px, grid.v_px[:, None], grid.depth_m)
    normals = grid_normals(points)
    center = PICTURE_UP if prior is None else prior.up_camera
    spread = PRIOR_SIGMA_DEG if prior is None else max(2 * prior.sigma_deg, 5.0)
    rough = _level_direction(normals, center, spread)
    if rough is None:
        return None
    noise = local_noise(grid, 0.0)
    level, upright = _planes(grid, camera, points, normals, rough, noise)
    if level is None and not upright:
        return None
    up, sigma = _agree(rough, level, upright)
    if sigma > WORST_SIGMA_DEG or up @ rough < np.cos(np.radians(10)):
        return None
    return Gravity(up, sigma, "floor" if level is not None else "vertical_structure")


def grid_normals(points_m: F32) -> F32:
    """Return unit normals (3, h, w) towards the camera of a grid of points, NaN at the border and at depth edges."""
    normals = np.full(points_m.shape, np.nan, np.float32)
    a = points_m[:, 1:-1, 2:] - points_m[:, 1:-1, :-2]
    b = points_m[:, 2:, 1:-1] - points_m[:, :-2, 1:-1]
    n = np.stack([b[1] * a[2] - b[2] * a[1], b[2] * a[0] - b[0] * a[2], b[0] * a[1] - b[1] * a[0]])
    with np.errstate(divide="ignore", invalid="ignore"):
        n /= np.sqrt((n**2).sum(axis=0))
        inverse = 1 / points_m[2]
        bend = np.abs(inverse[1:-1, 2:] + inverse[1:-1, :-2] - 2 * inverse[1:-1, 1:-1])
        bend += np.abs(inverse[2:, 1:-1] + inverse[:-2, 1:-1] - 2 * inverse[1:-1, 1:-1])
        n[:, ~(bend < 0.03 * inverse[1:-1, 1:-1])] = np.nan
    normals[:, 1:-1, 1:-1] = n
    return normals


def _level_direction(normals: F32, center: F64, spread_deg: float) -> F64 | None:
    """Return the mean of the densest cluster of normals, those near `center` counting more; None if all are thin."""
    flat = normals.reshape(3, -1)
    flat = flat[:, np.isfinite(flat[0])]
    near = flat[:, center.astype(np.float32) @ flat > np.cos(np.radians(FARTHEST_DEG))]
    if near.shape[1] < MIN_SAMPLES:
        return None
    seeds = near[:, rng("gravity", near.shape[1]).integers(0, near.shape[1], _SEEDS)]
    alike = seeds.T @ near > _CLUSTER_COS
    angles = np.degrees(np.arccos(np.clip(center @ seeds, -1, 1)))
    score = alike.sum(axis=1) * np.exp(-0.5 * (angles / spread_deg) ** 2)
    mean = near[:, alike[int(np.argmax(score))]].mean(axis=1).astype(np.float64)
    for _ in range(3):
        mean /= np.linalg.norm(mean)
        inside = near[:, mean.astype(np.float32) @ near > _CLUSTER_COS]
        if inside.shape[1] < MIN_SAMPLES:
            return None
        mean = inside.mean(axis=1).astype(np.float64)
    return np.asarray(mean / np.linalg.norm(mean))


def _planes(
    grid: Grid, camera: Camera, points_m: F32, normals: F32, up: F64, noise: DepthNoise
) -> tuple[Plane | None, list[Plane]]:
    """Return the largest level plane, if any, and the largest upright planes of two directions."""
    with np.errstate(invalid="ignore"):
        along = np.tensordot(up.astype(np.float32), normals, axes=1)
        is_level, is_upright = along > _CLUSTER_COS, np.abs(along) < _UPRIGHT_SINE
    level = _largest_plane(grid, camera, points_m, up, is_level, noise)
    upright: list[Plane] = []
    for _ in range(2):
        if is_upright.sum() < MIN_SAMPLES:
            break
        direction = _densest(normals[:, is_upright])
        with np.errstate(invalid="ignore"):
            alike = is_upright & (np.tensordot(direction, normals, axes=1) > _CLUSTER_COS)
        plane = _largest_plane(grid, camera, points_m, direction.astype(np.float64), alike, noise)
        if plane is not None:
            upright.append(plane)
        with np.errstate(invalid="ignore"):
            is_upright &= np.abs(np.tensordot(direction, normals, axes=1)) < 0.9
    return level, upright


def _densest(normals: F32) -> F32:
    """Return the member of normals (3, N) that most others are close to, of a few."""
    seeds = normals[:, :: max(1, normals.shape[1] // _SEEDS)]
    return np.asarray(seeds[:, int(np.argmax((seeds.T @ normals > _CLUSTER_COS).sum(axis=1)))])


def _largest_plane(
    grid: Grid, camera: Camera, points_m: F32, direction: F64, member: Bool, noise: DepthNoise
) -> Plane | None:
    """Fit the plane across `direction` on which most members lie."""
    if member.sum() < MIN_SAMPLES:
        return None
    with np.errstate(invalid="ignore"):
        off = -np.tensordot(direction.astype(np.float32), points_m, axes=1)
        usable = member & (off > 0.1)
    if usable.sum() < MIN_SAMPLES:
        return None
    bins = (np.log(off[usable] / 0.1) / 0.04).astype(np.intp)
    counts = np.convolve(np.bincount(bins), np.ones(3), mode="same")
    middle = 0.1 * float(np.exp(0.04 * (int(np.argmax(counts)) + 0.5)))
    inside = usable & (np.abs(off / middle - 1) < 0.09)
    return fit_plane(grid, camera, inside, noise) if inside.sum() >= MIN_SAMPLES else None


def fit_plane(grid: Grid, camera: Camera, member: Bool, noise: DepthNoise) -> Plane | None:
    """Fit normal . ray = -1 / depth by least squares to relative errors of depth, dropping outliers twice.

    The covariance counts smooth errors once a patch: it is inflated by the residuals' own correlation length. It is
    at least what the scene's `noise` makes of it, since members were chosen for being alike. None where the members
    cover so few patches that any plane would fit them.
    """
    x = np.broadcast_to((grid.u_px - camera.cx) / camera.fx, member.shape)
    y = np.broadcast_to(((grid.v_px - camera.cy) / camera.fy)[:, None], member.shape)
    solution = np.zeros(3)
    inverse_normal: F64 = np.eye(3)
    residual_map = np.full(member.shape, np.nan)
    for _ in range(3):
        if member.sum() < MIN_SAMPLES:
            return None
        depth = grid.depth_m[member].astype(np.float64)
        A = np.column_stack([x[member], y[member], np.ones(len(depth))]) * depth[:, None]
        normal_matrix = A.T @ A
        if np.linalg.cond(normal_matrix) > 1e12:
            return None
        inverse_normal = np.asarray(np.linalg.inv(normal_matrix), np.float64)
        solution = inverse_normal @ A.sum(axis=0)
        residual = A @ solution - 1
        residual_map[:] = np.nan
        residual_map[member] = residual
        spread = 1.4826 * float(np.median(np.abs(residual)))
        member = member.copy()
        member[member] = np.abs(residual) < max(3 * spread, 1e-5)
    size = float(np.linalg.norm(solution))
    count = int(np.isfinite(residual_map).sum())
    patch = _patch_samples(residual_map)
    fitted = 3.0 * patch / count  # share of the error's freedom that the fit itself takes up and the residual hides
    if fitted > _MOST_FITTED:
        return None
    expected = noise.sigma**2 * max(2 * np.pi * (noise.reach_px / grid.stride) ** 2, 1.0)
    variance = max(float(np.nanmean(residual_map**2)) / (1 - fitted) ** 2 * patch, expected, 1e-9)
    turn = (np.eye(3) - np.outer(solution, solution) / size**2) / size
    return Plane(-solution / size, turn @ (inverse_normal * variance) @ turn.T, count)


def _patch_samples(residual: NDArray[np.float64]) -> float:
    """Return how many samples share one error: the sum of the autocorrelation, along rows and columns, squared."""
    total = 0.0
    power = float(np.nanmean(residual**2))
    if power < 1e-10:
        return 1.0
    for lag in range(1, min(residual.shape) // 3):
        products = np.concatenate(
            [(residual[lag:] * residual[:-lag]).ravel(), (residual[:, lag:] * residual[:, :-lag]).ravel()]
        )
        seen = np.isfinite(products)
        if seen.sum() < MIN_SAMPLES // 2:
            break
        correlation = float(products[seen].mean()) / power
        if correlation < 0.1:
            break
        total += correlation
    return (1 + 2 * total) ** 2


def _agree(rough: F64, level: Plane | None, upright: list[Plane]) -> tuple[F64, float]:
    """Return the unit vector that best fits all planes, weighted by their errors, and its error in degrees."""
    start = rough if level is None else level.normal
    side = np.cross(start, [1.0, 0.0, 0.0] if abs(start[0]) < 0.9 else [0.0, 1.0, 0.0])
    side /= np.linalg.norm(side)
    basis = np.stack([side, np.cross(start, side)])
    floor_error = np.radians(0.01) ** 2
    information, pull = np.eye(2) / np.radians(15.0) ** 2, np.zeros(2)
    if level is not None:
        information = information + np.linalg.inv(basis @ level.covariance @ basis.T + floor_error * np.eye(2))
    for plane in upright:
        row = basis @ plane.normal
        weight = 1 / (float(start @ plane.covariance @ start) + np.radians(0.3) ** 2)
        information = information + weight * np.outer(row, row)
        pull -= weight * row * float(start @ plane.normal)
    covariance = np.linalg.inv(information)
    up = start + (covariance @ pull) @ basis
    return up / np.linalg.norm(up), float(np.degrees(np.sqrt(np.linalg.eigvalsh(covariance)[-1])))
