"""The job that counts what could be asked, before anything is: balance over a whole build needs the whole build."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spatialgen import schema
from spatialgen.engine.ask import SceneUnits
from spatialgen.engine.attempts import Attempts
from spatialgen.engine.guard import guarded
from spatialgen.engine.steps import Counted, Item, Step
from spatialgen.records import Reject, Scene
from spatialgen.store.layout import DatasetPaths
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

    def open(self) -> CountWorkshop:
        """Open the scenes and the ledger."""
        return CountWorkshop(self)


class CountWorkshop:
    """A CountJob opened in a worker."""

    def __init__(self, job: CountJob) -> None:
        self._job = job
        self._ledger = Ledger(Path(job.counts))
        self._scenes = SceneUnits(DatasetPaths(Path(job.build)))

    def is_done(self, unit: int) -> bool:
        return self._ledger.is_committed(unit)

    def items(self, unit: int) -> list[Item]:
        scenes = schema.scenes_from_table(self._scenes.table(unit))
        return [Item(scene.image_id, scene) for scene in scenes]

    def steps(self, names: Sequence[str]) -> list[Step]:
        return [CountStep(self._job.count) for _ in names]

    def commit(self, unit: int, items: Sequence[Item]) -> bool:
        total: dict[str, Any] = {}
        for item in items:
            if isinstance(item.value, Counted):
                add_counts(total, item.value.counts)
        return self._ledger.commit(unit, {}, total)

    def attempts(self) -> Attempts:
        return Attempts(Path(self._job.marks))


class CountStep:
    """From scenes to what could be asked of them. A scene that fails here fails again, and is rejected, in ask."""

    name = COUNT
    batch_size = 64

    def __init__(self, count: Counter) -> None:
        self._count = count

    def __call__(self, items: Sequence[Item]) -> list[Item]:
        scenes = [item.value for item in items if isinstance(item.value, Scene)]
        results = iter(guarded(self.name, self._counted, scenes))
        return [Item(i.image_id, next(results), i.notes) if isinstance(i.value, Scene) else i for i in items]

    def _counted(self, scenes: Sequence[Scene]) -> list[Counted | Reject]:
        """Return the counts of all `scenes` with the first, since they are counted together."""
        together: Mapping[str, Any] = self._count(scenes)
        return [Counted(scene.image_id, {} if k else together) for k, scene in enumerate(scenes)]

    def close(self) -> None:
        pass


def total_counts(ledger: Ledger, units: int) -> dict[str, Any]:
    """Return the sum of the committed counts of units 0 .. units - 1."""
    total: dict[str, Any] = {}
    for unit in range(units):
        add_counts(total, ledger.record(unit).counts)
    return total
