"""Scenes made by hand: whole objects as upright boxes, from which every truth follows by algebra."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    """Return a scene seen from (0, 0, 1.5 m), looking along +y; the gaps are those of boxes along the axes."""
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


def room(image_id: str = "room") -> Scene:
    """A furnished room: enough different things that every type of the spec has something to say."""
    return make_scene(ROOM, image_id)


ROOM = (
    Box("table", (-0.6, 3.0, 0.36), (1.4, 0.8, 0.72)),
    Box("mug", (-0.8, 2.9, 0.77), (0.09, 0.08, 0.10), name="red mug", on="1"),
    Box("chair", (0.9, 2.6, 0.45), (0.5, 0.45, 0.9), facing=182.0),
    Box("chair", (1.9, 3.4, 0.45), (0.5, 0.45, 0.9)),
    Box("sofa", (0.6, 5.2, 0.4), (2.0, 0.9, 0.8), color="blue"),
    Box("lamp", (-2.1, 4.6, 0.8), (0.3, 0.28, 1.6)),
    Box("crate", (0.2, 1.9, 0.2), (0.6, 0.5, 0.4), name="wooden crate"),
    Box("apple", (0.2, 1.9, 0.1), (0.08, 0.079, 0.08), on="7"),
)


def random_boxes(seed: int, n: int) -> list[Box]:
    """n boxes at random places, apart in nothing but chance."""
    rng = np.random.default_rng(seed)
    labels = ["table", "chair", "sofa", "lamp", "mug", "book", "crate", "ball", "shelf", "vase", "plant", "stool"]
    colors = ["red", "blue", "green", "yellow", "black", "white"]
    boxes = []
    for k in range(n):
        sides = np.sort(rng.uniform(0.08, 1.6, 2))[::-1]
        height = rng.uniform(0.08, 1.7)
        x, y, lift = rng.uniform(-2.5, 2.5), rng.uniform(1.5, 6.0), rng.choice([0.0, 0.0, 0.7])
        label, color = labels[k % len(labels)], colors[int(rng.integers(len(colors)))]
        boxes.append(
            Box(
                label,
                (float(x), float(y), float(lift + height / 2)),
                (float(sides[0]), float(sides[1]), float(height)),
                name=f"{color} {label} number {k + 1}",
                on="floor" if lift == 0.0 else None,
            )
        )
    return boxes


def mirrored(box: Box) -> Box:
    """The box as seen in a mirror that swaps left and right."""
    x, y, z = box.center
    return replace(box, center=(-x, y, z), yaw=(180.0 - box.yaw) % 180.0)
