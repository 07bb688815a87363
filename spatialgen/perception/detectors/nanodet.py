"""NanoDet-g (Lyu 2021): 80 everyday classes, 416 x 416, an anchor-free detector with few misses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from spatialgen.perception import weights
from spatialgen.perception.detectors._coco import COCO_LABELS
from spatialgen.perception.detectors._windowed import Look, WindowedConfig, WindowedDetector, shrunk
from spatialgen.perception.onnx_session import cpu_session
from spatialgen.perception.tfjs import load_graph, to_onnx
from spatialgen.records import F32, U8

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SIDE = 416
STRIDES = (8, 16, 32)
BINS = 11  # of the distribution of each distance, in strides
INPUT = "input_1"
PREFIX = "PartitionedCall/onnx_tf_prefix_"
CLASS_OUTPUTS = tuple(f"{PREFIX}Sigmoid_{k}" for k in (154, 165, 176))  # (1, 80, h, w) for each stride
SIDE_OUTPUTS = tuple(f"{PREFIX}Split_{k}:1" for k in (153, 164, 175))  # (1, 4 * BINS, h, w)
MEAN_BGR = np.array([103.53, 116.28, 123.675], np.float32)
STD_BGR = np.array([57.375, 57.12, 58.395], np.float32)
LABELS = tuple(COCO_LABELS.values())
FAINTEST = 0.05  # of scores; lower ones are never decoded


class Config(WindowedConfig):
    """See `WindowedConfig`."""

    backend: Literal["nanodet"] = "nanodet"


class Backend(WindowedDetector):
    """The detector; see the module."""

    version = "1"
    weights = ("nanodet",)

    def setup(self, device: str) -> None:
        """Load the graph; it runs on the CPU whatever `device` says. Raises WeightsError."""
        graph = load_graph(weights.path("nanodet"))
        self._session = cpu_session(to_onnx(graph, {INPUT: (1, 3, SIDE, SIDE)}, CLASS_OUTPUTS + SIDE_OUTPUTS))

    def look(self, crop: U8, session: InferenceSession) -> Look:
        """Return what is seen in a crop (h, w, 3) uint8 RGB, several boxes a thing."""
        blue_first = (shrunk(crop, SIDE)[..., ::-1] - MEAN_BGR) / STD_BGR
        outputs = session.run(None, {INPUT: np.ascontiguousarray(blue_first.transpose(2, 0, 1)[None])})
        levels = [_level(*level) for level in zip(outputs[:3], outputs[3:], STRIDES, strict=True)]
        boxes, scores, classes = (np.concatenate(parts) for parts in zip(*levels, strict=True))
        return Look(boxes, scores, tuple(LABELS[int(c)] for c in classes))


def _level(classes: F32, sides: F32, stride: int) -> tuple[F32, F32, F32]:
    """Return boxes (N, 4) in 0 .. 1, scores (N,) and classes (N,) of one level of the pyramid."""
    rows, cols = classes.shape[2:]
    by_class = classes.reshape(classes.shape[1], -1)
    scores = by_class.max(axis=0)
    keep = np.flatnonzero(scores > FAINTEST)
    odds = np.exp(sides.reshape(4, BINS, -1)[:, :, keep].astype(np.float64))
    far = (odds * np.arange(BINS)[None, :, None]).sum(axis=1) / odds.sum(axis=1) * stride
    u, v = (keep % cols + 0.5) * stride, (keep // cols + 0.5) * stride
    boxes = np.stack([u - far[0], v - far[1], u + far[2], v + far[3]], axis=1)
    extent = np.array([cols, rows, cols, rows]) * stride
    return (boxes / extent).astype(np.float32), scores[keep], by_class[:, keep].argmax(axis=0).astype(np.float32)
