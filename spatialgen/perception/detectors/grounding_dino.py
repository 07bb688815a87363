"""Grounding DINO (arXiv:2303.05499) in transformers: finds the things whose names it is given.

The same code reads MM Grounding DINO checkpoints (arXiv:2401.02361), which have the same inputs and outputs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from spatialgen.perception.detectors._grounded import GroundedConfig, GroundedDetector
from spatialgen.perception.pretrained import load_model, load_processor

if TYPE_CHECKING:
    import torch


class Config(GroundedConfig):
    """See `GroundedConfig`; `model` is a checkpoint in the format of transformers."""

    backend: Literal["grounding_dino"] = "grounding_dino"
    model: str = "IDEA-Research/grounding-dino-tiny"
    dtype: Literal["float32"] = "float32"


class Backend(GroundedDetector[Config]):
    """The detector; see `GroundedDetector`."""

    def _load(self, path: Path, device: str) -> tuple[Any, Any, Any]:
        from transformers import AutoImageProcessor, AutoModelForZeroShotObjectDetection, AutoTokenizer

        model = load_model(AutoModelForZeroShotObjectDetection, path, self.config.dtype, device)
        return model, load_processor(AutoImageProcessor, path), load_processor(AutoTokenizer, path)

    def _max_text_len(self) -> int:
        return int(self._model.config.max_text_len)

    def _forward(self, pixels: torch.Tensor, text: str) -> tuple[torch.Tensor, torch.Tensor]:
        tokens = self._tokenizer([text] * len(pixels), return_tensors="pt", return_token_type_ids=True)
        output = self._model(pixel_values=pixels, **tokens.to(self._device))
        return output.logits, output.pred_boxes
