"""Real tokens a second of our loop against Hugging Face's Trainer: same model, samples, batch in tokens, hardware.

    python bench/train.py [--hidden 256] [--layers 4] [--vocabulary 49152] [--steps 12] [--check]
    python bench/train.py --shape 7b --peak-tflops 989     # on a GPU of 80 GB: the share of its FLOPs that we use

The Trainer groups by length and pads (`train_sampling_strategy: group_by_length`), both run bf16 autocast with a
fused AdamW; the vocabulary has SmolLM2's size, since both must go through it. Real tokens are those of the
conversations, image tokens included, padding not. With --shape (1b, 7b, or tiny for a CPU) the model FLOP utilisation
of our loop alone is measured instead; bench/utilisation.py says how its FLOPs are counted and what fits a GPU.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from utilisation import SHAPES, report, timed_steps, wait

from spatialgen.seeding import rng
from spatialgen.train.attention import set_attention
from spatialgen.train.config import RunConfig
from spatialgen.train.labels import Encoded, Encoder
from spatialgen.train.model import Vision
from spatialgen.train.objective import Objective
from spatialgen.train.rows import MicroBatch, collate, pack
from spatialgen.train.templates import IMAGE, Turn, template
from spatialgen.train.vocabulary import learn_tokenizer

SIDE, PATCHES, CONTEXT = 112, 64, 1024
VISION = Vision(SIDE, PATCHES, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def make_model(hidden: int, layers: int, vocabulary: int, tokenizer: Any) -> Any:
    """Return a LLaVA of the given shape with random weights and a small frozen tower."""
    from transformers import Dinov2Config, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

    torch.manual_seed(0)
    text = LlamaConfig(
        vocab_size=vocabulary, hidden_size=hidden, intermediate_size=4 * hidden, num_hidden_layers=layers,
        num_attention_heads=max(4, hidden // 64), num_key_value_heads=max(4, hidden // 64), tie_word_embeddings=True,
    )  # fmt: skip
    tower = Dinov2Config(hidden_size=96, num_hidden_layers=3, num_attention_heads=3, image_size=SIDE, patch_size=14)
    image = tokenizer.convert_tokens_to_ids(IMAGE)
    model = LlavaForConditionalGeneration(LlavaConfig(vision_config=tower, text_config=text, image_token_index=image))
    model.model.vision_tower.requires_grad_(False)
    return model


def make_samples(count: int, encoder: Encoder, side: int = SIDE) -> tuple[list[Encoded], list[str], dict[str, Any]]:
    """Return conversations of 1 to 12 turns, as general sets and ours together have them, with their pictures."""
    conversations = []
    for i in range(count):
        turns = [Turn(f"Which is further left, thing {i} or thing {q}?", f"Thing {q}.") for q in range(12)]
        turns = turns[: int(rng(i, "turns").integers(1, 13))]
        conversations.append((str(i), [Turn(f"{IMAGE}\n{turns[0].question}", turns[0].answer), *turns[1:]]))
    pixels = {str(i): rng(i, "px").integers(0, 255, (side, side, 3)).astype(np.uint8) for i in range(count)}
    return encoder.encode(conversations), [str(i) for i in range(count)], pixels


def batches(samples: list[Encoded], names: Any, pixels: Any, size: int) -> Iterator[MicroBatch]:
    """Yield our micro-batches of `size` packed rows, for ever, each made when it is asked for."""
    rows = pack([len(s) for s in samples], CONTEXT)
    for k in itertools.count(0, size):
        group = [rows[i % len(rows)] for i in range(k, k + size)]
        yield collate(group, samples, names, pixels, 0, SIDE, 0)


def ours(model: Any, data: Iterator[MicroBatch], steps: int, device: torch.device) -> float:
    """Return real tokens a second of `steps` steps of our loop."""
    set_attention(model.model.language_model, RunConfig().attention)
    objective = Objective(model.train().to(device), VISION, tower_trains=False)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, fused=True)
    tokens_a_second, _ = timed_steps(objective, optimizer, ((batch, 0.0) for batch in data), steps, device)
    return tokens_a_second


class Rows(Dataset[dict[str, Any]]):
    """The samples as a Trainer takes them."""

    def __init__(self, samples: Any, names: Any, pixels: Any) -> None:
        self._samples, self._names, self._pixels = samples, names, pixels

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, i: int) -> dict[str, Any]:
        one, image = self._samples[i], self._pixels[self._names[i]]
        return {"input_ids": one.ids, "labels": one.labels, "pixel_values": image, "length": len(one)}


class Collator:
    """Pads to the longest and counts the real tokens of the steps after the first two."""

    def __init__(self) -> None:
        self.calls, self.tokens, self.began = 0, 0, 0.0

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Return the padded batch."""
        if self.calls == 2:
            self.tokens, self.began = 0, time.perf_counter()
        self.calls += 1
        width = max(len(r["input_ids"]) for r in rows)
        ids, labels = np.zeros((len(rows), width), np.int64), np.full((len(rows), width), -100, np.int64)
        mask = np.zeros((len(rows), width), np.int64)
        for k, row in enumerate(rows):
            n = len(row["input_ids"])
            ids[k, :n], labels[k, :n], mask[k, :n] = row["input_ids"], row["labels"], 1
        self.tokens += int(mask.sum())
        pixels = torch.from_numpy(np.stack([r["pixel_values"] for r in rows])).permute(0, 3, 1, 2).float() / 127.5 - 1
        arrays = (("input_ids", ids), ("labels", labels), ("attention_mask", mask))
        return {**{n: torch.from_numpy(a) for n, a in arrays}, "pixel_values": pixels}


def theirs(model: Any, data: Rows, rows: int, steps: int, device: torch.device) -> float:
    """Return real tokens a second of `steps` steps of the Trainer with `rows` rows a batch."""
    from transformers import Trainer, TrainingArguments

    collator = Collator()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, max_steps=steps + 2, per_device_train_batch_size=rows, bf16=True, report_to=[],
            train_sampling_strategy="group_by_length", length_column_name="length", optim="adamw_torch_fused",
            remove_unused_columns=False, save_strategy="no", disable_tqdm=True, logging_strategy="no",
            use_cpu=device.type == "cpu", dataloader_num_workers=0,
        )  # fmt: skip
        Trainer(model=model, args=arguments, train_dataset=data, data_collator=collator).train()
        wait(device)
    return collator.tokens / (time.perf_counter() - collator.began)


def main() -> None:
    """Measure and print; with --check end with 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (
        ("hidden", 256),
        ("layers", 4),
        ("steps", 12),
        ("rows", 2),
        ("samples", 600),
        ("vocabulary", 49152),
    ):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--shape", choices=list(SHAPES), help="Measure the utilisation of a GPU with this shape.")
    parser.add_argument("--peak-tflops", type=float, help="Peak bf16 of the GPU, to print its utilisation.")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = learn_tokenizer(["Which is further left, thing 1 or thing 2? USER: ASSISTANT:"], 400)
    if options.shape:
        shape = SHAPES[options.shape]
        encoder = Encoder(tokenizer, template("v1"), shape.patches, shape.context)
        data = make_samples(min(options.samples, 64), encoder, shape.side)
        report(shape, data, tokenizer.convert_tokens_to_ids(IMAGE), options, device)
        return
    samples, names, pixels = make_samples(options.samples, Encoder(tokenizer, template("v1"), PATCHES, CONTEXT))
    stream = batches(samples, names, pixels, options.rows)
    rows = max(1, round(options.rows * CONTEXT / np.mean([len(s) for s in samples])))
    sizes = (options.hidden, options.layers, options.vocabulary, tokenizer)
    trainer = theirs(make_model(*sizes), Rows(samples, names, pixels), rows, options.steps, device)
    loop = ours(make_model(*sizes), stream, options.steps, device)
    print(f"ours           {loop:10,.0f} real tokens/s (rows of {CONTEXT}, {options.rows} a step)")
    print(f"HF Trainer     {trainer:10,.0f} real tokens/s ({rows} conversations a step)")
    print(f"ratio          {loop / trainer:10.2f} (goal: 1.3)")
    if options.check and loop < 1.3 * trainer:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
