"""Segment Anything (arXiv:2304.02643) through segment-anything: the mask of the thing in each box.

Reads the original .pth checkpoints; their architecture is told from the shapes of the tensors inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from spatialgen.errors import WeightsError
from spatialgen.perception.pretrained import chunks, load_state_dict
from spatialgen.perception.segmenters._masks import PromptedConfig, best_masks, near_box
from spatialgen.records import F32, U8, Bool, DepthMap, ModelUse

if TYPE_CHECKING:
    import torch

GRID = 64  # tokens along a side of the image encoder: 1024 pixels in patches of 16


class Config(PromptedConfig):
    """`model` is a hub repository with `file` in it, or the path of a .pth file or of the folder with `file`."""

    backend: Literal["sam"] = "sam"
    model: str = "ybelkada/segment-anything"
    file: str = "checkpoints/sam_vit_b_01ec64.pth"
    dtype: Literal["float32"] = "float32"


@dataclass(frozen=True, slots=True)
class Architecture:
    """The sizes of SAM's image encoder."""

    embed_dim: int
    depth: int
    num_heads: int
    global_attention: tuple[int, ...]


class Backend:
    """Each image is encoded once, in batches; then its boxes are decoded together."""

    version = "1"
    uses_gpu = True

    def __init__(self, config: Config) -> None:
        self.config = config
        self.checkpoint = config.checkpoint(config.file)
        self.batch_size = config.batch_size
        self.weights = (self.checkpoint.key,)
        self._model: Any = None

    def setup(self, device: str) -> None:
        """Load the network. Raises WeightsError."""
        path = self.checkpoint.fetch()
        self._model = build(load_state_dict(path), str(path)).to(device)

    def models(self) -> tuple[ModelUse, ...]:
        """Return the checkpoint with its licence."""
        return (self.checkpoint.use("segmenter"),)

    def close(self) -> None:
        """Let go of the network."""
        self._model = None

    def segment(self, images: Sequence[U8], boxes_px: Sequence[F32], depths: Sequence[DepthMap]) -> list[Bool]:
        """Return for each image (H, W, 3) uint8 the masks (N, H, W) bool of its boxes (N, 4), edge coordinates."""
        import torch

        masks: list[Bool] = [np.zeros((0, *image.shape[:2]), bool) for image in images]
        prompted = [i for i, boxes in enumerate(boxes_px) if len(boxes)]
        with torch.inference_mode():
            for batch in chunks(prompted, self.batch_size):
                embeddings = self._model.image_encoder(torch.stack([self._pixels(images[i]) for i in batch]))
                for i, embedding in zip(batch, embeddings, strict=True):
                    masks[i] = self._decode(embedding, boxes_px[i], images[i].shape[:2])
        return masks

    def _pixels(self, image: U8) -> torch.Tensor:
        """Return the image resized to 1024 on its longer side, normalised and padded below and to the right."""
        import torch
        from segment_anything.utils.transforms import ResizeLongestSide

        resized = ResizeLongestSide(self._model.image_encoder.img_size).apply_image(image)
        pixels = torch.as_tensor(resized, device=self._model.device).permute(2, 0, 1)
        tensor: torch.Tensor = self._model.preprocess(pixels.float())
        return tensor

    def _decode(self, embedding: torch.Tensor, boxes_px: F32, size_hw: tuple[int, int]) -> Bool:
        parts = []
        for boxes in chunks(list(boxes_px), self.config.boxes_per_pass):
            logits, scores = self._low_resolution(embedding, np.stack(boxes), size_hw)
            for one, score, box in zip(logits, scores, boxes, strict=True):
                seen = score >= self.config.min_predicted_iou
                parts.append(self._full_size(one, size_hw) & near_box(box, size_hw, self.config.clip_margin) & seen)
        return np.stack(parts)

    def _low_resolution(
        self, embedding: torch.Tensor, boxes_px: F32, size_hw: tuple[int, int]
    ) -> tuple[torch.Tensor, F32]:
        """Return the best of the three masks of each box, (N, 256, 256) logits, and its predicted IoU (N,)."""
        import torch
        from segment_anything.utils.transforms import ResizeLongestSide

        resize = ResizeLongestSide(self._model.image_encoder.img_size)
        # the prompt encoder adds half a pixel: it takes indices of pixels, not edges
        prompts = torch.as_tensor(resize.apply_boxes(boxes_px, size_hw) - 0.5, dtype=torch.float32)
        sparse, dense = self._model.prompt_encoder(points=None, boxes=prompts.to(embedding.device), masks=None)
        masks, predicted = self._model.mask_decoder(
            image_embeddings=embedding[None],
            image_pe=self._model.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
        )
        return best_masks(masks, predicted)

    def _full_size(self, logits: torch.Tensor, size_hw: tuple[int, int]) -> Bool:
        from segment_anything.utils.transforms import ResizeLongestSide

        side = self._model.image_encoder.img_size
        inner = ResizeLongestSide.get_preprocess_shape(*size_hw, side)
        full = self._model.postprocess_masks(logits[None, None], inner, size_hw)[0, 0]
        mask: Bool = (full > self._model.mask_threshold).cpu().numpy()
        return mask


def build(state: Mapping[str, torch.Tensor], path: str) -> Any:
    """Return the SAM with these tensors, in evaluation mode. Raises WeightsError naming `path` if they do not fit."""
    from segment_anything.build_sam import _build_sam

    sizes = architecture(state, path)
    model = _build_sam(sizes.embed_dim, sizes.depth, sizes.num_heads, list(sizes.global_attention))
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(f"weights {path}: not a Segment Anything checkpoint ({str(error)[:200]})") from error
    return model.eval()


def architecture(state: Mapping[str, torch.Tensor], path: str) -> Architecture:
    """Return the sizes that the tensors' shapes tell: relative positions span a window, or the grid if global."""
    try:
        embed_dim = state["image_encoder.pos_embed"].shape[-1]
        depth = 1 + max(int(name.split(".")[2]) for name in state if name.startswith("image_encoder.blocks."))
        spans = [state[f"image_encoder.blocks.{i}.attn.rel_pos_h"].shape for i in range(depth)]
    except (KeyError, ValueError, IndexError) as error:
        raise WeightsError(f"weights {path}: not a Segment Anything checkpoint (no {error})") from error
    whole = tuple(i for i, (length, _) in enumerate(spans) if length == 2 * GRID - 1)
    return Architecture(embed_dim, depth, embed_dim // spans[0][1], whole)
