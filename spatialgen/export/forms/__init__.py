"""The forms that a build is exported in, by name: a file each, with a `FORM`."""

from __future__ import annotations

import importlib
import pkgutil

from spatialgen.errors import ConfigError
from spatialgen.export.forms.base import Form


def names() -> list[str]:
    """Return the names of all forms."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name != "base")


def form(name: str) -> Form:
    """Return the form `name`. Raises ConfigError naming those there are."""
    if name not in names():
        raise ConfigError(f"no form is called {name!r}; there are: {', '.join(names())}")
    found: Form = importlib.import_module(f"{__name__}.{name}").FORM
    return found
