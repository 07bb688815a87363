"""Attention where conversations share a row: each is attended to by itself, so that nothing is computed between them.

transformers keeps packed conversations apart by a mask over the whole row, whose masked part is computed all the same
and which rules out the fastest kernels. Here each conversation goes through plain causal attention alone.
"""

from __future__ import annotations

import importlib
from typing import Any

import torch

from spatialgen.train.errors import TrainError
from spatialgen.train.hf import transformers

PACKED = "packed"


def set_attention(language: Any, name: str) -> None:
    """Let the language model attend by `name`: `packed`, or what transformers knows.

    Where a model does not take another attention, it goes on with the one that it was loaded with.
    """
    transformers().AttentionInterface.register(PACKED, packed_attention)
    language.set_attn_implementation(name)


def attends_packed(language: Any) -> bool:
    """Return whether a language model wants `lengths` with every call."""
    return bool(language.config._attn_implementation == PACKED)


def packed_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    *,
    lengths: tuple[tuple[int, ...], ...],
    sliding_window: int | None = None,
    **given: Any,
) -> tuple[torch.Tensor, None]:
    """Return what the conversations of each row attend to, (B, L, heads, width).

    `query`, `key`, `value` (B, heads, L, width); `lengths`: by row, those of its conversations, which add up to L.
    """
    longest = max(n for row in lengths for n in row)
    if sliding_window is not None and longest > sliding_window:
        raise TrainError(
            f"a conversation of {longest} tokens is longer than the model's window; set run.attention: sdpa"
        )
    plain = importlib.import_module("transformers.integrations.sdpa_attention").sdpa_attention_forward
    rows = []
    for q, k, v, parts in zip(query, key, value, lengths, strict=True):
        pieces = zip(q.split(parts, 1), k.split(parts, 1), v.split(parts, 1), strict=True)
        alone = [plain(module, a[None], b[None], c[None], attention_mask, **given)[0] for a, b, c in pieces]
        rows.append(torch.cat(alone, dim=1))
    return torch.cat(rows), None
