"""Token ids and labels of a conversation, from one tokenisation, turn by turn.

What is trained on is known from the text (`templates.Rendered.answers`) and mapped to tokens by their character
spans; nothing is tokenised twice, so there is nothing that could disagree. A sample whose labels are all masked is
an error, never a silent loss of zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spatialgen.records import I32
from spatialgen.train.errors import LabelError
from spatialgen.train.templates import IMAGE, Rendered, Template, Turn

IGNORE = -100


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """A conversation as (n,) int32 token ids and labels (-100: not trained on), image placeholders spread out.

    `turns_cut` counts the turns that the context had no room for.
    """

    ids: I32
    labels: I32
    turns_cut: int

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def supervised(self) -> int:
        """Tokens that are trained on."""
        return int((self.labels != IGNORE).sum())

    def unsupervised(self) -> Encoded:
        """Return the same tokens with nothing to learn."""
        return Encoded(self.ids, np.full_like(self.labels, IGNORE), self.turns_cut)


class Encoder:
    """Turns conversations into ids and labels for one tokenizer, template and image size.

    `image_tokens` is how many tokens one picture takes, `context` the longest sequence. The tokenizer must be a fast
    one of transformers, and know the template's control tokens as one token each; LabelError says what is missing.
    """

    def __init__(self, tokenizer: Any, chosen: Template, image_tokens: int, context: int) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise LabelError("labels need a fast tokenizer (one with tokenizer.json), to know where each token lies")
        self._backend = tokenizer.backend_tokenizer
        self._template, self.image_tokens, self.context = chosen, image_tokens, context
        self._bos, self._eos = sentence_tokens(tokenizer)
        self._image_id = _single(self._backend, IMAGE)
        for token in chosen.needs:
            if _single(self._backend, token) is None:
                raise LabelError(
                    f"template {chosen.name} needs {token!r} as one token, which this tokenizer does not have; "
                    "choose the template that the language model was trained with, or v1, which needs none"
                )
        if self._image_id is None:
            raise LabelError(f"the tokenizer does not know {IMAGE!r}; models made by `spatialgen train` do")
        self._forbidden = chosen.tokens(self._bos, self._eos)

    def encode(self, conversations: Sequence[tuple[str, Sequence[Turn]]]) -> list[Encoded]:
        """Return each (name, turns) conversation's ids and labels. Raises LabelError naming the sample."""
        rendered = [self._render(name, turns) for name, turns in conversations]
        tokens = self._backend.encode_batch([r.text for r in rendered], add_special_tokens=False)
        return [
            self._label(name, r, np.array(t.ids, np.int32), np.array(t.offsets, np.int32).reshape(-1, 2))
            for (name, _), r, t in zip(conversations, rendered, tokens, strict=True)
        ]

    def prompt(self, turns: Sequence[Turn]) -> list[int]:
        """Return the ids that ask for the answer of the last turn, image placeholders spread out."""
        text = self._template.render(turns, self._bos, self._eos).text
        ids = np.array(self._backend.encode(text, add_special_tokens=False).ids, np.int32)
        return [int(i) for i in self._spread(ids, ids)[0]]

    def _render(self, name: str, turns: Sequence[Turn]) -> Rendered:
        for i, turn in enumerate(turns):
            question = turn.question.removeprefix(f"{IMAGE}\n") if i == 0 else turn.question
            for text in (question, turn.answer or ""):
                bad = next((t for t in self._forbidden if t in text), None)
                if bad is not None:
                    raise LabelError(f"{name}: turn {i + 1} contains the control token {bad!r}: {text[:80]!r}")
        return self._template.render(turns, self._bos, self._eos)

    def _label(self, name: str, rendered: Rendered, ids: I32, spans: I32) -> Encoded:
        trained = np.zeros(len(ids), bool)
        starts, ends = spans[:, 0], spans[:, 1]
        for begin, stop in rendered.answers:
            inside = (ends > begin) & (starts < stop) & (ends > starts)
            if (starts[inside] < begin).any():
                raise LabelError(
                    f"{name}: a token lies across the start of an answer: {rendered.text[begin - 9 : stop]!r}"
                )
            trained |= inside
        labels = np.where(trained, ids, IGNORE).astype(np.int32)
        boundaries = np.searchsorted(starts, np.array(rendered.turn_ends), side="left")
        return self._fit(name, ids, labels, boundaries.astype(np.int32))

    def _fit(self, name: str, ids: I32, labels: I32, boundaries: I32) -> Encoded:
        lengths = np.where(ids == self._image_id, self.image_tokens, 1)
        total = np.concatenate([[0], np.cumsum(lengths)])
        whole = int((total[boundaries] <= self.context).sum())
        cut = len(boundaries) - whole
        stop = len(ids) if cut == 0 else int(boundaries[whole - 1]) if whole else 0
        if stop == 0:  # not even the first turn fits: keep what does
            stop = int(np.searchsorted(total, self.context, side="right")) - 1
        ids, labels = self._spread(ids[:stop], labels[:stop])
        if not (labels != IGNORE).any():
            raise LabelError(
                f"{name}: nothing to learn from: no token of an answer lies within the context of {self.context} tokens"
                if cut
                else f"{name}: nothing to learn from: no answer has any token"
            )
        return Encoded(ids, labels, cut)

    def _spread(self, ids: I32, labels: I32) -> tuple[I32, I32]:
        counts = np.where(ids == self._image_id, self.image_tokens, 1)
        return np.repeat(ids, counts).astype(np.int32), np.repeat(labels, counts).astype(np.int32)


def sentence_tokens(tokenizer: Any) -> tuple[str, str]:
    """Return the texts of the tokens that begin and end a sequence; "" for one that the tokenizer does not add."""
    first = tokenizer("a").input_ids[:1]
    bos = tokenizer.bos_token if tokenizer.bos_token and first == [tokenizer.bos_token_id] else ""
    if not tokenizer.eos_token:
        raise LabelError("the tokenizer has no token that ends an answer (eos_token)")
    return bos, tokenizer.eos_token


def _single(backend: Any, token: str) -> int | None:
    ids = backend.encode(token, add_special_tokens=False).ids
    return int(ids[0]) if len(ids) == 1 else None
