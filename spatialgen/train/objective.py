"""What training minimises: the summed cross-entropy of the supervised tokens, and nothing computed beside them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from spatialgen.train.attention import attends_packed
from spatialgen.train.labels import IGNORE
from spatialgen.train.model import Vision
from spatialgen.train.parts import projector_of, tower_of
from spatialgen.train.rows import MicroBatch


def normalise(pixels: torch.Tensor, vision: Vision) -> torch.Tensor:
    """Return (N, S, S, 3) uint8 pictures as the tower takes them: (N, 3, S, S) float32, mean 0, deviation 1."""
    mean = torch.tensor(vision.mean, device=pixels.device).view(1, 3, 1, 1)
    std = torch.tensor(vision.std, device=pixels.device).view(1, 3, 1, 1)
    # Contiguous: some convolutions of a FastViT, given channels-last, spoil the heap in their backward pass on a CPU.
    return (pixels.permute(0, 3, 1, 2).contiguous().float() / 255 - mean) / std


def _layers(tower: nn.Module) -> tuple[nn.ModuleList, nn.Module, str]:
    """Return a tower's layers, the module that holds them, and their name there."""
    lists = {n: m for n, m in tower.named_modules() if isinstance(m, nn.ModuleList)}
    path = max(lists, key=lambda n: len(lists[n]))
    parent, _, name = path.rpartition(".")
    return lists[path], tower.get_submodule(parent), name


def _after_layer(tower: nn.Module, pixels: torch.Tensor, used: int) -> torch.Tensor:
    """Return the output of the tower's layer `used`, counted from 1, without computing the layers after it."""
    layers, parent, name = _layers(tower)
    seen: list[torch.Tensor] = []

    def keep(_module: nn.Module, _given: object, output: Any) -> None:
        seen.append(output[0] if isinstance(output, tuple) else output)

    handle = layers[used - 1].register_forward_hook(keep)
    setattr(parent, name, layers[:used])
    try:
        tower(pixels, return_dict=True)
    finally:
        setattr(parent, name, layers)
        handle.remove()
    return seen[0]


def tower_features(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    """Return the tower's patches (N, patches, width) of normalised pictures, before the projector."""
    config, tower = model.config, tower_of(model)
    if config.model_type not in ("llava", "aya_vision"):
        found: torch.Tensor = tower(pixels, return_dict=True).last_hidden_state
        return _timm_features(config, found)
    layer, count = config.vision_feature_layer, len(_layers(tower)[0])
    used = layer if layer >= 0 else count + 1 + layer
    features: torch.Tensor
    if not 0 < used < count:
        features = tower(pixels, output_hidden_states=True, return_dict=True).hidden_states[layer]
    else:
        features = _after_layer(tower, pixels, used)
    return features[:, 1:] if config.vision_feature_select_strategy == "default" else features


def _timm_features(config: Any, found: torch.Tensor) -> torch.Tensor:
    """Return what a timm model gives as (N, patches, width): rows as they are, maps flattened."""
    if config.model_type == "fast_vlm":  # (N, C, H, W)
        return found.flatten(2).transpose(1, 2)
    if config.model_type == "perception_lm":
        return found[:, 1:] if config.vision_use_cls_token else found
    return found.flatten(1, -2)


def project(model: Any, features: torch.Tensor) -> torch.Tensor:
    """Return the image tokens (N, tokens, hidden) of the tower's patches."""
    tokens: torch.Tensor = projector_of(model)(features)
    return tokens.reshape(features.shape[0], -1, tokens.shape[-1])


class FeatureCache:
    """The frozen tower's features by picture, in memory, up to a number of bytes; the oldest go first."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit, self._held, self._bytes = limit_bytes, OrderedDict[str, torch.Tensor](), 0

    def get(self, keys: Sequence[str]) -> list[torch.Tensor | None]:
        """Return what is held of `keys`."""
        return [self._held.get(k) for k in keys]

    def put(self, key: str, features: torch.Tensor) -> None:
        """Hold a picture's features."""
        self._held[key] = features
        self._bytes += features.nbytes
        while self._bytes > self._limit and len(self._held) > 1:
            self._bytes -= self._held.popitem(last=False)[1].nbytes


class Objective(nn.Module):
    """Wraps a model: a micro-batch in, the summed loss of its supervised tokens out (float32 scalar)."""

    def __init__(self, model: Any, vision: Vision, tower_trains: bool, cache: FeatureCache | None = None) -> None:
        super().__init__()
        self.model = model
        self._vision, self._tower_trains = vision, tower_trains
        self._cache = None if tower_trains else cache

    def train(self, mode: bool = True) -> Objective:
        """Set what is trained to training. A frozen tower, and statistics over a batch, stay as they are.

        BatchNorm in training would make a picture's features depend on the others of the micro-batch.
        """
        super().train(mode)
        tower = tower_of(self.model)
        if not self._tower_trains:
            tower.eval()
        for module in tower.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

    def forward(self, batch: MicroBatch) -> torch.Tensor:
        """Return the sum of the cross-entropies of the supervised tokens."""
        model = self.model
        embeds = model.get_input_embeddings()(batch.ids)
        if len(batch.slots):
            tokens = project(model, self._features(batch))[batch.slots].to(embeds.dtype)
            where = (batch.ids == model.config.image_token_id).unsqueeze(-1)
            embeds = embeds.masked_scatter(where, tokens.flatten(0, 1))
        elif self.training and torch.is_grad_enabled():
            embeds = embeds + self._untouched(batch).to(embeds.dtype)
        language = model.model.language_model
        apart = {"lengths": batch.lengths} if attends_packed(language) else {}
        hidden = language(
            inputs_embeds=embeds, position_ids=batch.positions, use_cache=False, **apart
        ).last_hidden_state
        targets = batch.labels[:, 1:]
        chosen = targets != IGNORE
        logits = model.lm_head(hidden[:, :-1][chosen])
        return nn.functional.cross_entropy(logits.float(), targets[chosen], reduction="sum")

    def _untouched(self, batch: MicroBatch) -> torch.Tensor:
        """Return 0, as a function of tower and projector: ranks exchange the gradients of all that trains, always."""
        blank = torch.zeros((1, self._vision.side, self._vision.side, 3), dtype=torch.uint8, device=batch.ids.device)
        with torch.set_grad_enabled(self._tower_trains):
            features = tower_features(self.model, normalise(blank, self._vision))
        return 0 * project(self.model, features).sum()

    def _features(self, batch: MicroBatch) -> torch.Tensor:
        if self._tower_trains:
            return tower_features(self.model, normalise(batch.pixels, self._vision))
        with torch.no_grad():
            if self._cache is None:
                return tower_features(self.model, normalise(batch.pixels, self._vision))
            return self._cached(self._cache, batch)

    def _cached(self, cache: FeatureCache, batch: MicroBatch) -> torch.Tensor:
        held = cache.get(batch.keys)
        absent = [i for i, f in enumerate(held) if f is None]
        if absent:
            fresh = tower_features(self.model, normalise(batch.pixels[absent], self._vision))
            for i, features in zip(absent, fresh, strict=True):
                held[i] = features
                cache.put(batch.keys[i], features.to(torch.bfloat16).cpu())
        device = batch.ids.device
        # Rounded as if it had come from the cache, so that a run that was killed goes on with the same numbers.
        return torch.stack([f.to(device, torch.bfloat16).float() for f in held if f is not None])
