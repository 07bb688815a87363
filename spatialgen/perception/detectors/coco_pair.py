"""Two small detectors of the same 80 classes that vouch for each other: SSDLite-MobileNetV2 and NanoDet.

Each sees a snowboard in a box of groceries now and then, but not the same one. What both see is taken for sure, as
far as two witnesses can be; what one alone sees is only perhaps there, unless it is nearly certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from spatialgen.perception.detectors import coco_ssd, nanodet
from spatialgen.perception.detectors._windowed import WindowedConfig, one_a_thing
from spatialgen.perception.duplicates import make_detections, pairwise_overlap
from spatialgen.records import F32, I32, U8, Detections, ModelUse

AGREE_IOU = 0.45
AGREED = 1.2  # times the mean score of two that agree


class Config(WindowedConfig):
    """`witness_score`: the least of each detector's own scores; `alone`: by which a single witness's is multiplied.

    `min_score` is that of the result; see also `WindowedConfig`.
    """

    backend: Literal["coco_pair"] = "coco_pair"
    witness_score: float = Field(0.2, gt=0, lt=1)
    alone: float = Field(0.55, gt=0, le=1)


class Backend:
    """The detector; see the module."""

    version = "1"
    batch_size = 16
    weights = (*coco_ssd.Backend.weights, *nanodet.Backend.weights)

    def __init__(self, config: Config) -> None:
        self._config = config
        options = {"min_score": config.witness_score, "max_objects": 100, "tiles": config.tiles}
        self._witnesses = (
            coco_ssd.Backend(coco_ssd.Config.model_validate(options)),
            nanodet.Backend(nanodet.Config.model_validate(options)),
        )

    def setup(self, device: str) -> None:
        """Load both networks; they run on the CPU whatever `device` says. Raises WeightsError."""
        for witness in self._witnesses:
            witness.setup(device)

    def models(self) -> tuple[ModelUse, ...]:
        """Return the networks with the licences of their weights."""
        return tuple(use for witness in self._witnesses for use in witness.models())

    def close(self) -> None:
        """Let the networks go."""
        for witness in self._witnesses:
            witness.close()

    def detect(self, images: Sequence[U8]) -> list[Detections]:
        """Return what is seen in each image (H, W, 3) uint8 RGB, best score first, one box a thing."""
        both = [witness.detect(images) for witness in self._witnesses]
        return [
            self._settle(one, other, (image.shape[1], image.shape[0]))
            for one, other, image in zip(*both, images, strict=True)
        ]

    def _settle(self, one: Detections, other: Detections, size_wh: tuple[int, int]) -> Detections:
        boxes, scores, labels = testimony(one, other, self._config.alone)
        keep = np.flatnonzero(scores >= self._config.min_score)
        found = make_detections(boxes[keep], scores[keep], [labels[i] for i in keep], size_wh)
        return one_a_thing(found, self._config.max_objects)


def testimony(one: Detections, other: Detections, alone: float) -> tuple[F32, F32, list[str]]:
    """Return boxes (N, 4), scores (N,) and labels of what two detectors see together and each alone.

    Two boxes of one label that overlap by at least 0.45 are one thing: its box is their mean, weighted by score, and
    its score 1.2 times theirs, at most 1. A single one's score is `alone` of its own.
    """
    partner = _partners(one, other)
    free = np.setdiff1d(np.arange(len(other)), partner)
    both = np.flatnonzero(partner >= 0)
    a, b = one.scores[both], other.scores[partner[both]]
    weight = (a / np.maximum(a + b, 1e-6))[:, None]
    boxes, scores = one.boxes_px.copy(), alone * one.scores
    boxes[both] = weight * one.boxes_px[both] + (1 - weight) * other.boxes_px[partner[both]]
    scores[both] = np.maximum(np.minimum(1.0, AGREED * (a + b) / 2), alone * np.maximum(a, b))
    return (
        np.concatenate([boxes, other.boxes_px[free]]).astype(np.float32),
        np.concatenate([scores, alone * other.scores[free]]).astype(np.float32),
        [*one.labels, *(other.labels[int(j)] for j in free)],
    )


def _partners(one: Detections, other: Detections) -> I32:
    """Return for each detection the index of the other's that it agrees with most, -1 for none; one to one."""
    overlap = pairwise_overlap(np.concatenate([one.boxes_px, other.boxes_px]))[0][: len(one), len(one) :]
    same = np.array([[a == b for b in other.labels] for a in one.labels], bool).reshape(overlap.shape)
    fit = np.where(same & (overlap >= AGREE_IOU), overlap, 0.0)
    partner = np.full(len(one), -1, np.int32)
    for i in range(len(one) if len(other) else 0):
        j = int(np.argmax(fit[i]))
        if fit[i, j] > 0:
            partner[i] = j
            fit[:, j] = 0.0
    return partner
