"""From class names to the texts that a grounded detector reads, and from its token scores back to the classes.

Grounding DINO (arXiv:2303.05499) reads one text, "chair . table .", and scores every token of it for each box.
A class's score is the mean probability over the tokens of its own words, as in the authors' COCO evaluation; which
tokens those are is known from where the words stand in the text, so nothing is guessed from decoded phrases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spatialgen.errors import ConfigError

if TYPE_CHECKING:
    import torch

SEPARATOR = " . "
SPECIAL_TOKENS = 2  # [CLS] and [SEP]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One text. `class_ids` index the whole vocabulary; `tokens` are the token indices of each class's words."""

    text: str
    class_ids: tuple[int, ...]
    tokens: tuple[tuple[int, ...], ...]


def make_prompts(classes: Sequence[str], tokenizer: Any, max_tokens: int) -> tuple[Prompt, ...]:
    """Return as few texts as hold all `classes`, in order, each of at most `max_tokens` tokens.

    `tokenizer` is a fast transformers tokenizer. Raises ConfigError if one class alone is too long.
    """
    prompts: list[Prompt] = []
    pending: list[int] = []
    used = SPECIAL_TOKENS
    for index, name in enumerate(classes):
        cost = len(tokenizer(name, add_special_tokens=False)["input_ids"]) + 1
        if cost + SPECIAL_TOKENS > max_tokens:
            raise ConfigError(f"class name {name!r} takes {cost} tokens; the detector reads {max_tokens} at a time")
        if used + cost > max_tokens:
            prompts.append(_prompt(classes, pending, tokenizer))
            pending, used = [], SPECIAL_TOKENS
        pending.append(index)
        used += cost
    return (*prompts, _prompt(classes, pending, tokenizer))


def class_scores(token_logits: torch.Tensor, prompt: Prompt) -> torch.Tensor:
    """Return (..., classes of the prompt) probabilities from (..., tokens) logits; -inf marks padded tokens."""
    import torch

    probabilities = token_logits.float().sigmoid()
    return torch.stack([probabilities[..., list(t)].mean(dim=-1) for t in prompt.tokens], dim=-1)


def _prompt(classes: Sequence[str], class_ids: Sequence[int], tokenizer: Any) -> Prompt:
    text, spans = "", []
    for index in class_ids:
        spans.append((len(text), len(text) + len(classes[index])))
        text += classes[index] + SEPARATOR
    text = text.rstrip()
    offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    tokens = tuple(_tokens_in(span, offsets) for span in spans)
    return Prompt(text, tuple(class_ids), tokens)


def _tokens_in(span: tuple[int, int], offsets: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    start, end = span
    return tuple(i for i, (a, b) in enumerate(offsets) if a < b and a < end and b > start)
