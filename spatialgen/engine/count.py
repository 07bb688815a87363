"""The job that counts what could be asked, before anything is: balance over a whole build needs the whole build."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from spatialgen.engine.over_scenes import Committed, ScenesStep, ScenesWorkshop
from spatialgen.engine.steps import Counted, Item
from spatialgen.records import Scene
from spatialgen.store.ledger import Ledger
from spatialgen.store.manifest import add_counts

COUNT = "count"
Counter = Callable[[Sequence[Scene]], Mapping[str, Any]]
"""Returns nested counters, which add up in any order."""


@dataclass(frozen=True, slots=True)
class CountJob:
    """What workers need to count over the scenes of `build`; the counts are committed in the ledger `counts`."""

    build: str
    counts: str
    marks: str
    count: Counter

    def open(self) -> ScenesWorkshop:
        """Open the scenes and the ledger."""
        step = ScenesStep(COUNT, partial(counted, self.count))
        return ScenesWorkshop(self.build, Path(self.counts), self.marks, step, _committed)


def counted(count: Counter, scenes: Sequence[Scene]) -> list[Counted]:
    """Return the counts of all `scenes` with the first, since they are counted together.

    A scene that fails here fails again, and is rejected, in ask.
    """
    together: Mapping[str, Any] = count(scenes)
    return [Counted(scene.image_id, {} if k else together) for k, scene in enumerate(scenes)]


def _committed(items: Sequence[Item]) -> Committed:
    total: dict[str, Any] = {}
    for item in items:
        if isinstance(item.value, Counted):
            add_counts(total, item.value.counts)
    return {}, total


def total_counts(ledger: Ledger, units: int) -> dict[str, Any]:
    """Return the sum of the committed counts of units 0 .. units - 1."""
    total: dict[str, Any] = {}
    for unit in range(units):
        add_counts(total, ledger.record(unit).counts)
    return total
