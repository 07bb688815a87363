"""Vision towers: CLIP, SigLIP, DINOv2 and DINOv3 of transformers, and timm models, with what a LLaVA must know of them.

A timm model fits by what its `forward_features` gives, not by its name: a row of tokens (plain transformers, with any
number of tokens before the patches: classes, registers), a channels-last map (Swin, MambaOut) or a channels-first one
(convolutional nets, MaxViT, FastViT). What gives a list of maps (CoaT, CrossViT) or a single vector fits no LLaVA.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from spatialgen.errors import ConfigError
from spatialgen.train.config import VisionConfig
from spatialgen.train.hf import fetched, timm, transformers

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
_HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
# model type of transformers -> (class, tokens before the patches but for registers, mean and deviation of its pictures)
_KINDS = {
    "clip_vision_model": ("CLIPVisionModel", 1, _CLIP),
    "siglip_vision_model": ("SiglipVisionModel", 0, _HALF),
    "dinov2": ("Dinov2Model", 1, _IMAGENET),
    "dinov2_with_registers": ("Dinov2WithRegistersModel", 1, _IMAGENET),
    "dinov3_vit": ("DINOv3ViTModel", 1, _IMAGENET),
}
_ANY_SIZE = {"dinov2", "dinov2_with_registers", "dinov3_vit"}
_COMPOSITES = {"clip", "siglip"}
# What to take instead of towers that transformers' LLaVA classes cannot carry.
_INSTEAD = {
    "siglip2": "this checkpoint takes pictures of any shape; take one of a fixed size, such as "
    "google/siglip2-base-patch16-224, or timm:vit_base_patch16_siglip_224.v2_webli",
    "dinov3_convnext": "take the same network from timm: timm:convnext_small.dinov3_lvd1689m",
    "timm_wrapper": "name it as timm:<model>",
}

Form = Literal["layers", "row", "map", "map_last"]


@dataclass(frozen=True, slots=True)
class Tower:
    """A vision tower: the module, its config, and how its output becomes patches.

    `side` is the input's, pixels; `grid` counts the patches a side, each of `patch` pixels; `prefix` counts the tokens
    before the patches (class, registers); `layer` is the output used (-1: the last; timm towers give only that).
    `mean` and `std` normalise RGB in [0, 1]. `form` says what comes out: the outputs of all "layers" (transformers'
    own towers), or of a timm model a "row" of tokens (N, prefix + patches, C), a "map" (N, C, grid, grid) or
    "map_last" (N, grid, grid, C).
    """

    module: Any
    config: Any
    side: int
    patch: int
    grid: int
    prefix: int
    layer: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    form: Form

    @property
    def patches(self) -> int:
        """Patches of a picture."""
        return self.grid**2


def load_tower(vision: VisionConfig) -> Tower:
    """Return the tower that `vision` names. Raises ConfigError for one that a LLaVA cannot be built on."""
    return _timm_tower(vision) if vision.name.startswith("timm:") else _transformers_tower(vision)


def _transformers_tower(vision: VisionConfig) -> Tower:

    if vision.name.startswith("pulled:"):
        from spatialgen.train.pulled import dinov2_from_onnx

        module = dinov2_from_onnx(vision.name.removeprefix("pulled:"))
        config = module.config
    else:
        with fetched(vision.name, "vision tower"):
            config = transformers().AutoConfig.from_pretrained(vision.name)
        if config.model_type in _COMPOSITES:
            config = config.vision_config
        if config.model_type not in _KINDS:
            instead = _INSTEAD.get(config.model_type, "a tower is a CLIP, SigLIP, DINOv2 or DINOv3, or timm:<model>")
            raise ConfigError(f"{vision.name} is a {config.model_type}; {instead}")
        cls = getattr(transformers(), _KINDS[config.model_type][0])
        for drawn in ("pos_embed_shift", "pos_embed_jitter", "pos_embed_rescale"):
            if hasattr(config, drawn):  # a DINOv3 in training draws anew where its patches lie, which we ask about
                setattr(config, drawn, None)
        module = cls(config) if not vision.pretrained else _pretrained(cls, vision.name, config)
    _, prefix, (mean, std) = _KINDS[config.model_type]
    prefix += int(getattr(config, "num_register_tokens", 0))
    side, patch = vision.image_size or int(config.image_size), int(config.patch_size)
    if side != config.image_size and config.model_type not in _ANY_SIZE:
        raise ConfigError(
            f"{vision.name} takes pictures of {config.image_size} pixels only; leave image_size out "
            "(DINOv2, DINOv3 and timm models take others)"
        )
    _check_multiple(vision, patch)
    layers = int(config.num_hidden_layers)
    if not -layers - 1 <= vision.layer <= layers:
        raise ConfigError(f"vision.layer {vision.layer}: {vision.name} has {layers} layers")
    mean, std = _own_statistics(vision.name, mean, std)
    return Tower(module, config, side, patch, side // patch, prefix, vision.layer, mean, std, "layers")


def _pretrained(cls: Any, name: str, config: Any) -> Any:

    with fetched(name, "vision tower"):
        return cls.from_pretrained(name, config=config, dtype=torch.float32)


def _check_multiple(vision: VisionConfig, patch: int) -> None:
    """Raise ConfigError for a size that the user chose badly; at its own size a tower leaves out what is over."""
    if vision.image_size is not None and vision.image_size % patch:
        raise ConfigError(f"image_size {vision.image_size} is no multiple of the patch size {patch} of {vision.name}")


def _own_statistics(name: str, mean: Any, std: Any) -> tuple[Any, Any]:
    """Return the mean and deviation that a local folder's preprocessor states, else those of its kind."""
    import json

    file = Path(name) / "preprocessor_config.json"
    if not file.is_file():
        return mean, std
    with fetched(name, "vision tower"):
        stated = json.loads(file.read_text())
    found = tuple(stated.get("image_mean", mean)), tuple(stated.get("image_std", std))
    if any(len(numbers) != 3 for numbers in found):
        raise ConfigError(f"{file}: image_mean and image_std must be three numbers each")
    return found


def _timm_tower(vision: VisionConfig) -> Tower:

    name = vision.name.removeprefix("timm:")
    if not timm().is_model(name):
        close = ", ".join(difflib.get_close_matches(name, timm().list_models(), 5))
        raise ConfigError(f"timm has no model {name!r}" + (f"; it has {close}, ..." if close else ""))
    model, args = _timm_model(name, vision)
    embed: Any = getattr(model, "patch_embed", None)
    if getattr(embed, "img_size", None) is not None and hasattr(embed, "patch_size"):
        _check_multiple(vision, _first(embed.patch_size))
        side = _first(embed.img_size)
    else:
        side = vision.image_size or int(model.pretrained_cfg["input_size"][-1])
    config = transformers().TimmWrapperConfig(
        architecture=name, do_pooling=False, hidden_size=int(model.num_features), image_size=side, model_args=args
    )
    # Built as it will be when the folder is loaded, so that what transformers cannot rebuild is found here.
    wrapper = transformers().TimmWrapperModel.from_pretrained(
        None,
        config=config,
        state_dict={f"timm_model.{n}": t for n, t in model.state_dict().items()},
        dtype=torch.float32,
    )
    form, grid, prefix = _form(name, side, model, wrapper)
    stated = model.pretrained_cfg
    mean, std = tuple(stated["mean"]), tuple(stated["std"])
    return Tower(wrapper, config, side, max(1, side // grid), grid, prefix, -1, mean, std, form)


def _first(size: int | Sequence[int]) -> int:
    """Return a size that timm keeps as one number or as two."""
    return size if isinstance(size, int) else int(size[0])


def _timm_model(name: str, vision: VisionConfig) -> tuple[Any, dict[str, Any]]:
    """Return the model and the arguments that it took besides its name; nets without positions need no `img_size`."""

    def made(**args: Any) -> Any:
        try:
            return timm().create_model(name, pretrained=vision.pretrained, num_classes=0, **args).eval()
        except (AssertionError, OSError, RuntimeError, ValueError) as error:
            raise ConfigError(f"timm:{name} cannot be made: {error}") from error

    if vision.image_size is None:
        return made(), {}
    args: dict[str, Any] = {"img_size": vision.image_size}
    try:
        return made(**args), args
    except TypeError:
        return made(), {}


def _form(name: str, side: int, model: Any, wrapper: Any) -> tuple[Form, int, int]:
    """Return the form of the features of a picture, the patches a side, and the tokens before them."""
    picture = torch.rand((1, 3, side, side), generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            found, again = model.forward_features(picture), wrapper.eval()(picture).last_hidden_state
    except (AssertionError, IndexError, RuntimeError, ValueError) as error:
        raise ConfigError(f"timm:{name} takes no pictures of {side} pixels: {error}; leave image_size out") from error
    shape = tuple(found.shape) if isinstance(found, torch.Tensor) else ()
    form = _form_of(shape, int(model.num_features), getattr(model, "num_prefix_tokens", None))
    if form is None:
        raise ConfigError(
            f"timm:{name} gives no square map and no row of patches, but {shape or 'several maps'}; choose a vision "
            "transformer, a convolutional or a hierarchical net, such as timm:vit_small_patch16_224, "
            "timm:convnext_tiny or timm:swin_tiny_patch4_window7_224"
        )
    if not torch.allclose(found, again, rtol=1e-4, atol=1e-5):
        raise ConfigError(f"timm:{name} is not the same once saved and loaded by transformers; choose another tower")
    return form


def _form_of(shape: tuple[int, ...], width: int, prefix: int | None) -> tuple[Form, int, int] | None:
    """Return form, grid and prefix of features of `shape`, `width` their channels, or None where none fits."""
    if len(shape) == 3 and shape[2] == width:
        before = prefix if prefix is not None else shape[1] - math.isqrt(shape[1]) ** 2
        grid = math.isqrt(shape[1] - before)
        return ("row", grid, before) if grid > 1 and grid**2 + before == shape[1] else None
    if len(shape) == 4 and shape[1] == width and shape[2] == shape[3] > 1:
        return "map", shape[2], 0
    if len(shape) == 4 and shape[3] == width and shape[1] == shape[2] > 1:
        return "map_last", shape[1], 0
    return None
