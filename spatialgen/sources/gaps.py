"""What a source leaves open for the models to fill: by this a run knows which weights it needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from spatialgen.records import Reject
from spatialgen.sources.base import PlanRow, Source

FILLED_BY_STAGES = frozenset({"camera", "detections", "depth", "instances", "texts", "gravity", "scene"})
"""The fields of a Frame that stages fill where the source leaves them open."""


@runtime_checkable
class GivesFields(Protocol):
    """A source that fills some of those fields itself."""

    def given(self, row: PlanRow) -> frozenset[str]:
        """Return which of `FILLED_BY_STAGES` the source fills for `row`."""


@runtime_checkable
class HasWeights(Protocol):
    """A source whose pictures are entries of the model list."""

    @property
    def weights(self) -> tuple[str, ...]:
        """The entries to pull before a run."""


def open_fields(source: Source, units: Iterable[Sequence[PlanRow | Reject]]) -> frozenset[str]:
    """Return the fields that at least one planned record leaves open."""
    if not isinstance(source, GivesFields):
        return FILLED_BY_STAGES
    left: frozenset[str] = frozenset()
    for rows in units:
        left = left.union(*(FILLED_BY_STAGES - source.given(r) for r in rows if isinstance(r, PlanRow)))
        if left == FILLED_BY_STAGES:
            break
    return left
