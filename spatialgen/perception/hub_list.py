"""The model hub's checkpoints whose facts were looked up: `weights/hub.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import yaml


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of the list. `sha256` is that of the weights' file, where it was seen published.

    `file` is the one file that is loaded, None for a folder in transformers' format; `settings_only` says that
    just configuration and tokenizer are used.
    """

    name: str
    role: str
    repo: str
    revision: str
    license: str
    file: str | None = None
    sha256: str | None = None
    settings_only: bool = False


@lru_cache(maxsize=1)
def listed() -> tuple[Listed, ...]:
    """Return the whole list."""
    text = resources.files("spatialgen.perception").joinpath("weights/hub.yaml").read_text("utf-8")
    return tuple(Listed(**entry) for entry in yaml.safe_load(text))
