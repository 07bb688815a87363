"""Benchmarks by name: a file each, which reads the bench's own format and scores answers to it."""

from __future__ import annotations

import importlib
import pkgutil

from spatialgen.errors import ConfigError
from spatialgen.evaluate.benches.base import Bench


def names() -> list[str]:
    """Return the names of all benches."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name != "base")


def bench(name: str) -> Bench:
    """Return the bench `name`. Raises ConfigError naming those there are."""
    if name not in names():
        raise ConfigError(f"no bench is called {name!r}; there are: {', '.join(names())}")
    found: Bench = importlib.import_module(f"spatialgen.evaluate.benches.{name}").BENCH
    return found
