"""Where a composite model of transformers keeps its parts: they have other names in other classes."""

from __future__ import annotations

from typing import Any

_TOWERS = ("vision_tower", "vision_model")
_PROJECTORS = ("multi_modal_projector", "aligner")


def tower_name(model: Any) -> str:
    """Return the vision tower's name in `model`, with dots."""
    return _name(model, _TOWERS)


def projector_name(model: Any) -> str:
    """Return the projector's name in `model`, with dots."""
    return _name(model, _PROJECTORS)


def tower_of(model: Any) -> Any:
    """Return the vision tower of `model`."""
    return model.get_submodule(tower_name(model))


def projector_of(model: Any) -> Any:
    """Return the projector of `model`."""
    return model.get_submodule(projector_name(model))


def _name(model: Any, names: tuple[str, ...]) -> str:
    return next(f"model.{n}" for n in names if hasattr(model.model, n))
