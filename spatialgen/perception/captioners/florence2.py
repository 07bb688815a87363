"""Florence-2 (arXiv:2311.06242) in transformers: what is in a region, in a few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from spatialgen.perception.captioners._captioner import CropCaptioner, CropConfig
from spatialgen.perception.captioners._crops import Crop
from spatialgen.records import F32

BINS = 1000  # location tokens <loc_0> .. <loc_999> along each side


class Config(CropConfig):
    """See `CropConfig`. `task` asks about the object's region in the crop, or for a caption of the whole crop."""

    backend: Literal["florence2"] = "florence2"
    model: str = "florence-community/Florence-2-base"
    task: Literal["region", "category", "caption"] = "region"


class Backend(CropCaptioner[Config]):
    """The captioner; see `CropCaptioner`."""

    def _model_class(self) -> Any:
        from transformers import Florence2ForConditionalGeneration

        return Florence2ForConditionalGeneration

    def _inputs(self, crops: Sequence[Crop]) -> Any:
        text = [prompt(self.config.task, crop) for crop in crops]
        return self._processor(text=text, images=[crop.rgb for crop in crops], padding=True, return_tensors="pt")


def prompt(task: str, crop: Crop) -> str:
    """Return the task's prompt, with the object's region where the task takes one."""
    if task == "caption":
        return "<CAPTION>"
    token = "<REGION_TO_DESCRIPTION>" if task == "region" else "<REGION_TO_CATEGORY>"
    height, width = crop.rgb.shape[:2]
    return token + "".join(f"<loc_{bin_}>" for bin_ in location_bins(crop.box_px, (width, height)))


def location_bins(box_px: F32, size_wh: tuple[int, int]) -> list[int]:
    """Return the four location tokens 0 .. 999 of box (4,), edge coordinates, in an image of this size."""
    shares = box_px / np.array([*size_wh, *size_wh])
    return [int(b) for b in np.clip(np.floor(shares * BINS), 0, BINS - 1)]
