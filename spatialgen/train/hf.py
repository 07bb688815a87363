"""transformers and timm as untyped modules, imported when first used: their annotations do not fit what they accept."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spatialgen.errors import ConfigError


def transformers() -> Any:
    """Return the module transformers."""
    return importlib.import_module("transformers")


def timm() -> Any:
    """Return the module timm."""
    return importlib.import_module("timm")


@contextmanager
def fetched(name: str, role: str) -> Iterator[None]:
    """Turn what the libraries say of weights that cannot be had, or not be a `role`, into a ConfigError of one line."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:  # of this machine, such as a full disk
            raise
        missing = "no folder here has this name, and the model hub did not give it"
        where = "the folder lacks something" if Path(name).is_dir() else missing
        raise ConfigError(f"{name}: {where}: {' '.join(str(error).split())}") from error
    except (ValueError, RuntimeError, ImportError, _broken_weights()) as error:
        why = str(error).split("\n", 1)[0]  # what follows may list all models there are
        raise ConfigError(f"{name}: cannot be the {role}: {why}") from error


def _broken_weights() -> type[Exception]:
    """Return what safetensors says of a file that is none; looked up where something failed, and not before."""
    error: type[Exception] = importlib.import_module("safetensors").SafetensorError
    return error
