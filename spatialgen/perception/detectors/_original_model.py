"""Building groundingdino-py's network for a state dict, with a text encoder that runs on transformers 5."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import groundingdino.models.GroundingDINO.groundingdino as network
import torch
from groundingdino.config import GroundingDINO_SwinT_OGC as defaults
from groundingdino.models import build_model

from spatialgen.errors import WeightsError

# Swin backbones by the width of their first layer and their window, as the package names them.
BACKBONES = {(96, 7): "swin_T_224_1k", (128, 7): "swin_B_224_22k", (128, 12): "swin_B_384_22k"}
HEAD_WIDTH = 32
# In published files, and used in training only: label embeddings, and a buffer that BERT no longer keeps.
UNUSED = ("label_enc.weight", "bert.embeddings.position_ids")


class TextEncoder(torch.nn.Module):
    """BERT with a mask for each pair of tokens; stands in for the package's `BertModelWarper`.

    That one calls methods that transformers 5 has dropped. The attributes, and so the names of the weights, are
    the same.
    """

    def __init__(self, bert_model: Any) -> None:
        super().__init__()
        self.config = bert_model.config
        self.embeddings = bert_model.embeddings
        self.encoder = bert_model.encoder
        self.pooler = bert_model.pooler

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor,
        position_ids: torch.Tensor,
    ) -> Any:
        """Return BERT's output for ids (B, T) with attention_mask (B, T, T), true where a token may look."""
        embedded = self.embeddings(input_ids=input_ids, position_ids=position_ids, token_type_ids=token_type_ids)
        hidden = torch.zeros_like(attention_mask, dtype=embedded.dtype)
        additive = hidden.masked_fill(~attention_mask.bool(), torch.finfo(embedded.dtype).min)
        return self.encoder(embedded, attention_mask=additive[:, None])


def build(state: Mapping[str, torch.Tensor], text_folder: Path, tokenizer: Any, path: str) -> Any:
    """Return the network with the tensors of `state`, in evaluation mode. Raises WeightsError naming `path`."""
    from transformers import BertConfig, BertModel

    settings = architecture(state, path)
    # eager: the pooler and the checkpoint's layer names are the same, and the mask is a mask for each pair
    bert = BertModel(BertConfig.from_pretrained(text_folder, local_files_only=True, attn_implementation="eager"))
    with (
        _replaced(network, BertModelWarper=TextEncoder),
        _replaced(
            network.get_tokenlizer,
            get_tokenlizer=lambda _: tokenizer,
            get_pretrained_language_model=lambda _: bert,
        ),
    ):
        model = build_model(settings)
    _load(model, state, path)
    return model.eval()


def architecture(state: Mapping[str, torch.Tensor], path: str) -> SimpleNamespace:
    """Return the package's settings with the sizes that the tensors' shapes tell. Raises WeightsError."""
    try:
        width = state["backbone.0.patch_embed.proj.weight"].shape[0]
        hidden_dim = state["feat_map.weight"].shape[0]
        offsets = state["backbone.0.layers.0.blocks.0.attn.relative_position_bias_table"].shape[0]
        sizes = {
            "backbone": BACKBONES[width, (round(offsets**0.5) + 1) // 2],
            "hidden_dim": hidden_dim,
            "num_queries": state["transformer.tgt_embed.weight"].shape[0],
            "dim_feedforward": state["transformer.encoder.layers.0.linear1.weight"].shape[0],
            "enc_layers": _count(state, "transformer.encoder.layers."),
            "dec_layers": _count(state, "transformer.decoder.layers."),
        }
    except KeyError as error:
        raise WeightsError(f"weights {path}: not an original Grounding DINO checkpoint (no {error})") from error
    published = {name: value for name, value in vars(defaults).items() if not name.startswith("_")}
    inference = {"use_checkpoint": False, "use_transformer_ckpt": False, "nheads": hidden_dim // HEAD_WIDTH}
    return SimpleNamespace(**published | sizes | inference)


def _load(model: Any, state: Mapping[str, torch.Tensor], path: str) -> None:
    try:
        missing, unexpected = model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise WeightsError(f"weights {path}: tensors of other sizes ({str(error)[:200]})") from error
    strange = [name for name in unexpected if name not in UNUSED]
    if missing or strange:
        raise WeightsError(f"weights {path}: {len(missing)} tensors missing, {len(strange)} unknown, as {strange[:2]}")


def _count(state: Mapping[str, torch.Tensor], prefix: str) -> int:
    return 1 + max((int(name[len(prefix) :].split(".")[0]) for name in state if name.startswith(prefix)), default=-1)


@contextmanager
def _replaced(module: ModuleType, **attributes: Any) -> Iterator[None]:
    """Replace attributes of `module` while the network is built."""
    before = {name: getattr(module, name) for name in attributes}
    try:
        for name, value in attributes.items():
            setattr(module, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)
