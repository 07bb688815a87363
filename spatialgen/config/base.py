"""The base of every configuration model: frozen, strict about keys and types, each field with its meaning."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A part of a configuration. Unknown keys and values of the wrong type are errors, never guesses."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)
