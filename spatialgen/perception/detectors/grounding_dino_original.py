"""Original Grounding DINO checkpoints (.pth) through groundingdino-py, the extra `groundingdino`.

The architecture is told from the shapes of the tensors, so no configuration written in Python is run. Where the
checkpoint was converted, `grounding_dino` gives the same detections without this package.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from spatialgen.errors import ConfigError
from spatialgen.perception.checkpoints import HubConfig
from spatialgen.perception.detectors._grounded import GroundedConfig, GroundedDetector
from spatialgen.perception.pretrained import load_processor, load_state_dict
from spatialgen.records import ModelUse

if TYPE_CHECKING:
    import torch

MAX_TEXT_LEN = 256


class Config(GroundedConfig):
    """`text_encoder` is the BERT whose tokenizer and sizes are taken; its weights are in the checkpoint itself.

    `model` is a hub repository with `file` in it, or the path of a .pth file or of the folder with `file`.
    """

    backend: Literal["grounding_dino_original"] = "grounding_dino_original"
    model: str = "ShilongLiu/GroundingDINO"
    file: str = "groundingdino_swint_ogc.pth"
    text_encoder: str = "google-bert/bert-base-uncased"
    dtype: Literal["float32"] = "float32"
    shortest_edge: int = Field(800, ge=32)
    longest_edge: int = Field(1333, ge=32)


class Backend(GroundedDetector[Config]):
    """The detector; see `GroundedDetector`."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, config.file)
        text_encoder = HubConfig.model_validate({"model": config.text_encoder}).checkpoint()
        self.text_encoder = replace(text_encoder, settings_only=True)
        self.weights = (self.checkpoint.key, self.text_encoder.key)

    def models(self) -> tuple[ModelUse, ...]:
        """Return the checkpoint and the text encoder's tokenizer, with their licences."""
        return (self.checkpoint.use("detector"), self.text_encoder.use("detector"))

    def _load(self, path: Path, device: str) -> tuple[Any, Any, Any]:
        from transformers import AutoTokenizer, GroundingDinoImageProcessor

        try:
            from spatialgen.perception.detectors._original_model import build
        except ImportError as error:
            raise ConfigError(
                f"backend grounding_dino_original needs groundingdino-py ({error}); install it beside the tested set"
                " with: pip install addict yapf && pip install --no-deps groundingdino-py==0.4.0"
            ) from error
        folder = self.text_encoder.fetch()
        tokenizer = load_processor(AutoTokenizer, folder)
        model = build(load_state_dict(path), folder, tokenizer, str(path)).to(device)
        size = {"shortest_edge": self.config.shortest_edge, "longest_edge": self.config.longest_edge}
        return model, GroundingDinoImageProcessor(size=size), tokenizer

    def _max_text_len(self) -> int:
        return MAX_TEXT_LEN

    def _forward(self, pixels: torch.Tensor, text: str) -> tuple[torch.Tensor, torch.Tensor]:
        from groundingdino.util.misc import nested_tensor_from_tensor_list

        output = self._model(nested_tensor_from_tensor_list(list(pixels)), captions=[text] * len(pixels))
        return output["pred_logits"], output["pred_boxes"]
