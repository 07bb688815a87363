"""Scenes straight from upright boxes, without pictures: thousands a second, to test what comes after lifting.

Every truth about them follows by algebra. The camera stands 1.5 m above the floor and looks along +y.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spatialgen.records import (
    Camera,
    Floor,
    Gravity,
    ObjectGeometry,
    ObjectText,
    PairGeometry,
    Scale,
    Scene,
    SceneObject,
)

CAMERA_HEIGHT_M = 1.5
FOCAL_PX, WIDTH, HEIGHT = 500.0, 640, 480


@dataclass(frozen=True)
class Box:
    """An upright box: centre (m, canonical), length, width, height (m), yaw (degrees)."""

    label: str
    center: tuple[float, float, float]
    size: tuple[float, float, float]
    name: str | None = None
    color: str | None = None
    yaw: float = 0.0
    sigma: float = 0.002
    on: str | None = "floor"
    cut: tuple[str, ...] = ()
    solid: bool = True
    facing: float | None = None
    caption: str | None = None


def make_scene(
    boxes: Sequence[Box],
    image_id: str = "room",
    *,
    scale: float = 0.0,
    gravity_sigma: float = 0.0,
    gravity: bool = True,
    floor: bool = True,
    forward: bool = True,
    ids: Sequence[str] | None = None,
) -> Scene:
    """Return the scene of `boxes`, ids "1", "2" .. unless given; gaps are those of boxes along the axes (yaw 0).

    `scale` and `gravity_sigma` (degrees) are errors of the scene; without `gravity`, `floor`, `forward` it has none.
    """
    names = list(ids) if ids else [str(k + 1) for k in range(len(boxes))]
    objects = tuple(_object(box, name) for box, name in zip(boxes, names, strict=True))
    return Scene(
        image_id=image_id,
        content_sha256=hashlib.sha256(image_id.encode()).hexdigest(),
        width=WIDTH,
        height=HEIGHT,
        camera=Camera(FOCAL_PX, FOCAL_PX, (WIDTH - 1) / 2, (HEIGHT - 1) / 2),
        gravity=Gravity(np.array([0.0, -1.0, 0.0]), gravity_sigma, "given") if gravity else None,
        forward_defined=forward,
        floor=Floor(CAMERA_HEIGHT_M, 0.001) if floor else None,
        scale=Scale(scale, "given"),
        depth_source="sensor",
        depth_sigma=0.001,
        depth_range_m=(1.0, 6.0),
        camera_center_m=np.array([0.0, 0.0, CAMERA_HEIGHT_M]),
        objects=objects,
        pairs=tuple(
            _pair(boxes, i, j)
            for i in range(len(boxes))
            for j in range(i + 1, len(boxes))
            if boxes[i].solid and boxes[j].solid
        ),
        depth_samples=np.array([[100.0, 200.0, 2.5, 0.005], [400.0, 300.0, 1.8, 0.004]], np.float32),
        free_floor_m=np.array([[0.5, 2.0, 0.42, 420.0, 400.0]], np.float32),
    )


def _object(box: Box, object_id: str) -> SceneObject:
    x, y, z = box.center
    length, width, height = box.size
    u, v = FOCAL_PX * x / y + (WIDTH - 1) / 2, FOCAL_PX * (CAMERA_HEIGHT_M - z) / y + (HEIGHT - 1) / 2
    half_u, half_v = FOCAL_PX * length / y / 2, FOCAL_PX * height / y / 2
    bounds = np.array([u - half_u, v - half_v, u + half_u, v + half_v], np.float32)
    bounds = np.clip(bounds, 0, [WIDTH, HEIGHT, WIDTH, HEIGHT]).astype(np.float32)
    pixels = int(max(1, (bounds[2] - bounds[0]) * (bounds[3] - bounds[1])))
    return SceneObject(
        object_id=object_id,
        label=box.label,
        name=box.name,
        text=ObjectText(box.color, box.caption),
        score=1.0,
        box_px=bounds,
        mask_rle=b"",
        pixels=pixels,
        centroid_px=np.array([u, v]),
        cut=box.cut,
        visible_share=1.0,
        median_depth_m=y,
        nearest_depth_m=y - width / 2,
        depth_sigma_m=box.sigma,
        geometry=_geometry(box) if box.solid else None,
    )


def _geometry(box: Box) -> ObjectGeometry:
    length, width, height = box.size
    turned = abs(np.cos(np.radians(box.yaw))) * length + abs(np.sin(np.radians(box.yaw))) * width
    x, _, z = box.center
    s = box.sigma
    return ObjectGeometry(
        center_m=np.array(box.center, np.float64),
        center_cov_m2=np.eye(3) * s**2,
        size_m=np.array(box.size, np.float64),
        size_sigma_m=np.full(3, s),
        volume_sigma=float(s * np.linalg.norm(1.0 / np.array(box.size))),
        yaw_deg=None if length / width < 1.05 else box.yaw,
        yaw_sigma_deg=1.0,
        x_interval_m=np.array([x - turned / 2, x + turned / 2]),
        width_sigma_m=s,
        z_interval_m=np.array([z - height / 2, z + height / 2]),
        z_sigma_m=np.full(2, s),
        support_id=box.on,
        points_m=np.zeros((0, 3), np.float32),
        facing_deg=box.facing,
        facing_sigma_deg=2.0,
    )


def _pair(boxes: Sequence[Box], i: int, j: int) -> PairGeometry:
    a, b = boxes[i], boxes[j]
    lo_a, hi_a = np.array(a.center) - np.array(a.size) / 2, np.array(a.center) + np.array(a.size) / 2
    lo_b, hi_b = np.array(b.center) - np.array(b.size) / 2, np.array(b.center) + np.array(b.size) / 2
    between = np.maximum(0.0, np.maximum(lo_a - hi_b, lo_b - hi_a))
    shared = np.maximum(0.0, np.minimum(hi_a, hi_b) - np.maximum(lo_a, lo_b))
    footprint = shared[0] * shared[1]
    return PairGeometry(
        a=i,
        b=j,
        gap_m=float(np.linalg.norm(between)),
        gap_sigma_m=float(np.hypot(a.sigma, b.sigma)),
        inside_ab=float(footprint / (a.size[0] * a.size[1])),
        inside_ba=float(footprint / (b.size[0] * b.size[1])),
        rest_ab_m=float(lo_a[2] - hi_b[2]) if footprint > 0 else float("nan"),
        rest_ba_m=float(lo_b[2] - hi_a[2]) if footprint > 0 else float("nan"),
        rest_sigma_m=float(np.hypot(a.sigma, b.sigma)),
    )


# Label, usual length, width and height (m), and whether it stands on the floor.
_KINDS = (
    ("table", (1.4, 0.8, 0.73), True),
    ("chair", (0.5, 0.48, 0.9), True),
    ("sofa", (2.0, 0.9, 0.8), True),
    ("lamp", (0.35, 0.33, 1.5), True),
    ("shelf", (0.9, 0.35, 1.7), True),
    ("crate", (0.5, 0.4, 0.35), True),
    ("stool", (0.4, 0.38, 0.5), True),
    ("mug", (0.12, 0.09, 0.1), False),
    ("book", (0.24, 0.17, 0.04), False),
    ("vase", (0.16, 0.15, 0.32), False),
)
_COLORS = ("red", "blue", "green", "yellow", "black", "white")
_TABLE_HEIGHT_M = 0.73


def furnished_boxes(seed: int, n: int) -> list[Box]:
    """Return n pieces of furniture and small things of usual sizes, give or take a third, at random places."""
    rng = np.random.default_rng(seed)
    boxes = []
    for k in range(n):
        label, usual, on_floor = _KINDS[int(rng.integers(len(_KINDS)))]
        length, width, height = (float(v) for v in np.array(usual) * np.exp(rng.normal(0.0, 0.25, 3)))
        bottom = 0.0 if on_floor else _TABLE_HEIGHT_M
        place = (float(rng.uniform(-2.5, 2.5)), float(rng.uniform(1.5, 6.0)), bottom + height / 2)
        size = (max(length, width), min(length, width), height)
        name = f"{_COLORS[int(rng.integers(len(_COLORS)))]} {label} {k + 1}"
        boxes.append(Box(label, place, size, name=name, sigma=0.004, on="floor" if on_floor else None))
    return boxes
