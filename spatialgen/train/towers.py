"""Vision towers: CLIP, SigLIP and DINOv2 of transformers, and timm models, with all that a LLaVA must know of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from spatialgen.errors import ConfigError
from spatialgen.train.config import VisionConfig
from spatialgen.train.hf import timm, transformers

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
_HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
# model type of transformers -> (class, tokens before the patches, mean and deviation of its pictures)
_KINDS = {
    "clip_vision_model": ("CLIPVisionModel", 1, _CLIP),
    "siglip_vision_model": ("SiglipVisionModel", 0, _HALF),
    "dinov2": ("Dinov2Model", 1, _IMAGENET),
}
_COMPOSITES = {"clip", "siglip"}


@dataclass(frozen=True, slots=True)
class Tower:
    """A vision tower: the module, its config, and how its output becomes patches.

    `side` is the input's, pixels; `patch` a patch's; `prefix` counts the tokens before the patches; `layer` is the
    output used (-1: the last; timm towers give only that). `mean` and `std` normalise RGB in [0, 1].
    """

    module: Any
    config: Any
    side: int
    patch: int
    prefix: int
    layer: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    timm: bool

    @property
    def patches(self) -> int:
        """Patches of a picture."""
        return (self.side // self.patch) ** 2


def load_tower(vision: VisionConfig) -> Tower:
    """Return the tower that `vision` names. Raises ConfigError for one that a LLaVA cannot be built on."""
    tower = _timm_tower(vision) if vision.name.startswith("timm:") else _transformers_tower(vision)
    if vision.image_size is not None and tower.side % tower.patch:  # at its own size a tower leaves out what is over
        raise ConfigError(f"image_size {tower.side} is no multiple of the patch size {tower.patch} of {vision.name}")
    return tower


def _transformers_tower(vision: VisionConfig) -> Tower:

    if vision.name.startswith("pulled:"):
        from spatialgen.train.pulled import dinov2_from_onnx

        module = dinov2_from_onnx(vision.name.removeprefix("pulled:"))
        config = module.config
    else:
        config = transformers().AutoConfig.from_pretrained(vision.name)
        if config.model_type in _COMPOSITES:
            config = config.vision_config
        if config.model_type not in _KINDS:
            raise ConfigError(
                f"{vision.name} is a {config.model_type}; a tower is a CLIP, SigLIP or DINOv2, or timm:<model>"
            )
        cls = getattr(transformers(), _KINDS[config.model_type][0])
        module = cls.from_pretrained(vision.name, dtype=torch.float32) if vision.pretrained else cls(config)
    _, prefix, (mean, std) = _KINDS[config.model_type]
    side = vision.image_size or int(config.image_size)
    if side != config.image_size and config.model_type != "dinov2":
        raise ConfigError(
            f"{vision.name} takes pictures of {config.image_size} pixels only; leave image_size out "
            "(DINOv2 and timm models take others)"
        )
    mean, std = _own_statistics(vision.name, mean, std)
    return Tower(module, config, side, int(config.patch_size), prefix, vision.layer, mean, std, timm=False)


def _own_statistics(name: str, mean: Any, std: Any) -> tuple[Any, Any]:
    """Return the mean and deviation that a local folder's preprocessor states, else those of its kind."""
    import json

    file = Path(name) / "preprocessor_config.json"
    if not file.is_file():
        return mean, std
    stated = json.loads(file.read_text())
    return tuple(stated.get("image_mean", mean)), tuple(stated.get("image_std", std))


def _timm_tower(vision: VisionConfig) -> Tower:

    name = vision.name.removeprefix("timm:")
    if not timm().is_model(name.split(".")[0]):
        close = ", ".join(timm().list_models(f"*{name.split('_')[0]}*")[:5])
        raise ConfigError(f"timm has no model {name!r}" + (f"; it has {close}, ..." if close else ""))
    args: dict[str, Any] = {} if vision.image_size is None else {"img_size": vision.image_size}
    try:
        model = timm().create_model(name, pretrained=vision.pretrained, num_classes=0, **args)
    except TypeError as error:
        raise ConfigError(f"timm:{name} does not take another image size ({error}); leave image_size out") from error
    prefix = getattr(model, "num_prefix_tokens", None)
    embed = getattr(model, "patch_embed", None)
    if prefix is None or embed is None or prefix > 1:
        raise ConfigError(
            f"timm:{name} gives no row of patch tokens with at most one token before them; choose a plain vision "
            "transformer, such as timm:vit_small_patch16_224, timm:vit_base_patch16_siglip_224 or timm:eva02_..."
        )
    side, patch = int(embed.img_size[0]), int(embed.patch_size[0])
    config = transformers().TimmWrapperConfig(
        architecture=name.split(".")[0],
        do_pooling=False,
        model_args={**args, "embed_dim": int(model.embed_dim)},
    )
    wrapper = transformers().TimmWrapperModel(config)
    wrapper.timm_model.load_state_dict(model.state_dict())
    stated = model.pretrained_cfg
    return Tower(wrapper, config, side, patch, int(prefix), -1, stated["mean"], stated["std"], timm=True)
