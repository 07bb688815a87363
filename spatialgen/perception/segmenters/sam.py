"""Segment Anything (arXiv:2304.02643) through segment-anything: the mask of the thing in each box.

Reads the original .pth checkpoints; their architecture is told from the shapes of the tensors inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from spatialgen.errors import WeightsError
from spatialgen.perception.pretrained import load_state_dict
from spatialgen.perception.segmenters._masks import PromptedConfig, PromptedSegmenter
from spatialgen.records import F32, U8, Bool

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


class Backend(PromptedSegmenter[Config]):
    """The segmenter; see `PromptedSegmenter`."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, config.file)

    def setup(self, device: str) -> None:
        """Load the network. Raises WeightsError."""
        path = self.checkpoint.fetch()
        self._model = build(load_state_dict(path), str(path)).to(device)

    def _encode(self, images: Sequence[U8]) -> Sequence[torch.Tensor]:
        import torch

        embeddings: torch.Tensor = self._model.image_encoder(torch.stack([self._pixels(image) for image in images]))
        return list(embeddings)

    def _pixels(self, image: U8) -> torch.Tensor:
        """Return the image resized to 1024 on its longer side, normalised and padded below and to the right."""
        import torch
        from segment_anything.utils.transforms import ResizeLongestSide

        resized = ResizeLongestSide(self._model.image_encoder.img_size).apply_image(image)
        pixels = torch.as_tensor(resized, device=self._model.device).permute(2, 0, 1)
        tensor: torch.Tensor = self._model.preprocess(pixels.float())
        return tensor

    def _low_resolution(
        self, embedding: torch.Tensor, boxes_px: F32, size_hw: tuple[int, int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
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
        return masks, predicted

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
