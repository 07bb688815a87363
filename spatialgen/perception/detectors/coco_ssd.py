"""SSDLite-MobileNetV2 (Liu 2016, Sandler 2018): 80 everyday classes in 10 ms on one CPU core.

The network sees 300 x 300 pixels, so that small things vanish in a large photo. With `tiles` it also looks at
overlapping quarters of the image; a box that touches a tile's inner edge may be a part of a thing and is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from spatialgen.perception import weights
from spatialgen.perception.detectors._coco import COCO_LABELS
from spatialgen.perception.duplicates import distinct_boxes, make_detections, take
from spatialgen.perception.onnx_session import cpu_session
from spatialgen.perception.tfjs import load_graph, to_onnx
from spatialgen.records import F32, U8, Bool, Detections, ModelUse

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SIDE = 300
INPUT = "Preprocessor/sub"
LEVELS = 6
BOX_OUTPUTS = tuple(f"BoxPredictor_{k}/BoxEncodingPredictor/BiasAdd" for k in range(LEVELS))
CLASS_OUTPUTS = tuple(f"BoxPredictor_{k}/ClassPredictor/BiasAdd" for k in range(LEVELS))
ANCHORS = "Postprocessor/ExpandDims"  # (1, A, 4) y0, x0, y1, x1 in 0 .. 1
CLASSES = 91  # 0 is nothing
BOX_SCALE = np.array([10.0, 10.0, 5.0, 5.0])
MIN_TILED = 400  # pixels of the shorter side, below which tiles show nothing new
TILE_SHARE = 0.6  # of the image's side, so that neighbours overlap by a fifth
TILE_EDGE = 0.02  # of the tile's side: nearer to an inner edge, a box is taken for a part

Window = tuple[int, int, int, int]  # x0, y0, x1, y1, pixels


class Config(BaseModel):
    """`min_score` in 0 .. 1; `max_objects` an image, best first; `tiles` looks at quarters too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: Literal["coco_ssd"] = "coco_ssd"
    min_score: float = Field(0.5, gt=0, lt=1)
    max_objects: int = Field(30, ge=1)
    tiles: bool = True


class Backend:
    """The detector; see the module."""

    version = "1"
    uses_gpu = False
    batch_size = 16
    weights = ("coco-ssd",)

    def __init__(self, config: Config) -> None:
        self._config = config
        self._session: InferenceSession | None = None
        self._anchors: F32 = np.zeros((0, 4), np.float32)

    def setup(self, device: str) -> None:
        """Load the graph; it runs on the CPU whatever `device` says. Raises WeightsError."""
        graph = load_graph(weights.path("coco-ssd"))
        model = to_onnx(graph, {INPUT: (1, SIDE, SIDE, 3)}, BOX_OUTPUTS + CLASS_OUTPUTS)
        self._anchors = graph.constants[ANCHORS].reshape(-1, 4)
        self._session = cpu_session(model)

    def models(self) -> tuple[ModelUse, ...]:
        """Return the network with the licence of its weights."""
        return (weights.use("coco-ssd"),)

    def close(self) -> None:
        """Let the network go."""
        self._session = None

    def detect(self, images: Sequence[U8]) -> list[Detections]:
        """Return what is seen in each image (H, W, 3) uint8 RGB, best score first, one box a thing."""
        return [self._detect(image) for image in images]

    def _detect(self, image: U8) -> Detections:
        height, width = image.shape[:2]
        windows = list(_windows(width, height, self._config.tiles))
        parts = [self._look(image, window, (width, height)) for window in windows]
        boxes, scores, classes = (np.concatenate(group) for group in zip(*parts, strict=True))
        found = make_detections(boxes, scores, [COCO_LABELS[int(c)] for c in classes], (width, height))
        distinct = distinct_boxes(found.boxes_px, found.scores, found.labels)
        return take(found, distinct[: self._config.max_objects])

    def _look(self, image: U8, window: Window, size_wh: tuple[int, int]) -> tuple[F32, F32, F32]:
        """Return boxes (N, 4) in pixels of the image, scores (N,) and class ids (N,) seen in one window."""
        x0, y0, x1, y1 = window
        encoded, logits = self._run(image[y0:y1, x0:x1])
        likely = logits.argmax(axis=1)
        scores = 1.0 / (1.0 + np.exp(-logits[np.arange(len(logits)), likely]))
        ids = (likely + 1).astype(np.float32)
        keep = (scores >= self._config.min_score) & np.isin(ids, list(COCO_LABELS))
        unit = _decode(encoded[keep], self._anchors[keep])
        whole = _whole(unit, window, size_wh)
        size = np.array([x1 - x0, y1 - y0] * 2, np.float32)
        boxes = unit[whole] * size + np.array([x0, y0] * 2, np.float32)
        return boxes.astype(np.float32), scores[keep][whole].astype(np.float32), ids[keep][whole]

    def _run(self, crop: U8) -> tuple[F32, F32]:
        import cv2

        if self._session is None:
            raise AssertionError("setup comes before detect")
        shrinks = min(crop.shape[:2]) > SIDE
        small = cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        outputs = self._session.run(None, {INPUT: small[None].astype(np.float32) / 127.5 - 1.0})
        encoded = np.concatenate([o.reshape(-1, 4) for o in outputs[:LEVELS]])
        logits = np.concatenate([o.reshape(-1, CLASSES) for o in outputs[LEVELS:]])
        return encoded, logits[:, 1:]


def _windows(width: int, height: int, tiles: bool) -> Iterator[Window]:
    """Yield the whole image and, where it is large enough to gain by it, its overlapping quarters."""
    yield (0, 0, width, height)
    if not tiles or min(width, height) < MIN_TILED:
        return
    across, down = round(width * TILE_SHARE), round(height * TILE_SHARE)
    for y0 in (0, height - down):
        for x0 in (0, width - across):
            yield (x0, y0, x0 + across, y0 + down)


def _decode(encoded: F32, anchors: F32) -> F32:
    """Return boxes (N, 4) x0, y0, x1, y1 in 0 .. 1 of the window from offsets to the anchors."""
    size = anchors[:, 2:] - anchors[:, :2]
    dy, dx, dh, dw = (encoded / BOX_SCALE).T
    cy = dy * size[:, 0] + (anchors[:, 0] + anchors[:, 2]) / 2
    cx = dx * size[:, 1] + (anchors[:, 1] + anchors[:, 3]) / 2
    h, w = np.exp(dh) * size[:, 0], np.exp(dw) * size[:, 1]
    return np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1).astype(np.float32)


def _whole(unit: F32, window: Window, size_wh: tuple[int, int]) -> Bool:
    """Return which boxes (N, 4) in 0 .. 1 of a window keep clear of those edges that are not the image's."""
    x0, y0, x1, y1 = window
    inner = np.array([x0 > 0, y0 > 0, x1 < size_wh[0], y1 < size_wh[1]])
    near = np.concatenate([unit[:, :2] < TILE_EDGE, unit[:, 2:] > 1 - TILE_EDGE], axis=1)
    parts: Bool = (near & inner).any(axis=1)
    return ~parts
