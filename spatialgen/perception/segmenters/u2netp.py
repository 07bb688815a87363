"""Masks from boxes with U2-Net-p (Qin et al. 2020) and GrabCut (Rother et al. 2004).

The network says what stands out in the crop around a box; a prior for the middle of the box and the depth map
(what is at the depth of that middle belongs to the thing, what is farther does not) correct it where something else
stands out; GrabCut then finds the edges in the colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from spatialgen.perception import weights
from spatialgen.perception.instances import depth_at_pixels
from spatialgen.perception.onnx_session import cpu_session
from spatialgen.records import F32, U8, Bool, DepthMap, ModelUse

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SIDE = 320
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
PADDING = 0.15  # of the box's sides, so that the network sees what is around the thing
SMALLEST_PART = 0.1  # of the largest connected part; smaller ones are dropped
SALIENT = 0.4  # mean salience in the box, below which something else stands out and the rest counts for more
SAME_SHAPE = 0.6  # intersection over union with the mask before GrabCut, below which its result is not believed
DEPTH_WIDTH = 0.2  # of the logarithm of depth, between a thing and what is behind it


class Config(BaseModel):
    """`work_px`: longer side of a crop while its edges are found; `rounds` of GrabCut, 0 for none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: Literal["u2netp"] = "u2netp"
    work_px: int = Field(192, ge=32)
    rounds: int = Field(3, ge=0)


class Backend:
    """The segmenter; see the module."""

    version = "1"
    uses_gpu = False
    batch_size = 1  # nothing is gained by more, and the masks of 30 objects of a 12 megapixel photo take 360 MB
    weights = ("u2netp",)

    def __init__(self, config: Config) -> None:
        self._config = config
        self._session: InferenceSession | None = None

    def setup(self, device: str) -> None:
        """Load the network; it runs on the CPU whatever `device` says. Raises WeightsError."""
        self._session = cpu_session(weights.path("u2netp"))

    def models(self) -> tuple[ModelUse, ...]:
        """Return the network with the licence of its weights."""
        return (weights.use("u2netp"),)

    def close(self) -> None:
        """Let the network go."""
        self._session = None

    def segment(self, images: Sequence[U8], boxes_px: Sequence[F32], depths: Sequence[DepthMap]) -> list[Bool]:
        """Return the masks (N, H, W) bool of the N boxes of each image; a mask never leaves its box."""
        masks = []
        for image, boxes, depth in zip(images, boxes_px, depths, strict=True):
            seen = depth_at_pixels(depth, (image.shape[1], image.shape[0]))
            one = [self._cut_out(image, box, seen) for box in boxes]
            masks.append(np.stack(one) if one else np.zeros((0, *image.shape[:2]), bool))
        return masks

    def _cut_out(self, image: U8, box: F32, depth: F32) -> Bool:
        import cv2

        height, width = image.shape[:2]
        x0, y0, x1, y1 = _padded(box, (width, height))
        scale = min(1.0, self._config.work_px / max(x1 - x0, y1 - y0))
        size = (max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale)))
        crop = np.asarray(cv2.resize(image[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA), np.uint8)
        local = (box - np.array([x0, y0, x0, y0])) * np.array([size[0] / (x1 - x0), size[1] / (y1 - y0)] * 2)
        near = cv2.resize(depth[y0:y1, x0:x1], size, interpolation=cv2.INTER_NEAREST)
        likely = likelihood(self._salience(crop), np.asarray(near, np.float32), local.astype(np.float32))
        small = _largest_parts(grab_cut(crop, likely, self._config.rounds))
        mask = np.zeros((height, width), bool)
        up = cv2.resize(small.astype(np.float32), (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        mask[y0:y1, x0:x1] = up > 0.5
        return mask & _inside((width, height), box)

    def _salience(self, crop: U8) -> F32:
        import cv2

        if self._session is None:
            raise AssertionError("setup comes before segment")
        small = cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR).astype(np.float32)
        small = (small / max(float(small.max()), 1.0) - MEAN) / STD
        raw = self._session.run(None, {self._session.get_inputs()[0].name: small.transpose(2, 0, 1)[None]})[0]
        low, high = float(raw.min()), float(raw.max())
        even = (raw[0, 0] - low) / max(high - low, 1e-6)
        return np.asarray(cv2.resize(even, crop.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def likelihood(salience: F32, depth: F32, box: F32) -> F32:
    """Return how likely each pixel (h, w) of a crop belongs to the thing in `box`, 0 .. 1, 0 outside the box.

    `salience` 0 .. 1 and `depth` (metres, NaN where there is no reading) are of the crop's size.
    """
    inside = _inside(salience.shape[::-1], box)
    middle = _middle(salience.shape[::-1], box)
    core = inside & (salience * middle > 0.3)
    readings = depth[(core if core.any() else inside) & np.isfinite(depth)]
    same = np.full(salience.shape, 0.5, np.float32)
    if len(readings):
        away = np.log(np.where(np.isfinite(depth), depth, np.median(readings)) / np.median(readings))
        same = np.exp(-0.5 * (away / DEPTH_WIDTH) ** 2).astype(np.float32)
    stands_out = float(salience[inside].mean()) if inside.any() else 0.0
    trust = 0.5 * min(1.0, stands_out / SALIENT)
    likely = (trust * salience + (1 - trust) * (middle + same) / 2) * inside
    return np.asarray(likely, np.float32)


def grab_cut(crop: U8, likely: F32, rounds: int) -> Bool:
    """Return the mask (h, w) whose colours and edges in `crop` fit `likely` best; the same for the same input."""
    import cv2

    sure, maybe = likely > 0.85, likely > 0.5
    if rounds == 0 or not maybe.any() or maybe.all():
        return maybe
    state = np.where(maybe, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    state[sure], state[likely < 0.15] = cv2.GC_FGD, cv2.GC_BGD
    cv2.setRNGSeed(0)
    colours = np.zeros((1, 65)), np.zeros((1, 65))
    bgr = np.ascontiguousarray(crop[..., ::-1])
    cv2.grabCut(bgr, state, (0, 0, 1, 1), *colours, rounds, cv2.GC_INIT_WITH_MASK)
    cut: Bool = np.isin(state, (cv2.GC_FGD, cv2.GC_PR_FGD))
    overlap = np.count_nonzero(cut & maybe) / np.count_nonzero(cut | maybe)
    return cut if overlap >= SAME_SHAPE else maybe


def _padded(box: F32, size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    margin = PADDING * (box[2:] - box[:2])
    low = np.floor(np.maximum(box[:2] - margin, 0)).astype(int)
    high = np.ceil(np.minimum(box[2:] + margin, size_wh)).astype(int)
    return int(low[0]), int(low[1]), int(max(high[0], low[0] + 1)), int(max(high[1], low[1] + 1))


def _inside(size_wh: tuple[int, ...], box: F32) -> Bool:
    """Return which pixels' centres are in `box` (edge coordinates)."""
    u, v = np.arange(size_wh[0]) + 0.5, np.arange(size_wh[1]) + 0.5
    inside: Bool = ((v >= box[1]) & (v < box[3]))[:, None] & ((u >= box[0]) & (u < box[2]))[None, :]
    return inside


def _middle(size_wh: tuple[int, ...], box: F32) -> F32:
    """Return a bell over the middle of `box`, 1 at its centre and 0.3 at the middle of its sides."""
    centre, half = (box[:2] + box[2:]) / 2, np.maximum((box[2:] - box[:2]) / 2, 0.5)
    u = (np.arange(size_wh[0]) + 0.5 - centre[0]) / half[0]
    v = (np.arange(size_wh[1]) + 0.5 - centre[1]) / half[1]
    bell: F32 = np.exp(-1.2 * (u[None, :] ** 2 + v[:, None] ** 2)).astype(np.float32)
    return bell


def _largest_parts(mask: Bool) -> Bool:
    import cv2

    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count <= 2:
        return mask
    areas = stats[1:, cv2.CC_STAT_AREA]
    large: Bool = np.isin(parts, np.flatnonzero(areas >= SMALLEST_PART * areas.max()) + 1)
    return large
