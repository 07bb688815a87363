"""What trains: freezing by the config, a table of it, and a check that the table is what the config asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from spatialgen.train.config import OptimConfig, TrainsConfig
from spatialgen.train.errors import TrainError

_VISION, _PROJECTOR = "model.vision_tower.", "model.multi_modal_projector."
_LAYER = re.compile(r"\.(?:layers?|blocks)\.(\d+)\.")
# Before the first layer of a tower; whatever else has no layer number comes after the last one.
_EMBEDDING = re.compile(r"embed|cls_token|pre_la?yr?norm|norm_pre|pos_")


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
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(_should_train(model, trains, name))


def _should_train(model: Any, trains: TrainsConfig, name: str) -> bool:
    if name.startswith(_VISION):
        return trains.vision_from_layer is not None and _tower_trains(model, name, trains.vision_from_layer)
    if name.startswith(_PROJECTOR):
        # The second layer of a linear projector is an identity (see model.py).
        fixed = getattr(model.config, "projector_hidden_act", None) == "linear" and ".linear_2." in name
        return trains.projector and not fixed
    return trains.language == "full" or (trains.language == "lora" and ".lora_" in name)


def _tower_trains(model: Any, name: str, first: int) -> bool:
    """True for layers from `first` on that the loss reaches: those up to the layer whose output is used."""
    layer = _LAYER.search(name)
    if layer is not None:
        return first <= int(layer[1]) < used_layers(model)
    if "mask_token" in name:
        return False
    if _EMBEDDING.search(name):
        return first == 0
    return bool(
        model.config.model_type == "perception_lm"
    )  # its tower's last norm is used; those of the others are not


def used_layers(model: Any) -> int:
    """Return how many layers of the tower the loss depends on."""
    found = {int(m[1]) for n, _ in model.model.vision_tower.named_parameters() if (m := _LAYER.search(f".{n}"))}
    count = len(found)
    layer = getattr(model.config, "vision_feature_layer", -1)
    return count if model.config.model_type == "perception_lm" else int(layer if layer >= 0 else count + 1 + layer)


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
        part = _part(name)
        counts[part][0] += parameter.numel()
        counts[part][1] += parameter.numel() if parameter.requires_grad else 0
    return [PartRow(p, n, t, rates[_rate_part(p)] if t else None) for p, (n, t) in counts.items()]


def _part(name: str) -> str:
    if name.startswith(_VISION):
        return "vision tower"
    if name.startswith(_PROJECTOR):
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
            f"(the tower has {used_layers(model)} layers that the model uses)"
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
            groups.setdefault((_rate_part(_part(name)), parameter.ndim > 1), []).append(parameter)
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
    """Keep what is frozen as `dtype`; what trains stays float32, so that small steps are not rounded away."""
    for parameter in model.parameters():
        if not parameter.requires_grad:
            parameter.data = parameter.data.to(dtype)
