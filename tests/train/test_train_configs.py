"""The configs that are shipped: each loads, and builds a model that trains what its stages say, from tiny stand-ins."""

from pathlib import Path

import pytest
import torch
from train_parts import save_tower
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from spatialgen.config.loader import load_model
from spatialgen.train.config import ModelConfig, TrainConfig
from spatialgen.train.labels import Encoder
from spatialgen.train.model import assemble
from spatialgen.train.run import marks
from spatialgen.train.templates import IMAGE, Turn, template
from spatialgen.train.trainable import check, freeze, table
from spatialgen.train.vocabulary import learn_tokenizer

CONFIGS = sorted((Path(__file__).parents[2] / "configs" / "train").glob("*.yaml"))
DEPTH = 30  # as many layers as the deepest tower that a config unfreezes a part of


def stand_in(model: ModelConfig, folder: Path) -> ModelConfig:
    """Return `model` with a tiny random tower and language model of the same kinds."""
    vision, language = model.vision, model.language
    if vision is None or language is None:  # goes on from LLaVA 1.5
        parts = {"vision": {"name": save_tower(folder / "tower", "clip")}, "language": tiny(folder)}
        return ModelConfig.model_validate(parts)
    kind = next(k for k in ("dinov2", "clip", "siglip") if k in vision.name)
    tower = save_tower(folder / "tower", kind, side=vision.image_size or 56, layers=DEPTH)
    changes = {"name": tower} if kind == "dinov2" else {"name": tower, "image_size": None}
    return model.model_copy(
        update={
            "vision": vision.model_copy(update=changes),
            "language": language if language.scratch else language.model_copy(update=tiny(folder, language.name or "")),
        }
    )


def tiny(folder: Path, name: str = "") -> dict[str, str]:
    tokenizer = learn_tokenizer(["What is it? A chair. USER: ASSISTANT: system user assistant"], 320)
    if "vicuna" not in name and name:
        tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    shape = {"vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    shape |= {"num_attention_heads": 2, "num_key_value_heads": 1}
    made = Qwen2ForCausalLM(Qwen2Config(**shape)) if "Qwen" in name else LlamaForCausalLM(LlamaConfig(**shape))
    made.save_pretrained(folder / "language")
    tokenizer.save_pretrained(folder / "language")
    return {"name": str(folder / "language")}


@pytest.mark.parametrize("file", CONFIGS, ids=lambda f: f.stem)
def test_a_shipped_config_builds_what_it_says(file: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = load_model(TrainConfig, file, [])
    scratch = config.model.language is not None and config.model.language.scratch is not None
    tokenizer = learn_tokenizer(["What is it? A chair."], 320, marks(config.stages)) if scratch else None
    for stage in config.stages:
        made = assemble(stand_in(config.model, tmp_path), tokenizer)
        freeze(made.model, stage.trains)
        check(made.model, stage.trains)
        trained = {row.part: row.trained for row in table(made.model, stage.trains, stage.optim)}
        assert trained["projector"] > 0
        assert (trained["language model"] > 0) is (stage.trains.language == "full")
        assert (trained["vision tower"] > 0) is (stage.trains.vision_from_layer is not None)
        encoder = Encoder(made.tokenizer, template(stage.template), made.vision.tokens, stage.data.context)
        (sample,) = encoder.encode([("a", [Turn(f"{IMAGE}\nWhat is it?", "A chair.")])])
        assert 0 < sample.supervised < 20
        assert len(sample) < stage.data.context
