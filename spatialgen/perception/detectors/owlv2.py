"""OWLv2 (arXiv:2306.09683) in transformers: open-vocabulary detection with one query for each class name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from spatialgen.perception.checkpoints import HubConfig
from spatialgen.perception.detectors._select import pixel_boxes, select
from spatialgen.perception.detectors._vocabulary import DEFAULT_CLASSES, Classes
from spatialgen.perception.network import NetworkBackend
from spatialgen.perception.pretrained import chunks, load_model, load_processor
from spatialgen.records import U8, Detections

if TYPE_CHECKING:
    import torch


class Config(HubConfig):
    """`prompt` is the sentence around each class name; `threshold` the least score of a thing."""

    backend: Literal["owlv2"] = "owlv2"
    model: str = "google/owlv2-base-patch16-ensemble"
    classes: Classes = DEFAULT_CLASSES
    prompt: str = Field("a photo of a {}", pattern=r"^[^{}]*\{\}[^{}]*$")
    threshold: float = Field(0.25, ge=0, le=1)
    max_detections: int = Field(40, ge=1, le=300)


class Backend(NetworkBackend[Config]):
    """Images are padded to a square below and to the right, then resized to one size, so any can share a batch."""

    role = "detector"

    def setup(self, device: str) -> None:
        """Load the network and encode the class names once. Raises WeightsError."""
        import torch
        from transformers import AutoProcessor, Owlv2ForObjectDetection

        folder = self.checkpoint.fetch()
        self._model = load_model(Owlv2ForObjectDetection, folder, self.config.dtype, device)
        self._processor = load_processor(AutoProcessor, folder)
        texts = [self.config.prompt.format(name) for name in self.config.classes]
        with torch.inference_mode():
            self._queries = self._encoded(texts)

    def detect(self, images: Sequence[U8]) -> list[Detections]:
        """Return the detections of each upright RGB image (H, W, 3) uint8, best score first."""
        return [found for part in chunks(images, self.batch_size) for found in self._batch(part)]

    def _encoded(self, texts: Sequence[str]) -> torch.Tensor:
        """Return the text embeddings (classes, D), of unit length."""
        tokens = self._processor.tokenizer(list(texts), padding="max_length", truncation=True, return_tensors="pt")
        features = self._model.owlv2.get_text_features(**tokens.to(self._model.device))
        embeddings: torch.Tensor = features.pooler_output
        unit: torch.Tensor = embeddings / embeddings.norm(dim=-1, keepdim=True)
        return unit

    def _batch(self, images: Sequence[U8]) -> list[Detections]:
        import torch

        pixels = self._processor.image_processor(images=list(images), return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            logits, boxes = self._forward(pixels.to(self._model.device, self._model.dtype))
        return [self._select(*one) for one in zip(logits, boxes, images, strict=True)]

    def _forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits (B, Q, classes) and boxes (B, Q, 4), centres and sizes as shares of the padded square."""
        grid = self._model.image_embedder(pixel_values=pixels)[0]
        features = grid.flatten(1, 2)
        queries = self._queries.expand(len(pixels), -1, -1)
        logits, _ = self._model.class_predictor(features, queries)
        return logits, self._model.box_predictor(features, grid)

    def _select(self, logits: torch.Tensor, boxes: torch.Tensor, image: U8) -> Detections:
        height, width = image.shape[:2]
        side = max(width, height)
        return select(
            pixel_boxes(boxes, (side, side)),
            logits.float().sigmoid().cpu().numpy(),
            self.config.classes,
            (width, height),
            threshold=self.config.threshold,
            max_detections=self.config.max_detections,
        )
