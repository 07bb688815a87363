"""Model FLOP utilisation of our loop for a 1B-class and a 7B-class LLaVA with random weights, on one GPU of 80 GB.

    python bench/train.py --shape 7b --peak-tflops 989 [--rows 4] [--steps 12] [--check]

The language model trains in full; the tower (the shape of CLIP ViT-L/14 at 336 pixels) is frozen. What is kept:

- 1b: as the trainer keeps it: float32 weights, gradients and AdamW moments, bf16 autocast.
- 7b: 16 bytes a weight would be 108 GB, so weights, gradients and both moments are bf16 (8 bytes a weight, 54 GB).
  The FLOPs are those of full training, the optimiser moves half the bytes, and small steps are rounded away: good for
  a speed, not for a model, which wants FSDP (`run.parallel: fsdp`) or LoRA.

Both recompute each layer in the backward pass (gradient checkpointing). FLOPs are those of the model, by the usual
rule of 2 a weight and token forward, 4 backward: no recomputation, no padding, embeddings looked up for nothing, the
output layer for the supervised tokens alone (no others go through it), causal attention within each conversation only,
the frozen tower forward only. The memory is estimated, printed, and compared with the GPU's before anything is made.

Not run on a GPU by us yet: the arithmetic is tested, and the tiny shape runs on a CPU in the tests.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from spatialgen.train.attention import PACKED, set_attention
from spatialgen.train.labels import Encoded
from spatialgen.train.model import Vision
from spatialgen.train.objective import Objective
from spatialgen.train.rows import MicroBatch, collate, pack

Samples = tuple[list[Encoded], list[str], dict[str, Any]]
"""Encoded conversations, the name of each one's picture, and the pictures by name."""

GOAL = 0.45
_BF16, _FP32 = 2, 4
_CONTEXT_BYTES = 2.0e9  # CUDA itself, its libraries' workspaces
_FRAGMENTS = 1.05


@dataclass(frozen=True, slots=True)
class Layers:
    """A stack of transformer layers: width, inner width, how many, heads, heads of keys and values."""

    hidden: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    gated: bool

    @property
    def weights(self) -> int:
        """Weights that a token is multiplied with (norms and biases left out)."""
        kv = self.hidden * self.kv_heads // self.heads
        attention = 2 * self.hidden * self.hidden + 2 * self.hidden * kv
        return self.layers * (attention + (3 if self.gated else 2) * self.hidden * self.inner)


@dataclass(frozen=True, slots=True)
class Shape:
    """A LLaVA's sizes. `weight_bytes` is of what trains (weights, gradients, two moments); `context` tokens a row."""

    name: str
    language: Layers
    vocabulary: int
    tower: Layers
    side: int
    patch: int
    context: int
    weight_bytes: int

    @property
    def patches(self) -> int:
        """Image tokens of a picture."""
        return (self.side // self.patch) ** 2

    @property
    def projector(self) -> int:
        """Weights of the two-layer projector."""
        return self.tower.hidden * self.language.hidden + self.language.hidden**2

    @property
    def trained(self) -> int:
        """Weights that train: language model with its untied embeddings, and projector."""
        return self.language.weights + 2 * self.vocabulary * self.language.hidden + self.projector

    @property
    def vision(self) -> Vision:
        """What the loop must know of pictures."""
        return Vision(self.side, self.patches, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


_CLIP_LARGE = Layers(1024, 4096, 24, 16, 16, gated=False)
SHAPES = {
    "tiny": Shape("tiny", Layers(64, 128, 2, 4, 2, True), 400, Layers(32, 64, 2, 2, 2, False), 56, 14, 512, _BF16),
    "1b": Shape("1b", Layers(2048, 5632, 22, 32, 4, True), 32000, _CLIP_LARGE, 336, 14, 2048, _FP32),
    "7b": Shape("7b", Layers(4096, 11008, 32, 32, 32, True), 32000, _CLIP_LARGE, 336, 14, 2048, _BF16),
}


def memory_bytes(shape: Shape, rows: int) -> dict[str, float]:
    """Return the estimated peak by part, bytes, for `rows` full rows at once; "all" is their sum with some slack."""
    language, tokens = shape.language, rows * shape.context
    kv = language.hidden * language.kv_heads // language.heads
    one_layer = 14 * language.hidden + 4 * kv + 4 * language.inner  # what its backward pass keeps, values a token
    parts = {
        "weights": shape.trained * shape.weight_bytes + shape.tower.weights * _BF16,
        "gradients": shape.trained * shape.weight_bytes,
        "moments": 2 * shape.trained * shape.weight_bytes,
        "layer inputs": language.layers * tokens * language.hidden * shape.weight_bytes,
        "one layer": tokens * one_layer * max(_BF16, shape.weight_bytes),
        # At most half of the tokens are supervised; their logits exist in bf16, float32, and as a gradient.
        "logits": tokens / 2 * shape.vocabulary * (_BF16 + 2 * _FP32),
        "CUDA": _CONTEXT_BYTES,
    }
    return {**parts, "all": _FRAGMENTS * sum(parts.values())}


def step_flops(shape: Shape, lengths: Sequence[int], supervised: int, pictures: int) -> float:
    """Return the model's FLOPs for one step, forward and backward; see the module for what counts.

    `lengths` are those of the conversations, tokens; each of the `pictures` goes through the tower once.
    """
    language, tower = shape.language, shape.tower
    decoder = 6.0 * language.weights * sum(lengths)
    # Scores and their sum: 2 x 2 a pair of tokens and width forward, twice that backward; causal, so half the pairs.
    attention = 6.0 * language.layers * language.hidden * sum(n * n for n in lengths)
    head = 6.0 * shape.vocabulary * language.hidden * supervised
    projector = 6.0 * shape.projector * pictures * shape.patches
    stem = 2.0 * 3 * shape.patch**2 * tower.hidden * pictures * shape.patches
    seen = shape.patches + 1
    eye = 2.0 * tower.weights * pictures * seen + 4.0 * tower.layers * tower.hidden * pictures * seen**2
    return decoder + attention + head + projector + stem + eye


def make_model(shape: Shape, image_token: int, device: torch.device) -> Any:
    """Return the LLaVA with random weights, made where it stays: what trains in its precision, the tower in bf16."""
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

    language, tower = shape.language, shape.tower
    text = LlamaConfig(
        vocab_size=shape.vocabulary, hidden_size=language.hidden, intermediate_size=language.inner,
        num_hidden_layers=language.layers, num_attention_heads=language.heads, num_key_value_heads=language.kv_heads,
        tie_word_embeddings=False, max_position_embeddings=shape.context,
    )  # fmt: skip
    seen = CLIPVisionConfig(
        hidden_size=tower.hidden, intermediate_size=tower.inner, num_hidden_layers=tower.layers,
        num_attention_heads=tower.heads, image_size=shape.side, patch_size=shape.patch,
    )  # fmt: skip
    config = LlavaConfig(vision_config=seen, text_config=text, image_token_index=image_token, vision_feature_layer=-1)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16 if shape.weight_bytes == _BF16 else torch.float32)
    try:
        with device:
            model: Any = LlavaForConditionalGeneration(config)
    finally:
        torch.set_default_dtype(before)
    model.model.vision_tower.to(torch.bfloat16).requires_grad_(False)
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return model


def steps(shape: Shape, data: Samples, rows: int) -> Iterator[tuple[MicroBatch, float]]:
    """Yield micro-batches of `rows` packed rows and their FLOPs, for ever."""
    samples, names, pixels = data
    packed = pack([len(s) for s in samples], shape.context)
    for k in itertools.count(0, rows):
        group = [packed[i % len(packed)] for i in range(k, k + rows)]
        batch = collate(group, samples, names, pixels, 0, shape.side, 0)
        lengths = [len(samples[i]) for row in group for i in row]
        yield batch, step_flops(shape, lengths, batch.supervised, len(batch.keys))


def measure(shape: Shape, model: Any, data: Samples, rows: int, count: int) -> tuple[float, float]:
    """Return tokens and FLOPs a second of `count` steps, after two that do not count."""
    set_attention(model.model.language_model, PACKED)
    objective = Objective(model, shape.vision, tower_trains=False).train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-5, fused=True)
    return timed_steps(objective, optimizer, steps(shape, data, rows), count, model.device)


def timed_steps(
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    work: Iterator[tuple[MicroBatch, float]],
    count: int,
    device: torch.device,
) -> tuple[float, float]:
    """Return tokens and FLOPs a second of `count` steps of our loop on batches and their FLOPs, after two more."""
    trained = [p for group in optimizer.param_groups for p in group["params"]]
    tokens, flops, began = 0, 0.0, 0.0
    for step, (made, own) in enumerate(itertools.islice(work, count + 2)):
        if step == 2:
            wait(device)
            tokens, flops, began = 0, 0.0, time.perf_counter()
        batch = made.to(device)
        with torch.autocast(device.type, torch.bfloat16):
            loss = objective(batch) / batch.supervised
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        tokens, flops = tokens + batch.tokens, flops + own
    wait(device)
    seconds = time.perf_counter() - began
    return tokens / seconds, flops / seconds


def wait(device: torch.device) -> None:
    """Return when the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def check_room(shape: Shape, rows: int, device: torch.device) -> None:
    """Print the estimated memory. Raises SystemExit, in words, where it does not fit or there is no GPU for it."""
    parts = memory_bytes(shape, rows)
    for name, size in parts.items():
        print(f"{name:14} {size / 1e9:8.2f} GB")
    if device.type == "cpu":
        if shape.name != "tiny":
            raise SystemExit(f"the {shape.name} shape needs a GPU, and torch sees none; --shape tiny runs on a CPU")
        return
    free, total = torch.cuda.mem_get_info(device)
    if parts["all"] > free:
        raise SystemExit(
            f"the {shape.name} shape with {rows} rows needs about {parts['all'] / 1e9:.0f} GB, and {free / 1e9:.0f} of "
            f"the GPU's {total / 1e9:.0f} GB are free; lower --rows"
        )


def report(shape: Shape, data: Samples, image_token: int, options: argparse.Namespace, device: torch.device) -> None:
    """Measure and print; with --check raise SystemExit(1) below the goal."""
    check_room(shape, options.rows, device)
    model = make_model(shape, image_token, device)
    tokens, flops = measure(shape, model, data, options.rows, options.steps)
    print(f"{shape.name}: {tokens:,.0f} real tokens/s, {flops / 1e12:.3f} model TFLOP/s, rows of {shape.context}")
    if device.type == "cuda":
        print(f"peak memory    {torch.cuda.max_memory_allocated() / 1e9:8.2f} GB (estimated as above)")
    if options.peak_tflops:
        share = flops / options.peak_tflops / 1e12
        print(f"utilisation    {100 * share:8.1f} % of {options.peak_tflops:g} TFLOP/s (goal: {100 * GOAL:.0f} %)")
        if options.check and share < GOAL:
            raise SystemExit(1)
