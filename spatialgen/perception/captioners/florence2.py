"""Florence-2 (arXiv:2311.06242) in transformers: what is in a region, in a few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

from spatialgen.perception.captioners._crops import Crop, crops_of
from spatialgen.perception.captioners._texts import object_texts
from spatialgen.perception.checkpoints import HubConfig
from spatialgen.perception.pretrained import chunks, load_model, load_processor
from spatialgen.records import F32, Frame, ModelUse, ObjectText

BINS = 1000  # location tokens <loc_0> .. <loc_999> along each side


class Config(HubConfig):
    """`task` asks about the object's region in the crop around it, or for a caption of the crop as a whole.

    `context` is how much of the box's sides the crop shows beyond each side of the box.
    """

    backend: Literal["florence2"] = "florence2"
    model: str = "florence-community/Florence-2-base"
    batch_size: int = Field(8, ge=1)
    crops_per_pass: int = Field(16, ge=1)
    task: Literal["region", "category", "caption"] = "region"
    context: float = Field(0.5, ge=0)
    beams: int = Field(3, ge=1)
    max_new_tokens: int = Field(32, ge=1)
    max_chars: int = Field(80, ge=8)


class Backend:
    """The objects of all images of a call share batches: their crops are all resized to the network's square."""

    version = "1"
    uses_gpu = True

    def __init__(self, config: Config) -> None:
        self.config = config
        self.checkpoint = config.checkpoint()
        self.batch_size = config.batch_size
        self.weights = (self.checkpoint.key,)
        self._model: Any = None

    def setup(self, device: str) -> None:
        """Load the network. Raises WeightsError."""
        from transformers import AutoProcessor, Florence2ForConditionalGeneration

        folder = self.checkpoint.fetch()
        self._model = load_model(Florence2ForConditionalGeneration, folder, self.config.dtype, device)
        self._processor = load_processor(AutoProcessor, folder)

    def models(self) -> tuple[ModelUse, ...]:
        """Return the checkpoint with its licence."""
        return (self.checkpoint.use("captioner"),)

    def close(self) -> None:
        """Let go of the network."""
        self._model = None

    def describe(self, frames: Sequence[Frame]) -> list[tuple[ObjectText, ...]]:
        """Return one text an object of each frame; frames have detections and instances."""
        crops = [crop for frame in frames for crop in crops_of(frame, self.config.context)]
        said = [text for part in chunks(crops, self.config.crops_per_pass) for text in self._say(part)]
        return object_texts(frames, said, self.config.max_chars)

    def _say(self, crops: Sequence[Crop]) -> list[str]:
        import torch

        inputs = self._processor(
            text=[prompt(self.config.task, crop) for crop in crops],
            images=[crop.rgb for crop in crops],
            padding=True,
            return_tensors="pt",
        ).to(self._model.device, self._model.dtype)
        with torch.inference_mode():
            tokens = self._model.generate(
                **inputs,
                max_new_tokens=self.config.max_new_tokens,
                num_beams=self.config.beams,
                do_sample=False,
            )
        texts: list[str] = self._processor.batch_decode(tokens, skip_special_tokens=True)
        return texts


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
