"""The scenes of these tests: a furnished room, and boxes at random."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spatialgen.records import Scene
from spatialgen.testing.box_scenes import CAMERA_HEIGHT_M, Box, make_scene

__all__ = ["CAMERA_HEIGHT_M", "ROOM", "Box", "make_scene", "mirrored", "random_boxes", "room"]


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
