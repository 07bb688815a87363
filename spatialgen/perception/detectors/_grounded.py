"""What detectors of the Grounding DINO kind share: texts, passes, batches and the way back to pixels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pydantic import Field
from scipy.linalg import block_diag

from spatialgen.perception.checkpoints import HubConfig
from spatialgen.perception.detectors._phrases import Prompt, class_scores, make_prompts
from spatialgen.perception.detectors._select import pixel_boxes, select
from spatialgen.perception.detectors._vocabulary import DEFAULT_CLASSES, Classes
from spatialgen.perception.network import NetworkBackend
from spatialgen.perception.pretrained import by_shape
from spatialgen.records import F32, U8, Detections

if TYPE_CHECKING:
    import torch


class GroundedConfig(HubConfig):
    """`threshold` is the least mean probability of a class's tokens; longer vocabularies take several passes.

    `max_tokens` limits the text of one pass, below the model's own limit (256): shorter texts find more, slower.
    """

    classes: Classes = DEFAULT_CLASSES
    threshold: float = Field(0.3, ge=0, le=1)
    max_detections: int = Field(40, ge=1, le=300)
    max_tokens: int = Field(256, ge=4)


GC = TypeVar("GC", bound=GroundedConfig)


class GroundedDetector(NetworkBackend[GC], ABC):
    """Only images of one size after resizing share a batch.

    Padding them together works, as in training, but the Swin windows along the border then see the padding, and
    what is found in an image would depend on its neighbours in the batch.
    """

    role = "detector"

    def setup(self, device: str) -> None:
        """Load the network and lay out the texts. Raises WeightsError, ConfigError."""
        self._device = device
        self._model, self._processor, self._tokenizer = self._load(self.checkpoint.fetch(), device)
        limit = min(self.config.max_tokens, self._max_text_len())
        self._prompts = make_prompts(self.config.classes, self._tokenizer, limit)

    def detect(self, images: Sequence[U8]) -> list[Detections]:
        """Return the detections of each upright RGB image (H, W, 3) uint8, best score first."""
        pixels = [self._processor(images=image, return_tensors="pt")["pixel_values"][0] for image in images]
        found: dict[int, Detections] = {}
        for batch in by_shape(pixels, self.batch_size):
            raw = self._queries([pixels[i] for i in batch])
            found |= {i: self._select(*queries, images[i]) for i, queries in zip(batch, raw, strict=True)}
        return [found[i] for i in range(len(images))]

    @abstractmethod
    def _load(self, path: Path, device: str) -> tuple[Any, Any, Any]:
        """Return the network, the image processor and the fast tokenizer."""

    @abstractmethod
    def _max_text_len(self) -> int:
        """Return how many tokens the network reads."""

    @abstractmethod
    def _forward(self, pixels: torch.Tensor, text: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits (B, Q, tokens) and boxes (B, Q, 4), centres and sizes as shares of the image."""

    def _queries(self, pixels: Sequence[torch.Tensor]) -> list[tuple[torch.Tensor, F32]]:
        """Return for each image the boxes (Q, 4) of all passes and their scores (Q, classes)."""
        import torch

        stacked = torch.stack(list(pixels)).to(self._device)
        with torch.inference_mode():
            passes = [self._pass(stacked, prompt) for prompt in self._prompts]
        boxes = torch.cat([b for b, _ in passes], dim=1)
        # a query of one pass knows nothing of the classes of the others: block diagonal
        scores = np.stack([block_diag(*(s[k] for _, s in passes)) for k in range(len(pixels))])
        return list(zip(boxes, scores.astype(np.float32), strict=True))

    def _pass(self, pixels: torch.Tensor, prompt: Prompt) -> tuple[torch.Tensor, F32]:
        logits, boxes = self._forward(pixels, prompt.text)
        return boxes, class_scores(logits, prompt).cpu().numpy()

    def _select(self, boxes: torch.Tensor, scores: F32, image: U8) -> Detections:
        size_wh = (image.shape[1], image.shape[0])
        return select(
            pixel_boxes(boxes, size_wh),
            scores,
            self.config.classes,
            size_wh,
            threshold=self.config.threshold,
            max_detections=self.config.max_detections,
        )
