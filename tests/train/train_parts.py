"""Tiny towers, language models and configs for tests of the trainer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from spatialgen.train.config import TrainConfig


def save_tower(folder: Path, kind: str = "dinov2", side: int = 56, layers: int = 3) -> str:
    """Save a random tower and return its folder as text."""
    from transformers import (
        CLIPVisionConfig,
        CLIPVisionModel,
        Dinov2Config,
        Dinov2Model,
        Dinov2WithRegistersConfig,
        Dinov2WithRegistersModel,
        DINOv3ViTConfig,
        DINOv3ViTModel,
        SiglipConfig,
        SiglipModel,
        SiglipTextConfig,
        SiglipVisionConfig,
        SiglipVisionModel,
    )

    torch.manual_seed(0)  # whether a test learns must not hang on the draw
    shared = {"hidden_size": 32, "num_hidden_layers": layers, "num_attention_heads": 2}
    shared |= {"image_size": side, "patch_size": 14}
    if kind == "dinov2":
        model: Any = Dinov2Model(Dinov2Config(**shared))
    elif kind == "registers":
        model = Dinov2WithRegistersModel(Dinov2WithRegistersConfig(**shared, num_register_tokens=4))
    elif kind == "dinov3":
        model = DINOv3ViTModel(DINOv3ViTConfig(**shared, intermediate_size=64, num_register_tokens=2))
    elif kind == "siglip2":  # as on the hub: tower and text model, of model type siglip
        text = SiglipTextConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
        seen = SiglipVisionConfig(**shared, intermediate_size=64)
        model = SiglipModel(SiglipConfig(text_config=text.to_dict(), vision_config=seen.to_dict()))
    elif kind == "clip":
        model = CLIPVisionModel(CLIPVisionConfig(**shared, intermediate_size=64))
    else:
        model = SiglipVisionModel(SiglipVisionConfig(**shared, intermediate_size=64))
    model.save_pretrained(folder)
    return str(folder)


def settings(build: Path, tower: str, out: Path, **changes: Any) -> dict[str, Any]:
    """Return a config as plain values; `changes` are dotted keys with __ for the dot, stages meaning the first."""
    tree: dict[str, Any] = {
        "name": "tiny",
        "output": str(out),
        "model": {
            "vision": {"name": tower},
            "language": {
                "scratch": {"hidden_size": 32, "layers": 2, "heads": 2, "intermediate_size": 64, "vocabulary": 330}
            },
        },
        "stages": [
            {
                "name": "one",
                "trains": {"language": "full"},
                "data": {
                    "sources": [{"kind": "build", "path": str(build), "turns": 3}],
                    "context": 256,
                    "workers": 0,
                    "shuffle_images": 6,
                },
                "optim": {"lr": 0.01, "batch": 4, "micro_batch": 2, "steps": 8, "warmup": 0.1},
            }
        ],
        "run": {"precision": "fp32", "device": "cpu", "save_every": 3, "log_every": 100, "threads": 1},
    }
    for key, value in changes.items():
        node: Any = tree
        *path, last = key.split("__")
        for part in path:
            node = node["stages"][0] if part == "stage" else node.setdefault(part, {})
        node[last] = value
    return tree


def config(build: Path, tower: str, out: Path, **changes: Any) -> TrainConfig:
    """Return `settings` as a checked config."""
    return TrainConfig.model_validate_json(json.dumps(settings(build, tower, out, **changes)))


def losses(out: Path) -> dict[int, float]:
    """Return the loss by step of stage one; steps done twice (before and after a kill) must agree."""
    found: dict[int, float] = {}
    for line in (out / "one" / "log.jsonl").read_text().splitlines():
        report = json.loads(line)
        assert abs(found.setdefault(report["step"], report["loss"]) - report["loss"]) < 1e-6
    return found
