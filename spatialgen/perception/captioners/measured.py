"""Words that can be measured: the dominant colour of an object's pixels. No network.

Says nothing where the colours are mixed, the object is small, or most of it is too dark or too bright to tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from spatialgen.perception.captioners._colors import dominant_color
from spatialgen.perception.plain import PlainBackend
from spatialgen.records import I32, U8, Bool, Frame, ObjectText

EDGE_SHARE = 0.08  # of the square root of an object's area: pixels nearer to its edge may be another thing's


class Config(BaseModel):
    """A colour is said if `min_share` of the pixels have it and `min_lead` more than have any other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: Literal["measured"] = "measured"
    min_share: float = Field(0.6, gt=0, le=1)
    min_lead: float = Field(0.35, ge=0, le=1)
    min_pixels: int = Field(64, ge=1)


class Backend(PlainBackend[Config]):
    """The captioner; see the module."""

    def describe(self, frames: Sequence[Frame]) -> list[tuple[ObjectText, ...]]:
        """Return a colour word or None for each object of each frame, of the pixels well inside its mask."""
        return [self._describe(frame) for frame in frames]

    def _describe(self, frame: Frame) -> tuple[ObjectText, ...]:
        from scipy.ndimage import find_objects

        if frame.instances is None or frame.detections is None:
            raise AssertionError("describe comes after segment")
        ids, count = frame.instances.ids, len(frame.detections)
        windows = find_objects(ids, max_label=count)
        return tuple(
            ObjectText() if window is None else self._text(frame.rgb, ids, k + 1, window)
            for k, window in enumerate(windows)
        )

    def _text(self, rgb: U8, ids: I32, value: int, window: tuple[slice, slice]) -> ObjectText:
        around = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in window)
        pixels = rgb[around][well_inside(ids[around] == value)]
        if len(pixels) < self.config.min_pixels:
            return ObjectText()
        return ObjectText(color=dominant_color(pixels, self.config.min_share, self.config.min_lead))


def well_inside(mask: Bool) -> Bool:
    """Return the pixels of `mask` (H, W) away from its edge, by a distance that grows with its size."""
    import cv2

    margin = EDGE_SHARE * float(np.sqrt(np.count_nonzero(mask)))
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    core: Bool = np.asarray(distance, np.float32) > margin
    return core
