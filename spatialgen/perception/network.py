"""What backends around one checkpoint share: the options kept, the weights named, the network let go of."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from spatialgen.perception.checkpoints import HubConfig
from spatialgen.records import ModelUse

C = TypeVar("C", bound=HubConfig)


class NetworkBackend(Generic[C]):
    """Subclasses set `role` and load the network into `_model` in their `setup`.

    `file` is the one file to load, for backends that load one instead of a folder.
    """

    version = "1"
    uses_gpu = True
    role: str

    def __init__(self, config: C, file: str | None = None) -> None:
        self.config = config
        self.checkpoint = config.checkpoint(file)
        self.batch_size = config.batch_size
        self.weights: tuple[str, ...] = (self.checkpoint.key,)
        self._model: Any = None

    def models(self) -> tuple[ModelUse, ...]:
        """Return the checkpoint with its licence."""
        return (self.checkpoint.use(self.role),)

    def close(self) -> None:
        """Let go of the network."""
        self._model = None
