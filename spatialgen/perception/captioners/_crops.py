"""The part of an image that a captioner is shown for one object: its box with some of what is around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spatialgen.records import F32, U8, Frame

SMALLEST_PX = 16


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """`rgb` (h, w, 3) uint8, and the object's box (4,) in edge coordinates of the crop."""

    rgb: U8
    box_px: F32


def crop_around(rgb: U8, box_px: F32, context: float) -> Crop:
    """Return `rgb` (H, W, 3) cut around box (4,), edge coordinates, with `context` of its sides on each side.

    The crop is whole pixels, inside the image, and at least 16 pixels wide and high where the image is.
    """
    height, width = rgb.shape[:2]
    box = box_px.astype(np.float64)
    center, side = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    half = np.maximum(side * (0.5 + context), SMALLEST_PX / 2)
    low = np.clip(np.floor(center - half), 0, [width - 1, height - 1]).astype(int)
    high = np.clip(np.ceil(center + half), low + 1, [width, height]).astype(int)
    inside = np.clip(box - np.tile(low, 2), 0, np.tile(high - low, 2)).astype(np.float32)
    return Crop(np.ascontiguousarray(rgb[low[1] : high[1], low[0] : high[0]]), inside)


def crops_of(frame: Frame, context: float) -> list[Crop]:
    """Return a crop for each detection of `frame`, in order."""
    if frame.detections is None:
        return []
    return [crop_around(frame.rgb, box, context) for box in frame.detections.boxes_px]
