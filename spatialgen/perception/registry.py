"""Backends by name: a file of the role's folder, or an entry point `spatialgen.<role>` of another package."""

from __future__ import annotations

import importlib
import importlib.metadata
import pkgutil
from types import ModuleType

from spatialgen.errors import ConfigError

ROLES = ("detectors", "depth", "segmenters", "captioners", "cameras", "gravity")


def names(role: str) -> list[str]:
    """Return the names of all backends of `role`, ours and those of installed plug-ins, sorted."""
    return sorted(_own(role) | {e.name for e in _entry_points(role)})


def load(role: str, name: str) -> ModuleType:
    """Return the module of backend `name`: it defines `Config` and `Backend`. Raises ConfigError if unknown."""
    if name in _own(role):  # first, since reading the entry points of all packages takes its time
        return importlib.import_module(f"spatialgen.perception.{role}.{name}")
    for entry in _entry_points(role):
        if entry.name == name:
            module: ModuleType = entry.load()
            return module
    raise ConfigError(f"no backend {name!r} for {role}; there are: {', '.join(names(role))}")


def _own(role: str) -> set[str]:
    package = importlib.import_module(f"spatialgen.perception.{role}")
    return {m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")}


def _entry_points(role: str) -> tuple[importlib.metadata.EntryPoint, ...]:
    return tuple(importlib.metadata.entry_points(group=f"spatialgen.{role}"))
