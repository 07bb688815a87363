"""What trains: freezing by the config, a table of it, and a check that the table is what the config asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from spatialgen.train.config import OptimConfig, TrainsConfig
from spatialgen.train.errors import TrainError
from spatialgen.train.hf import timm
from spatialgen.train.objective import tower_features
from spatialgen.train.parts import projector_name, tower_name, tower_of

# A layer of a tower by its parameter's name: a transformer's layers or blocks, the stages of a net that has stages.
_LAYER = re.compile(r"\.(?:layers?|blocks|stages?|levels?|network)[._]?(\d+)\.")
_OWN_TOWERS = ("llava", "aya_vision")  # with the outputs of all layers; of timm towers the last output is used


@dataclass(frozen=True, slots=True)
class PartRow:
    """One line of the table: a part of the model, its parameters, how many of them train, at which rate."""

    part: str
    parameters: int
    trained: int
    lr: float | None


def freeze(model: Any, trains: TrainsConfig) -> None:
    """Set what trains in `model`, adding adapters where the language model trains by LoRA."""
    if trains.language == "lora":
        _add_adapters(model, trains)
    first = trains.vision_from_layer
    tower = set() if first is None else _tower_from(model, first)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(_should_train(model, trains, name, tower))


def _should_train(model: Any, trains: TrainsConfig, name: str, tower: set[str]) -> bool:
    part = _part(model, name)
    if part == "vision tower":
        return name in tower
    if part == "projector":
        # The second layer of a linear projector is an identity (see model.py).
        fixed = getattr(model.config, "projector_hidden_act", None) == "linear" and ".linear_2." in name
        return trains.projector and not fixed
    return trains.language == "full" or (trains.language == "lora" and ".lora_" in name)


def _tower_from(model: Any, first: int) -> set[str]:
    """Return the names of the tower's parameters from layer `first` on that the loss depends on."""
    prefix = tower_name(model) + "."
    places = {prefix + n: place for n, place in _places(tower_of(model)).items()}
    chosen = {n for n, place in places.items() if place >= first or (first == 0 and place < 0)}
    if model.config.model_type in _OWN_TOWERS:
        return {n for n in chosen if places[n] < used_layers(model) and "mask_token" not in n}
    return chosen & {prefix + n for n in _reached(model)}


def _places(tower: nn.Module) -> dict[str, int]:
    """Return the layer of each parameter: -1 before the first (embeddings, a stem), their number after the last.

    What has no layer in its name stands before or after by where the module lists it, as it was built.
    """
    names = [n for n, _ in tower.named_parameters()]
    numbers = [int(m[1]) if (m := _LAYER.search(f".{n}")) else None for n in names]
    if not any(k is not None for k in numbers) and hasattr(tower, "timm_model"):
        return _timm_places(tower)
    known = sorted({k for k in numbers if k is not None})
    places, met = {}, False
    for name, number in zip(names, numbers, strict=True):
        met = met or number is not None
        places[name] = known.index(number) if number is not None else len(known) if met else -1
    return places


def _timm_places(tower: Any) -> dict[str, int]:
    """Return the layer of each parameter of a net whose names tell none, by timm's own groups; the first is the stem.

    timm's groups come second because some of them count registers among the last layers.
    """
    inner = tower.timm_model
    groups = timm().models.group_parameters(inner, inner.group_matcher(coarse=True), reverse=True)
    return {f"timm_model.{n}": int(group) - 1 for n, group in groups.items()}


def _reached(model: Any) -> set[str]:
    """Return the tower's parameters that its features depend on: heads and norms of a classifier are left over."""
    tower = tower_of(model)
    named = dict(tower.named_parameters())
    held = {n: p.requires_grad for n, p in named.items()}
    side = int(model.config.vision_config.image_size)
    tower.requires_grad_(True).eval()
    with torch.enable_grad():
        some = next(iter(named.values()))
        features = tower_features(model, torch.zeros((1, 3, side, side), device=some.device, dtype=some.dtype))
        gradients = torch.autograd.grad(features.sum(), list(named.values()), allow_unused=True)
    for name, parameter in named.items():
        parameter.requires_grad_(held[name])
    return {n for n, g in zip(named, gradients, strict=True) if g is not None}


def used_layers(model: Any) -> int:
    """Return how many layers of the tower the loss depends on; the stages of a net that has stages."""
    places = _places(tower_of(model))
    numbered = {p for n, p in places.items() if _LAYER.search(f".{n}")}
    count = len(numbered or {p for p in places.values() if p >= 0})
    if model.config.model_type not in _OWN_TOWERS:
        return count
    layer = int(model.config.vision_feature_layer)
    return layer if layer >= 0 else count + 1 + layer


def _add_adapters(model: Any, trains: TrainsConfig) -> None:
    from peft import LoraConfig, inject_adapter_in_model

    language = model.model.language_model
    targets = [f"model.language_model.{n}" for n, m in language.named_modules() if isinstance(m, nn.Linear)]
    lora = trains.lora
    config = LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=targets, bias="none"
    )
    inject_adapter_in_model(config, model)


def merge_adapters(model: Any) -> None:
    """Fold adapters into the weights they adapt and take them out again, so that a plain model remains."""
    from peft.tuners.lora import LoraLayer

    for name, module in list(model.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge()
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, module.get_base_layer())
    for attribute in ("peft_config", "_hf_peft_config_loaded"):
        vars(model).pop(attribute, None)


def table(model: Any, trains: TrainsConfig, optim: OptimConfig) -> list[PartRow]:
    """Return what trains, part by part; the tower's layers that train and those that do not are two lines."""
    rates = rates_by_part(trains, optim)
    counts: dict[str, list[int]] = {"vision tower": [0, 0], "projector": [0, 0], "language model": [0, 0]}
    if trains.language == "lora":
        counts["language adapters"] = [0, 0]
    for name, parameter in model.named_parameters():
        part = _part(model, name)
        counts[part][0] += parameter.numel()
        counts[part][1] += parameter.numel() if parameter.requires_grad else 0
    return [PartRow(p, n, t, rates[_rate_part(p)] if t else None) for p, (n, t) in counts.items()]


def _part(model: Any, name: str) -> str:
    if name.startswith(tower_name(model) + "."):
        return "vision tower"
    if name.startswith(projector_name(model) + "."):
        return "projector"
    return "language adapters" if ".lora_" in name else "language model"


def _rate_part(part: str) -> str:
    return "language model" if part == "language adapters" else part


def rates_by_part(trains: TrainsConfig, optim: OptimConfig) -> dict[str, float]:
    """Return the learning rate of each part."""
    del trains
    return {
        "vision tower": optim.lr_vision or optim.lr,
        "projector": optim.lr_projector or optim.lr,
        "language model": optim.lr,
    }


def check(model: Any, trains: TrainsConfig) -> None:
    """Raise TrainError unless exactly what the config names trains, seen by parts and not by the rule that froze."""
    rows = {r.part: r for r in table(model, trains, OptimConfig())}
    tower, projector, language = rows["vision tower"], rows["projector"], rows["language model"]
    faults = []
    if (tower.trained > 0) != (trains.vision_from_layer is not None):
        faults.append(
            f"vision_from_layer is {trains.vision_from_layer}, and {tower.trained} tower parameters train "
            f"(the tower has {used_layers(model)} layers that the model uses; 0 unfreezes all of it)"
        )
    if (projector.trained > 0) != trains.projector:
        faults.append(f"projector is {trains.projector}, and {projector.trained} of its parameters train")
    if language.trained != (language.parameters if trains.language == "full" else 0):
        faults.append(f"language is {trains.language}, and {language.trained} of {language.parameters} train")
    if trains.language == "lora" and not rows["language adapters"].trained:
        faults.append("language is lora, and no adapter was added")
    if sum(r.trained for r in rows.values()) == 0:
        faults.append("nothing trains at all")
    if faults:
        raise TrainError("what trains is not what the config says: " + "; ".join(faults))


def parameter_groups(model: Any, trains: TrainsConfig, optim: OptimConfig) -> list[dict[str, Any]]:
    """Return the optimiser's groups, a part each, with its rate as `base_lr`; norms and biases do not decay."""
    rates = rates_by_part(trains, optim)
    groups: dict[tuple[str, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((_rate_part(_part(model, name)), parameter.ndim > 1), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": rates[part],
            "base_lr": rates[part],
            "weight_decay": optim.weight_decay if decays else 0.0,
        }
        for (part, decays), parameters in groups.items()
    ]


def cast_frozen(model: Any, dtype: torch.dtype) -> None:
    """Keep what is frozen as `dtype`; what trains stays float32, so that small steps are not rounded away.

    Norms stay float32 too: on a CPU they do not take parameters in bfloat16 with activations in float32.
    """
    norms = (nn.LayerNorm, nn.GroupNorm, nn.modules.batchnorm._BatchNorm)
    for module in model.modules():
        if isinstance(module, norms):
            continue
        for parameter in module.parameters(recurse=False):
            if not parameter.requires_grad:
                parameter.data = parameter.data.to(dtype)
