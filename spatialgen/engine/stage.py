"""The protocol of a stage: a named, versioned step from frames to frames, with its resources declared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from spatialgen.records import Frame, Reject


@dataclass(frozen=True, slots=True)
class Resources:
    """What one worker of a stage needs: CPU cores, GPUs (fractions allowed), memory in bytes (0: not stated)."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory: int = 0


class Stage(Protocol):
    """One step. Constructed on the driver (cheap, picklable); `setup` runs in the worker and loads weights.

    `reads` and `writes` name fields of `Frame` and are checked when the plan is built. A call takes at most
    `batch_size` frames and returns as many results, in the same order: the frame with more fields, or a Reject.
    What it returns depends on the batch alone. `setup` is called once before the first batch that needs it.
    """

    name: str
    version: str
    resources: Resources
    batch_size: int
    reads: frozenset[str]
    writes: frozenset[str]

    def setup(self) -> None: ...

    def __call__(self, batch: Sequence[Frame]) -> Sequence[Frame | Reject]: ...

    def close(self) -> None: ...
