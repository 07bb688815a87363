"""A LLaVA of transformers' own classes, put together from a tower, a projector and a language model.

| tower | linear, mlp2x | pooled: 2 x 2 patches a token |
|---|---|---|
| of transformers | Llava | AyaVision (pixel shuffle) |
| timm, a row of tokens | DeepseekVL (mlp2x) | Cohere2Vision (pixel shuffle); PerceptionLM (mean) with a class token |
| timm, a channels-last map | DeepseekVL (mlp2x) | none |
| timm, a channels-first map | FastVlm | none |

each with `ForConditionalGeneration`. A linear projector is the two-layer one with no activation and an identity as
second layer, which stays frozen. Where a class cannot leave out the tokens before the patches (registers; the class
token in DeepseekVL), they are image tokens too. So what is saved loads by
`AutoModelForImageTextToText.from_pretrained(folder)` with no code of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spatialgen.errors import ConfigError
from spatialgen.train.config import LanguageConfig, ModelConfig, ScratchConfig
from spatialgen.train.hf import fetched, transformers
from spatialgen.train.parts import projector_name, projector_of, tower_name
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
    """A model with its tokenizer and what it needs of pictures. `patch` is the side that a token covers, pixels."""

    model: Any
    tokenizer: Any
    vision: Vision
    patch: int

    @property
    def extra(self) -> int:
        """Image tokens of a picture beside those of its patches."""
        return self.vision.tokens - (self.vision.side // self.patch) ** 2


@dataclass(frozen=True, slots=True)
class _Joint:
    """A composite: its class, its config, and how many image tokens of a picture it makes."""

    cls: Any
    config: Any
    tokens: int


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
    pooling = 2 if config.projector == "pooled" else 1
    if pooling == 2:
        _check_pooled(tower, config.vision.name)
    prepare_tokenizer(tokenizer, (IMAGE, VIDEO) if _perception(tower, config.projector) else (IMAGE,))
    if len(tokenizer) > language.get_input_embeddings().num_embeddings:
        language.resize_token_embeddings(len(tokenizer), pad_to_multiple_of=64, mean_resizing=False)
    try:
        joint = _composite(tower, language.config, config.projector, tokenizer)
        model = _join(joint, tower, language, config.projector, tokenizer)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        kind = language.config.model_type
        raise ConfigError(
            f"{config.language.name}: a {kind} does not fit into a LLaVA of transformers: {error}"
        ) from error
    vision = Vision(tower.side, joint.tokens, tower.mean, tower.std)
    return Assembled(model, tokenizer, vision, tower.patch * pooling)


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
    with fetched(name, "language model"):  # some kinds know no SDPA, others are no causal language models
        model = transformers().AutoModelForCausalLM.from_pretrained(
            name, dtype=torch.float32, attn_implementation="sdpa", **extra
        )
        tokenizer = transformers().AutoTokenizer.from_pretrained(name, **extra)
    return model, tokenizer


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


def _join(joint: _Joint, tower: Tower, language: Any, projector: str, tokenizer: Any) -> Any:
    """Return the composite model around the two parts, whose weights it takes over without a copy."""
    with torch.device("meta"):
        model = joint.cls(joint.config)
    fresh = type(projector_of(model))(joint.config)
    fresh.apply(_init_linear)
    if projector == "linear":
        _make_identity(fresh.linear_2)
    model.set_submodule(tower_name(model), tower.module)
    model.set_submodule(projector_name(model), fresh)
    model.model.language_model = language.base_model
    model.lm_head = language.get_output_embeddings()
    model.tie_weights()
    model.generation_config = language.generation_config
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model.float()


def _composite(tower: Tower, text: Any, projector: str, tokenizer: Any) -> _Joint:
    image_token_id = tokenizer.convert_tokens_to_ids(IMAGE)
    if tower.form == "layers":
        return _native(tower, text, projector, image_token_id)
    shared = {
        "vision_config": tower.config,
        "text_config": text,
        "image_token_id": image_token_id,
        "tie_word_embeddings": text.tie_word_embeddings,
    }
    if tower.form == "map":
        return _of_map(tower, shared, projector)
    if projector == "linear":
        raise ConfigError(
            "timm towers that give tokens, or a map with the channels last, take mlp2x (some take pooled)"
        )
    if projector == "mlp2x":
        config = transformers().DeepseekVLConfig(**shared)
        return _Joint(transformers().DeepseekVLForConditionalGeneration, config, tower.prefix + tower.patches)
    if _perception(tower, projector):
        shared["vision_config"].model_args["embed_dim"] = tower.config.hidden_size
        config = transformers().PerceptionLMConfig(
            **shared,
            vision_use_cls_token=True,
            projector_pooling_ratio=2,
            video_token_id=tokenizer.convert_tokens_to_ids(VIDEO),
        )
        return _Joint(transformers().PerceptionLMForConditionalGeneration, config, tower.patches // 4)
    config = transformers().Cohere2VisionConfig(
        **shared, downsample_factor=2, alignment_intermediate_size=2 * text.hidden_size
    )
    return _Joint(transformers().Cohere2VisionForConditionalGeneration, config, tower.patches // 4)


def _perception(tower: Tower, projector: str) -> bool:
    """True where only PerceptionLM can leave out the class token before it merges patches."""
    return projector == "pooled" and tower.form == "row" and tower.prefix == 1


def _check_pooled(tower: Tower, name: str) -> None:
    """Raise ConfigError where no class of transformers merges this tower's patches."""
    if tower.form in ("map", "map_last"):
        raise ConfigError(f"pooled takes a tower that gives a row of patches; {name} gives a map, so choose mlp2x")
    if tower.prefix > 1:
        raise ConfigError(
            f"pooled takes a tower with one token before its patches at most; {name} has {tower.prefix} "
            "(registers among them), so choose mlp2x"
        )
    if tower.grid % 2:
        raise ConfigError(
            f"pooled merges 2 x 2 patches, but {name} has {tower.grid} a side; "
            f"choose an image_size that is a multiple of {2 * tower.patch}"
        )


def _of_map(tower: Tower, shared: dict[str, Any], projector: str) -> _Joint:

    shared["image_token_index"] = shared.pop("image_token_id")
    config = transformers().FastVlmConfig(**shared, projector_hidden_act="linear" if projector == "linear" else "gelu")
    return _Joint(transformers().FastVlmForConditionalGeneration, config, tower.patches)


def _native(tower: Tower, text: Any, projector: str, image_token_id: int) -> _Joint:
    shared = {
        "vision_config": tower.config,
        "text_config": text,
        "image_token_index": image_token_id,
        "vision_feature_layer": tower.layer,
        "vision_feature_select_strategy": "default" if tower.prefix else "full",
    }
    registers = max(0, tower.prefix - 1)  # "default" leaves out the class token only
    if projector == "pooled":
        config = transformers().AyaVisionConfig(
            **shared, downsample_factor=2, alignment_intermediate_size=2 * text.hidden_size
        )
        config.tie_word_embeddings = text.tie_word_embeddings
        return _Joint(transformers().AyaVisionForConditionalGeneration, config, tower.patches // 4)
    config = transformers().LlavaConfig(
        **shared,
        image_seq_length=tower.patches + registers,
        projector_hidden_act="linear" if projector == "linear" else "gelu",
    )
    return _Joint(transformers().LlavaForConditionalGeneration, config, tower.patches + registers)


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
    with fetched(str(folder), "model to go on from"):
        model = transformers().AutoModelForImageTextToText.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="sdpa"
        )
        processor = transformers().AutoProcessor.from_pretrained(folder)
    try:
        vision, patch = _vision_of(model, processor)
    except AttributeError as error:
        kind = model.config.model_type
        raise ConfigError(f"{folder} holds a {kind}; training goes on from the kinds that it writes") from error
    return Assembled(model, processor.tokenizer, vision, patch)


def _vision_of(model: Any, processor: Any) -> tuple[Vision, int]:
    """Return what a saved model needs of pictures, and the side of what becomes one token, pixels."""
    images = processor.image_processor
    if model.config.model_type == "perception_lm":
        side, patch, extra = int(images.tile_size), int(processor.patch_size) * int(processor.pooling_ratio), 0
    else:
        side, extra = int(images.crop_size["height"]), 0
        if model.config.model_type in ("llava", "aya_vision"):  # old hub processors count wrong, their configs do not
            seen = model.config.vision_config
            patch = int(seen.patch_size) * int(getattr(model.config, "downsample_factor", 1))
            extra = int(getattr(seen, "num_register_tokens", 0))
        else:
            patch, extra = int(processor.patch_size), int(processor.num_additional_image_tokens)
    return Vision(side, (side // patch) ** 2 + extra, tuple(images.image_mean), tuple(images.image_std)), patch
