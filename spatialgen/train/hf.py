"""transformers and timm as untyped modules, imported when first used: their annotations do not fit what they accept."""

from __future__ import annotations

import importlib
from typing import Any


def transformers() -> Any:
    """Return the module transformers."""
    return importlib.import_module("transformers")


def timm() -> Any:
    """Return the module timm."""
    return importlib.import_module("timm")
