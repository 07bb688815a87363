"""Where a picture is taken from: intrinsics, height, pitch and roll. The canonical frame is the scene's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spatialgen.records import F64, Camera

_NEAR_M = 0.05


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """A pinhole camera `height_m` above the canonical origin, its optical axis in the canonical yz plane.

    `pitch_deg` is downward positive; `roll_deg` turns the camera about its axis, clockwise as the camera sees it.
    """

    width: int
    height: int
    camera: Camera
    height_m: float
    pitch_deg: float
    roll_deg: float

    @property
    def center_m(self) -> F64:
        """The camera centre (3,), canonical."""
        return np.array([0.0, 0.0, self.height_m])

    @property
    def R_canonical_from_camera(self) -> F64:
        """Rotation (3, 3) from OpenCV camera axes to canonical axes."""
        pitch, roll = np.radians(self.pitch_deg), np.radians(self.roll_deg)
        forward = np.array([0.0, np.cos(pitch), -np.sin(pitch)])
        level_right = np.array([1.0, 0.0, 0.0])
        level_down = np.array([0.0, -np.sin(pitch), -np.cos(pitch)])
        right = np.cos(roll) * level_right + np.sin(roll) * level_down
        down = -np.sin(roll) * level_right + np.cos(roll) * level_down
        return np.column_stack([right, down, forward])

    @property
    def up_camera(self) -> F64:
        """Unit vector (3,) against gravity, in camera axes."""
        up: F64 = self.R_canonical_from_camera[2].copy()
        return up

    def in_camera(self, direction: F64) -> F64:
        """Return a canonical direction (3,) in OpenCV camera axes."""
        turned: F64 = direction @ self.R_canonical_from_camera
        return turned

    def ray_directions(self) -> F64:
        """Return canonical directions (H, W, 3) of the pixels' rays, scaled so that t is z-depth."""
        u = (np.arange(self.width) - self.camera.cx) / self.camera.fx
        v = (np.arange(self.height) - self.camera.cy) / self.camera.fy
        R = self.R_canonical_from_camera
        return u[None, :, None] * R[:, 0] + v[:, None, None] * R[:, 1] + R[:, 2]

    def project(self, points_m: F64) -> tuple[F64, F64]:
        """Return pixels (N, 2) and z-depths (N,) of canonical points (N, 3); pixels mean nothing where z <= 0."""
        local = (points_m - self.center_m) @ self.R_canonical_from_camera
        z = local[:, 2]
        safe = np.where(np.abs(z) < 1e-9, 1e-9, z)
        u = self.camera.fx * local[:, 0] / safe + self.camera.cx
        v = self.camera.fy * local[:, 1] / safe + self.camera.cy
        return np.column_stack([u, v]), z

    def window(self, corners_m: F64) -> tuple[slice, slice] | None:
        """Return rows and columns that the convex hull of points (N, 3) can touch, None if it is out of view."""
        pixels, z = self.project(corners_m)
        if z.max() <= _NEAR_M:
            return None
        if z.min() <= _NEAR_M:
            return slice(0, self.height), slice(0, self.width)
        u0, v0 = np.floor(pixels.min(axis=0)).astype(int).tolist()
        u1, v1 = (np.ceil(pixels.max(axis=0)).astype(int) + 1).tolist()
        rows = slice(max(v0, 0), min(max(v1, 0), self.height))
        columns = slice(max(u0, 0), min(max(u1, 0), self.width))
        return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


def pinhole(width: int, height: int, fov_deg: float) -> Camera:
    """Return square-pixel intrinsics centred in the image, with the given horizontal field of view."""
    focal = width / 2 / np.tan(np.radians(fov_deg) / 2)
    return Camera(focal, focal, (width - 1) / 2, (height - 1) / 2)
