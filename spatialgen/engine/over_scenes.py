"""What the jobs over packed scenes share: reading the scenes of single units, and a step that takes scenes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from spatialgen import schema
from spatialgen.engine.attempts import Attempts
from spatialgen.engine.guard import guarded
from spatialgen.engine.steps import Asked, Counted, Item, Step
from spatialgen.records import Reject, Scene
from spatialgen.store.layout import DatasetPaths
from spatialgen.store.ledger import Ledger
from spatialgen.store.manifest import Manifest
from spatialgen.store.read import ShardUnits, finished

OfScenes = Callable[[Sequence[Scene]], Sequence[Asked | Counted | Reject]]
Committed = tuple[Mapping[str, pa.Table], Mapping[str, Any]]


class SceneUnits:
    """The scenes of single units of a finished perceive."""

    def __init__(self, paths: DatasetPaths, columns: list[str] | None = None) -> None:
        self._paths, self._columns = paths, columns
        self._manifest: Manifest = finished(paths)
        self._open: ShardUnits | None = None

    def table(self, unit: int) -> pa.Table:
        """Return the rows of the scenes table that belong to `unit`."""
        shard = None if self._open is None else self._open.shard
        if shard is None or not shard.first_unit <= unit < shard.first_unit + shard.units:
            self.close()
            found = next(s for s in self._manifest.shards if s.first_unit <= unit < s.first_unit + s.units)
            self._open = ShardUnits(self._paths, found, {"scenes": self._columns})
        assert self._open is not None
        return self._open.unit(unit)["scenes"]

    def close(self) -> None:
        """Close the shard that is open."""
        if self._open is not None:
            self._open.close()


@dataclass(slots=True)
class ScenesStep:
    """From scenes to what `call` makes of them, a result for each in their order."""

    name: str
    call: OfScenes
    batch_size: int = 64

    def __call__(self, items: Sequence[Item]) -> list[Item]:
        scenes = [item.value for item in items if isinstance(item.value, Scene)]
        results: Iterator[Asked | Counted | Reject] = iter(guarded(self.name, self.call, scenes))
        return [Item(i.image_id, next(results), i.notes) if isinstance(i.value, Scene) else i for i in items]

    def close(self) -> None:
        pass


class ScenesWorkshop:
    """A job over the scenes of the build in `build`, opened in a worker.

    `step` is all that happens to a scene; `committed` makes a unit's tables and counts, which go to `ledger`.
    """

    def __init__(
        self, build: str, ledger: Path, marks: str, step: Step, committed: Callable[[Sequence[Item]], Committed]
    ) -> None:
        self._scenes = SceneUnits(DatasetPaths(Path(build)))
        self._ledger = Ledger(ledger)
        self._marks, self._step, self._committed = marks, step, committed

    def is_done(self, unit: int) -> bool:
        return self._ledger.is_committed(unit)

    def items(self, unit: int) -> list[Item]:
        scenes = schema.scenes_from_table(self._scenes.table(unit))
        return [Item(scene.image_id, scene) for scene in scenes]

    def steps(self, names: Sequence[str]) -> list[Step]:
        return [self._step for _ in names]

    def commit(self, unit: int, items: Sequence[Item]) -> bool:
        tables, counts = self._committed(items)
        return self._ledger.commit(unit, tables, counts)

    def attempts(self) -> Attempts:
        return Attempts(Path(self._marks))
