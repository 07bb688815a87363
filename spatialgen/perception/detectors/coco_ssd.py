"""SSDLite-MobileNetV2 (Liu et al. 2016, Sandler et al. 2018): 80 everyday classes in 10 ms on one CPU core."""

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

SIDE = 300
INPUT = "Preprocessor/sub"
LEVELS = 6
BOX_OUTPUTS = tuple(f"BoxPredictor_{k}/BoxEncodingPredictor/BiasAdd" for k in range(LEVELS))
CLASS_OUTPUTS = tuple(f"BoxPredictor_{k}/ClassPredictor/BiasAdd" for k in range(LEVELS))
ANCHORS = "Postprocessor/ExpandDims"  # (1, A, 4) y0, x0, y1, x1 in 0 .. 1
CLASSES = 91  # 0 is nothing
BOX_SCALE = np.array([10.0, 10.0, 5.0, 5.0])
FAINTEST = 0.05  # of scores; lower ones are never decoded


class Config(WindowedConfig):
    """See `WindowedConfig`."""

    backend: Literal["coco_ssd"] = "coco_ssd"


class Backend(WindowedDetector):
    """The detector; see the module."""

    version = "2"
    weights = ("coco-ssd",)

    def setup(self, device: str) -> None:
        """Load the graph; it runs on the CPU whatever `device` says. Raises WeightsError."""
        graph = load_graph(weights.path("coco-ssd"))
        self._anchors: F32 = graph.constants[ANCHORS].reshape(-1, 4)
        self._session = cpu_session(to_onnx(graph, {INPUT: (1, SIDE, SIDE, 3)}, BOX_OUTPUTS + CLASS_OUTPUTS))

    def look(self, crop: U8, session: InferenceSession) -> Look:
        """Return what is seen in a crop (h, w, 3) uint8 RGB, several boxes a thing."""
        outputs = session.run(None, {INPUT: shrunk(crop, SIDE)[None] / np.float32(127.5) - np.float32(1.0)})
        encoded = np.concatenate([o.reshape(-1, 4) for o in outputs[:LEVELS]])
        logits = np.concatenate([o.reshape(-1, CLASSES) for o in outputs[LEVELS:]])[:, 1:]
        likely = logits.argmax(axis=1)
        scores = 1.0 / (1.0 + np.exp(-logits[np.arange(len(logits)), likely]))
        keep = (scores > FAINTEST) & np.isin(likely + 1, list(COCO_LABELS))
        labels = tuple(COCO_LABELS[int(i) + 1] for i in likely[keep])
        return Look(_decode(encoded[keep], self._anchors[keep]), scores[keep].astype(np.float32), labels)


def _decode(encoded: F32, anchors: F32) -> F32:
    """Return boxes (N, 4) x0, y0, x1, y1 in 0 .. 1 of the window from offsets to the anchors."""
    size = anchors[:, 2:] - anchors[:, :2]
    dy, dx, dh, dw = (encoded / BOX_SCALE).T
    cy = dy * size[:, 0] + (anchors[:, 0] + anchors[:, 2]) / 2
    cx = dx * size[:, 1] + (anchors[:, 1] + anchors[:, 3]) / 2
    h, w = np.exp(dh) * size[:, 0], np.exp(dw) * size[:, 1]
    return np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1).astype(np.float32)
