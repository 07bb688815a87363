"""A LLaVA of transformers' own classes, put together from a tower, a projector and a language model.

- linear, mlp2x: `LlavaForConditionalGeneration`. A linear projector is its two-layer one with no activation and an
  identity as second layer, which stays frozen.
- pooled: `AyaVisionForConditionalGeneration`, whose projector merges 2 x 2 patches (pixel shuffle) into one token.
- timm towers: `PerceptionLMForConditionalGeneration`, with its two-layer projector, pooled (2 x 2 mean) or not.

So what is saved loads by `AutoModelForImageTextToText.from_pretrained(folder)` with no code of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spatialgen.errors import ConfigError
from spatialgen.train.config import LanguageConfig, ModelConfig, ScratchConfig
from spatialgen.train.hf import transformers
from spatialgen.train.templates import IMAGE
from spatialgen.train.towers import Tower, load_tower
from spatialgen.train.vocabulary import VIDEO, prepare_tokenizer


@dataclass(frozen=True, slots=True)
class Vision:
    """What turns pictures into image tokens. `tokens` a picture takes in a sequence; `side` of its square, pixels."""

    side: int
    tokens: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @property
    def background(self) -> tuple[int, int, int]:
        """The colour that pads a picture to a square: the mean, as LLaVA and transformers do it."""
        r, g, b = (int(255 * m) for m in self.mean)
        return r, g, b


@dataclass(frozen=True, slots=True)
class Assembled:
    """A model with its tokenizer and what it needs of pictures."""

    model: Any
    tokenizer: Any
    vision: Vision
    patch: int
    pooling: int


def assemble(config: ModelConfig, tokenizer: Any | None = None) -> Assembled:
    """Return the model that `config` names, in float32 on the CPU. `tokenizer` goes with a model from scratch.

    Raises ConfigError for parts that do not fit together.
    """
    if config.start is not None:
        return load_model(Path(config.start))
    assert config.vision is not None
    assert config.language is not None
    tower = load_tower(config.vision)
    language, tokenizer = _language(config.language, tokenizer)
    if getattr(language.get_output_embeddings(), "bias", None) is not None:
        raise ConfigError(f"{config.language.name}: its output layer has a bias, which no LLaVA of transformers has")
    prepare_tokenizer(tokenizer, (IMAGE, VIDEO) if tower.timm else (IMAGE,))
    if len(tokenizer) > language.get_input_embeddings().num_embeddings:
        language.resize_token_embeddings(len(tokenizer), pad_to_multiple_of=64, mean_resizing=False)
    pooling = 2 if config.projector == "pooled" else 1
    if (tower.side // tower.patch) % pooling:
        raise ConfigError(
            f"pooled merges 2 x 2 patches, but {config.vision.name} has {tower.side // tower.patch} a side; "
            f"choose an image_size that is a multiple of {2 * tower.patch}"
        )
    try:
        model = _join(tower, language, config.projector, tokenizer)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        kind = language.config.model_type
        raise ConfigError(
            f"{config.language.name}: a {kind} does not fit into a LLaVA of transformers: {error}"
        ) from error
    vision = Vision(tower.side, tower.patches // pooling**2, tower.mean, tower.std)
    return Assembled(model, tokenizer, vision, tower.patch, pooling)


def _language(config: LanguageConfig, tokenizer: Any | None) -> tuple[Any, Any]:

    if config.scratch is not None:
        if tokenizer is None:
            raise ConfigError("a language model from scratch needs texts to learn its vocabulary from")
        return _scratch(config.scratch, tokenizer), tokenizer
    name, gguf = config.name or "", config.gguf_file
    if name.startswith("pulled:"):
        from spatialgen.train.pulled import pulled_path

        file = pulled_path(name.removeprefix("pulled:"))
        name, gguf = str(file.parent), file.name
    extra = {} if gguf is None else {"gguf_file": gguf}
    try:
        model = transformers().AutoModelForCausalLM.from_pretrained(
            name, dtype=torch.float32, attn_implementation="sdpa", **extra
        )
    except ValueError as error:  # some kinds know no SDPA, others are no causal language models
        raise ConfigError(f"{name}: cannot be the language model: {error}") from error
    return model, transformers().AutoTokenizer.from_pretrained(name, **extra)


def _scratch(config: ScratchConfig, tokenizer: Any) -> Any:

    return transformers().LlamaForCausalLM(
        transformers().LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=config.hidden_size,
            intermediate_size=config.intermediate_size,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            num_key_value_heads=config.kv_heads or config.heads,
            max_position_embeddings=config.positions,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            attn_implementation="sdpa",
        )
    )


def _join(tower: Tower, language: Any, projector: str, tokenizer: Any) -> Any:
    """Return the composite model around the two parts, whose weights it takes over without a copy."""
    cls, config = _composite(tower, language.config, projector, tokenizer)
    with torch.device("meta"):
        model = cls(config)
    model.model.vision_tower = tower.module
    model.model.language_model = language.base_model
    model.lm_head = language.get_output_embeddings()
    model.model.multi_modal_projector = type(model.model.multi_modal_projector)(config)
    model.model.multi_modal_projector.apply(_init_linear)
    if projector == "linear":
        _make_identity(model.model.multi_modal_projector.linear_2)
    model.tie_weights()
    model.generation_config = language.generation_config
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model.float()


def _composite(tower: Tower, text: Any, projector: str, tokenizer: Any) -> tuple[Any, Any]:
    image_token_id = tokenizer.convert_tokens_to_ids(IMAGE)

    if tower.timm:
        if projector == "linear":
            raise ConfigError(
                "timm towers take the projectors mlp2x and pooled (those of transformers' class for them)"
            )
        config = transformers().PerceptionLMConfig(
            vision_config=tower.config,
            text_config=text,
            vision_use_cls_token=tower.prefix == 1,
            projector_pooling_ratio=2 if projector == "pooled" else 1,
            image_token_id=image_token_id,
            video_token_id=tokenizer.convert_tokens_to_ids(VIDEO),
            tie_word_embeddings=text.tie_word_embeddings,
        )
        return transformers().PerceptionLMForConditionalGeneration, config
    shared = {
        "vision_config": tower.config,
        "text_config": text,
        "image_token_index": image_token_id,
        "vision_feature_layer": tower.layer,
        "vision_feature_select_strategy": "default" if tower.prefix else "full",
    }
    if projector == "pooled":
        config = transformers().AyaVisionConfig(
            **shared, downsample_factor=2, alignment_intermediate_size=2 * text.hidden_size
        )
        config.tie_word_embeddings = text.tie_word_embeddings
        return transformers().AyaVisionForConditionalGeneration, config
    config = transformers().LlavaConfig(
        **shared,
        image_seq_length=tower.patches,
        projector_hidden_act="linear" if projector == "linear" else "gelu",
    )
    return transformers().LlavaForConditionalGeneration, config


def _init_linear(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=module.in_features**-0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _make_identity(linear: Any) -> None:
    nn.init.eye_(linear.weight)
    nn.init.zeros_(linear.bias)


def load_model(folder: Path) -> Assembled:
    """Return the model in a folder that `save_model` (or the hub's LLaVA 1.5) filled, in float32 on the CPU."""

    if not (folder / "config.json").is_file():
        raise ConfigError(f"{folder} is no model folder: there is no config.json in it")
    model = transformers().AutoModelForImageTextToText.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="sdpa"
    )
    processor = transformers().AutoProcessor.from_pretrained(folder)
    images = processor.image_processor
    vision_config = model.config.vision_config
    if model.config.model_type == "perception_lm":
        patch, pooling, side = int(processor.patch_size), int(processor.pooling_ratio), int(images.tile_size)
    else:
        pooling = int(getattr(model.config, "downsample_factor", 1))
        patch, side = int(vision_config.patch_size), int(images.crop_size["height"])
    tokens = (side // patch // pooling) ** 2
    vision = Vision(side, tokens, tuple(images.image_mean), tuple(images.image_std))
    return Assembled(model, processor.tokenizer, vision, patch, pooling)
