"""Scripted backends: what a stage does with what a backend returns is tested apart from any network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spatialgen.perception.duplicates import make_detections
from spatialgen.records import Camera, DepthMap, Detections, Frame, Gravity, ModelUse, ObjectText

SIZE_WH = (32, 24)
USE = ModelUse("whatever it calls itself", "fake", "1", "MIT")


@dataclass(frozen=True)
class Config:
    """Stands for a backend's configuration; `answer` makes the results from the call's arguments."""

    backend: str
    answer: Callable[..., Any]


class Backend:
    """Counts its calls, and answers as the configuration says, whichever role it plays."""

    version = "7"
    uses_gpu = True
    batch_size = 3
    weights = ("fake",)

    def __init__(self, config: Config) -> None:
        self.answer = config.answer
        self.devices: list[str] = []
        self.calls: list[int] = []

    def setup(self, device: str) -> None:
        self.devices.append(device)

    def models(self) -> tuple[ModelUse, ...]:
        return (USE,)

    def close(self) -> None:
        self.devices.append("closed")

    def respond(self, *arguments: Sequence[Any]) -> Any:
        self.calls.append(len(arguments[0]))
        return self.answer(*arguments)

    detect = estimate = segment = describe = intrinsics = up = respond


def frame(name: str = "a", **fields: Any) -> Frame:
    """Return a frame of a plain picture of SIZE_WH."""
    rgb = np.full((SIZE_WH[1], SIZE_WH[0], 3), 90, np.uint8)
    return Frame(image_id=name, path=name, original_sha256="", rgb=rgb, **fields)


def found(*rows: tuple[float, float, float, float, str]) -> Detections:
    """Return detections of x0, y0, x1, y1, label with falling scores."""
    boxes = np.array([r[:4] for r in rows], np.float32).reshape(-1, 4)
    falling = np.linspace(0.9, 0.5, len(rows)).astype(np.float32)
    return make_detections(boxes, falling, [r[4] for r in rows], SIZE_WH)


def flat_depth(metres: float = 2.0) -> DepthMap:
    """Return a depth map of one value."""
    return DepthMap(np.full((SIZE_WH[1], SIZE_WH[0]), metres, np.float32), "test", 0.1, 0.1)


def box_masks(boxes: np.ndarray) -> np.ndarray:
    """Return the masks (N, H, W) that fill boxes of whole pixels."""
    masks = np.zeros((len(boxes), SIZE_WH[1], SIZE_WH[0]), bool)
    for mask, (x0, y0, x1, y1) in zip(masks, np.asarray(boxes).astype(int), strict=True):
        mask[y0:y1, x0:x1] = True
    return masks


CAMERA = Camera(30.0, 30.0, 15.5, 11.5)
UP = Gravity(np.array([0.0, -1.0, 0.0]), 3.0, "prior")
RED = ObjectText("red")
