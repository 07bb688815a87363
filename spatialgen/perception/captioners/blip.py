"""BLIP (arXiv:2201.12086) in transformers: a caption of the crop around each object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from spatialgen.perception.captioners._captioner import CropCaptioner, CropConfig
from spatialgen.perception.captioners._crops import Crop


class Config(CropConfig):
    """See `CropConfig`. Little context by default: BLIP is told nothing of the box."""

    backend: Literal["blip"] = "blip"
    model: str = "Salesforce/blip-image-captioning-base"
    context: float = Field(0.1, ge=0)
    max_new_tokens: int = Field(24, ge=1)


class Backend(CropCaptioner[Config]):
    """The captioner; see `CropCaptioner`."""

    def _model_class(self) -> Any:
        from transformers import BlipForConditionalGeneration

        return BlipForConditionalGeneration

    def _inputs(self, crops: Sequence[Crop]) -> Any:
        return self._processor(images=[crop.rgb for crop in crops], return_tensors="pt")
