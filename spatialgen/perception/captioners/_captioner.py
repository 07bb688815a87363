"""What captioners that look at crops share: the crops of all objects of a call, batch after batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import Field

from spatialgen.perception.captioners._crops import Crop, crops_of
from spatialgen.perception.captioners._texts import object_texts
from spatialgen.perception.checkpoints import HubConfig
from spatialgen.perception.network import NetworkBackend
from spatialgen.perception.pretrained import chunks, load_model, load_processor
from spatialgen.records import Frame, ObjectText


class CropConfig(HubConfig):
    """`context` is how much of the box's sides the crop shows beyond each side of the box.

    `crops_per_pass` crops go through the network at a time; `max_chars` is the length of a caption, whole clauses.
    """

    batch_size: int = Field(8, ge=1)
    crops_per_pass: int = Field(16, ge=1)
    context: float = Field(0.5, ge=0)
    beams: int = Field(3, ge=1)
    max_new_tokens: int = Field(32, ge=1)
    max_chars: int = Field(80, ge=8)


CC = TypeVar("CC", bound=CropConfig)


class CropCaptioner(NetworkBackend[CC], ABC):
    """The objects of all images of a call share batches: their crops are all resized to the network's square."""

    role = "captioner"

    def setup(self, device: str) -> None:
        """Load the network. Raises WeightsError."""
        from transformers import AutoProcessor

        folder = self.checkpoint.fetch()
        self._model = load_model(self._model_class(), folder, self.config.dtype, device)
        self._processor = load_processor(AutoProcessor, folder)

    def describe(self, frames: Sequence[Frame]) -> list[tuple[ObjectText, ...]]:
        """Return one text an object of each frame; frames have detections and instances."""
        crops = [crop for frame in frames for crop in crops_of(frame, self.config.context)]
        said = [text for part in chunks(crops, self.config.crops_per_pass) for text in self._say(part)]
        return object_texts(frames, said, self.config.max_chars)

    @abstractmethod
    def _model_class(self) -> Any:
        """Return the class of transformers."""

    @abstractmethod
    def _inputs(self, crops: Sequence[Crop]) -> Any:
        """Return what the network is given for these crops."""

    def _say(self, crops: Sequence[Crop]) -> list[str]:
        import torch

        inputs = self._inputs(crops).to(self._model.device, self._model.dtype)
        with torch.inference_mode():
            tokens = self._model.generate(
                **inputs,
                max_new_tokens=self.config.max_new_tokens,
                num_beams=self.config.beams,
                do_sample=False,
            )
        texts: list[str] = self._processor.batch_decode(tokens, skip_special_tokens=True)
        return texts
