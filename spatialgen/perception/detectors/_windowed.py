"""Small detectors with a fixed input size, looking at a photo as a whole and at its overlapping quarters.

Small things vanish when a large photo is shrunk to 300 pixels. A box that touches a quarter's inner edge may be a
part of a thing and is dropped.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from spatialgen.perception import weights
from spatialgen.perception.duplicates import distinct_boxes, make_detections, take
from spatialgen.records import F32, U8, Bool, Detections, ModelUse

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MIN_TILED = 400  # pixels of the shorter side, below which tiles show nothing new
TILE_SHARE = 0.6  # of the image's side, so that neighbours overlap by a fifth
TILE_EDGE = 0.02  # of the tile's side: nearer to an inner edge, a box is taken for a part

Window = tuple[int, int, int, int]  # x0, y0, x1, y1, pixels


class WindowedConfig(BaseModel):
    """`min_score` in 0 .. 1; `max_objects` an image, best first; `tiles` looks at quarters too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_score: float = Field(0.5, gt=0, lt=1)
    max_objects: int = Field(30, ge=1)
    tiles: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What is seen in one window: `boxes` (N, 4) x0, y0, x1, y1 in 0 .. 1 of it, `scores` (N,), N `labels`."""

    boxes: F32
    scores: F32
    labels: tuple[str, ...]


class WindowedDetector(ABC):
    """A detector around one ONNX session; subclasses load it and say what it sees in a window."""

    batch_size = 16
    weights: tuple[str, ...]

    def __init__(self, config: WindowedConfig) -> None:
        self._config = config
        self._session: InferenceSession | None = None

    @abstractmethod
    def setup(self, device: str) -> None:
        """Load the network; it runs on the CPU whatever `device` says. Raises WeightsError."""

    @abstractmethod
    def look(self, crop: U8, session: InferenceSession) -> Look:
        """Return what is seen in a crop (h, w, 3) uint8 RGB, several boxes a thing."""

    def models(self) -> tuple[ModelUse, ...]:
        """Return the network with the licence of its weights."""
        return tuple(weights.use(name) for name in self.weights)

    def close(self) -> None:
        """Let the network go."""
        self._session = None

    def detect(self, images: Sequence[U8]) -> list[Detections]:
        """Return what is seen in each image (H, W, 3) uint8 RGB, best score first, one box a thing."""
        if self._session is None:
            raise AssertionError("setup comes before detect")
        return [self._detect(image, self._session) for image in images]

    def _detect(self, image: U8, session: InferenceSession) -> Detections:
        size_wh = (image.shape[1], image.shape[0])
        boxes, scores, labels = [np.zeros((0, 4), np.float32)], [np.zeros(0, np.float32)], []
        for x0, y0, x1, y1 in windows(*size_wh, self._config.tiles):
            seen = self.look(image[y0:y1, x0:x1], session)
            keep = (seen.scores >= self._config.min_score) & whole_things(seen.boxes, (x0, y0, x1, y1), size_wh)
            scale = np.array([x1 - x0, y1 - y0] * 2, np.float32)
            boxes.append(seen.boxes[keep] * scale + np.array([x0, y0] * 2, np.float32))
            scores.append(seen.scores[keep])
            labels += [seen.labels[i] for i in np.flatnonzero(keep)]
        return one_a_thing(
            make_detections(np.concatenate(boxes), np.concatenate(scores), labels, size_wh), self._config.max_objects
        )


def one_a_thing(found: Detections, max_objects: int) -> Detections:
    """Return the distinct detections, best first, at most `max_objects`."""
    return take(found, distinct_boxes(found.boxes_px, found.scores, found.labels)[:max_objects])


def windows(width: int, height: int, tiles: bool) -> Iterator[Window]:
    """Yield the whole image and, where it is large enough to gain by it, its overlapping quarters."""
    yield (0, 0, width, height)
    if not tiles or min(width, height) < MIN_TILED:
        return
    across, down = round(width * TILE_SHARE), round(height * TILE_SHARE)
    for y0 in (0, height - down):
        for x0 in (0, width - across):
            yield (x0, y0, x0 + across, y0 + down)


def whole_things(boxes: F32, window: Window, size_wh: tuple[int, int]) -> Bool:
    """Return which boxes (N, 4) in 0 .. 1 of a window keep clear of those edges that are not the image's."""
    x0, y0, x1, y1 = window
    inner = np.array([x0 > 0, y0 > 0, x1 < size_wh[0], y1 < size_wh[1]])
    near = np.concatenate([boxes[:, :2] < TILE_EDGE, boxes[:, 2:] > 1 - TILE_EDGE], axis=1)
    parts: Bool = (near & inner).any(axis=1)
    return ~parts


def shrunk(crop: U8, side: int) -> F32:
    """Return a crop (h, w, 3) as (side, side, 3) float32, 0 .. 255, averaged where it gets smaller."""
    import cv2

    method = cv2.INTER_AREA if min(crop.shape[:2]) > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, (side, side), interpolation=method), np.float32)
