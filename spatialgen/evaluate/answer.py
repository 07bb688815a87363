"""A model folder answering questions about pictures: greedy, batched, each picture through the tower once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from spatialgen.records import I32
from spatialgen.train.model import load_model
from spatialgen.train.objective import FeatureCache, normalise, project, tower_features
from spatialgen.train.pictures import square
from spatialgen.train.templates import IMAGE

_CACHE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A question about a picture (None: about nothing). `key` names the picture, so that it is encoded once."""

    question: str
    image: Image.Image | None
    key: str


class Answerer:
    """Answers with the model in `folder`, by the chat template that the folder carries."""

    def __init__(self, folder: Path, device: str = "auto", blind: bool = False, max_new_tokens: int = 64) -> None:
        made = load_model(folder)
        chosen = "cuda" if device == "cuda" or (device == "auto" and torch.cuda.is_available()) else "cpu"
        self._device = torch.device(chosen)
        self._model: Any = made.model.eval().to(self._device)
        self._tokenizer, self._vision, self._blind = made.tokenizer, made.vision, blind
        self._image_id = self._tokenizer.convert_tokens_to_ids(IMAGE)
        self._stops = _stop_tokens(self._tokenizer)
        self._limit = max_new_tokens
        self._cache = FeatureCache(_CACHE_BYTES)
        if chosen == "cuda":
            self._model.to(torch.bfloat16)

    @torch.inference_mode()
    def answer(self, asked: Sequence[Asked]) -> list[str]:
        """Return the answer to each question; those given together are computed together."""
        prompts = [self._prompt(a) for a in asked]
        embeds, mask = self._embed(asked, prompts)
        written = self._decode(embeds, mask)
        return [self._text(ids) for ids in written]

    def chat(self, image: Image.Image, turns: Sequence[tuple[str, str | None]]) -> str:
        """Return the answer to the last of `turns` (question, answer or None) about one picture."""
        ids = self._ids(turns, image is not None)
        asked = Asked("", image, f"chat/{id(image)}")
        with torch.inference_mode():
            embeds, mask = self._embed([asked], [ids])
            return self._text(self._decode(embeds, mask)[0])

    def _prompt(self, asked: Asked) -> I32:
        return self._ids([(asked.question, None)], asked.image is not None)

    def _ids(self, turns: Sequence[tuple[str, str | None]], pictured: bool) -> I32:
        messages = []
        for i, (question, answer) in enumerate(turns):
            content = [{"type": "text", "text": question.replace(IMAGE, "").strip()}]
            messages.append(
                {"role": "user", "content": [{"type": "image"}, *content] if pictured and i == 0 else content}
            )
            if answer is not None:
                messages.append({"role": "assistant", "content": answer})
        text = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        ids = np.array(self._tokenizer(text, add_special_tokens=False).input_ids, np.int32)
        return np.repeat(ids, np.where(ids == self._image_id, self._vision.tokens, 1)).astype(np.int32)

    def _features(self, asked: Sequence[Asked]) -> torch.Tensor:
        """Return the tower's patches of the questions' pictures, in order."""
        held = self._cache.get([a.key for a in asked])
        wanted = {a.key: a.image for a, f in zip(asked, held, strict=True) if f is None and a.image is not None}
        fresh: dict[str, torch.Tensor] = {}
        if wanted:
            pixels = np.stack([self._pixels(image) for image in wanted.values()])
            batch = normalise(torch.from_numpy(pixels).to(self._device), self._vision)
            found = tower_features(self._model, batch.to(self._model.dtype))
            fresh = dict(zip(wanted, found, strict=True))
            for key, features in fresh.items():
                self._cache.put(key, features)
        return torch.stack([fresh[a.key] if f is None else f for a, f in zip(asked, held, strict=True)])

    def _pixels(self, image: Image.Image) -> np.ndarray[Any, np.dtype[np.uint8]]:
        if self._blind:
            image = Image.new("RGB", image.size, self._vision.background)
        return square(image.convert("RGB"), self._vision.side, self._vision.background)

    def _embed(self, asked: Sequence[Asked], prompts: Sequence[I32]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return left-padded embeddings (B, L, hidden) and their mask (B, L)."""
        width = max(len(p) for p in prompts)
        ids = np.full((len(prompts), width), self._tokenizer.pad_token_id, np.int64)
        mask = np.zeros((len(prompts), width), np.int64)
        for row, prompt in enumerate(prompts):
            ids[row, width - len(prompt) :], mask[row, width - len(prompt) :] = prompt, 1
        tokens = torch.from_numpy(ids).to(self._device)
        embeds = self._model.get_input_embeddings()(tokens)
        pictured = [a for a in asked if a.image is not None]
        if pictured:
            images = project(self._model, self._features(pictured)).to(embeds.dtype)
            where = (tokens == self._image_id) & torch.from_numpy(mask == 1).to(self._device)
            embeds = embeds.masked_scatter(where.unsqueeze(-1), images.flatten(0, 1))
        return embeds, torch.from_numpy(mask).to(self._device)

    def _decode(self, embeds: torch.Tensor, mask: torch.Tensor) -> list[list[int]]:
        """Return the greedily chosen tokens of each row, up to one that ends the answer."""
        language, head = self._model.model.language_model, self._model.lm_head
        written: list[list[int]] = [[] for _ in range(len(embeds))]
        open_rows = torch.ones(len(embeds), dtype=torch.bool, device=self._device)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        cache = None
        stops = torch.tensor(sorted(self._stops), device=self._device)
        for _ in range(self._limit):
            out = language(
                inputs_embeds=embeds,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
            )
            cache = out.past_key_values
            chosen = head(out.last_hidden_state[:, -1]).argmax(-1)
            open_rows &= ~torch.isin(chosen, stops)
            if not bool(open_rows.any()):
                break
            for row, token, is_open in zip(written, chosen.tolist(), open_rows.tolist(), strict=True):
                if is_open:
                    row.append(token)
            embeds = self._model.get_input_embeddings()(chosen[:, None])
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
            positions = positions[:, -1:] + 1
        return written

    def _text(self, ids: list[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text.strip()


def _stop_tokens(tokenizer: Any) -> set[int]:
    """Return the ids that end an answer in any of the templates that this tokenizer knows."""
    stops = {tokenizer.eos_token_id}
    for token in ("<|im_end|>", "<|eot_id|>", "<end_of_turn>"):
        found = tokenizer.convert_tokens_to_ids(token)
        if found is not None and found != tokenizer.unk_token_id:
            stops.add(found)
    return stops
