"""BLIP (arXiv:2201.12086) in transformers: a caption of the crop around each object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from spatialgen.perception.captioners._crops import Crop, crops_of
from spatialgen.perception.captioners._texts import object_texts
from spatialgen.perception.checkpoints import HubConfig
from spatialgen.perception.pretrained import chunks, load_model, load_processor
from spatialgen.records import Frame, ModelUse, ObjectText


class Config(HubConfig):
    """`context` is how much of the box's sides the crop shows beyond each side: BLIP is told nothing of the box."""

    backend: Literal["blip"] = "blip"
    model: str = "Salesforce/blip-image-captioning-base"
    batch_size: int = Field(8, ge=1)
    crops_per_pass: int = Field(16, ge=1)
    context: float = Field(0.1, ge=0)
    beams: int = Field(3, ge=1)
    max_new_tokens: int = Field(24, ge=1)
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
        from transformers import AutoProcessor, BlipForConditionalGeneration

        folder = self.checkpoint.fetch()
        self._model = load_model(BlipForConditionalGeneration, folder, self.config.dtype, device)
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

        images = [crop.rgb for crop in crops]
        inputs = self._processor(images=images, return_tensors="pt").to(self._model.device, self._model.dtype)
        with torch.inference_mode():
            tokens = self._model.generate(
                pixel_values=inputs["pixel_values"],
                max_new_tokens=self.config.max_new_tokens,
                num_beams=self.config.beams,
                do_sample=False,
            )
        texts: list[str] = self._processor.batch_decode(tokens, skip_special_tokens=True)
        return texts
