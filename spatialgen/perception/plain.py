"""What backends without a network share."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel

from spatialgen.records import ModelUse

C = TypeVar("C", bound=BaseModel)


class PlainBackend(Generic[C]):
    """Needs no weights and no GPU; there is nothing to load."""

    version = "1"
    uses_gpu = False
    batch_size = 64
    weights: tuple[str, ...] = ()

    def __init__(self, config: C) -> None:
        self.config = config

    def setup(self, device: str) -> None:
        """Do nothing: there is no network."""

    def models(self) -> tuple[ModelUse, ...]:
        """Return no models."""
        return ()

    def close(self) -> None:
        """Do nothing."""
