"""The job of ask: from packed scenes to the table of questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from spatialgen import schema
from spatialgen.engine.attempts import Attempts
from spatialgen.engine.guard import guarded
from spatialgen.engine.steps import Asked, Item, Step
from spatialgen.errors import StoreError
from spatialgen.records import Reject, Scene
from spatialgen.store.counts import count_ask
from spatialgen.store.layout import DatasetPaths
from spatialgen.store.ledger import Ledger
from spatialgen.store.manifest import Manifest
from spatialgen.store.read import ShardUnits, finished

ASK = "ask"
SCHEMAS: Mapping[str, pa.Schema] = {"questions": schema.QUESTIONS, "rejects": schema.REJECTS}
Asker = Callable[[Sequence[Scene]], pa.Table]


@dataclass(frozen=True, slots=True)
class AskJob:
    """What workers need to ask about the scenes of `build`, and where the questions go (`root`).

    `ask` makes the questions of some scenes; picklable. `marks` is the folder of this run's marks.
    """

    build: str
    root: str
    marks: str
    ask: Asker

    def open(self) -> AskWorkshop:
        """Open the scenes and the ledger."""
        return AskWorkshop(self)


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


class AskWorkshop:
    """An AskJob opened in a worker."""

    def __init__(self, job: AskJob) -> None:
        self._job = job
        self._ledger = Ledger(DatasetPaths(Path(job.root)).staging)
        self._scenes = SceneUnits(DatasetPaths(Path(job.build)))

    def is_done(self, unit: int) -> bool:
        return self._ledger.is_committed(unit)

    def items(self, unit: int) -> list[Item]:
        scenes = schema.scenes_from_table(self._scenes.table(unit))
        return [Item(scene.image_id, scene) for scene in scenes]

    def steps(self, names: Sequence[str]) -> list[Step]:
        return [AskStep(self._job.ask) for _ in names]

    def commit(self, unit: int, items: Sequence[Item]) -> bool:
        tables = ask_tables(items)
        return self._ledger.commit(unit, tables, count_ask(tables))

    def attempts(self) -> Attempts:
        return Attempts(Path(self._job.marks))


class AskStep:
    """From scenes to their questions."""

    name = ASK
    batch_size = 64

    def __init__(self, ask: Asker) -> None:
        self._ask = ask

    def __call__(self, items: Sequence[Item]) -> list[Item]:
        scenes = [item.value for item in items if isinstance(item.value, Scene)]
        results = iter(guarded(self.name, self._asked, scenes))
        return [Item(i.image_id, next(results), i.notes) if isinstance(i.value, Scene) else i for i in items]

    def _asked(self, scenes: Sequence[Scene]) -> list[Asked | Reject]:
        table = self._ask(scenes)
        counts = {row["values"]: row["counts"] for row in table["image_id"].combine_chunks().value_counts().to_pylist()}
        done: list[Asked | Reject] = []
        start = 0
        for scene in scenes:
            rows = table.slice(start, counts.get(scene.image_id, 0))
            start += rows.num_rows
            if set(rows["image_id"].to_pylist()) - {scene.image_id}:
                raise RuntimeError("the questions are not in the order of their scenes")
            done.append(Asked(scene.image_id, rows))
        if start != table.num_rows:
            raise RuntimeError("there are questions about scenes that were not given")
        return done

    def close(self) -> None:
        pass


def ask_tables(items: Sequence[Item]) -> dict[str, pa.Table]:
    """Return the tables of a unit of questions, in the order of its scenes."""
    asked = [item.value.questions for item in items if isinstance(item.value, Asked)]
    rejects = [item.value for item in items if isinstance(item.value, Reject)]
    questions = pa.concat_tables([schema.QUESTIONS.empty_table(), *asked]).combine_chunks()
    return {"questions": questions, "rejects": schema.rejects_table(rejects)}


class AskProof:
    """Proves, unit by unit, that questions follow the order of the scenes and are about nothing else."""

    def __init__(self, perceive: DatasetPaths) -> None:
        self._scenes = SceneUnits(perceive, ["image_id"])

    def __call__(self, unit: int, tables: Mapping[str, pa.Table]) -> None:
        """Raise StoreError unless each question's image is a scene of `unit`, in the scenes' order."""
        scenes: list[Any] = self._scenes.table(unit)["image_id"].to_pylist()
        asked = list(dict.fromkeys(tables["questions"]["image_id"].to_pylist()))
        known = set(asked)
        if asked != [name for name in scenes if name in known]:
            raise StoreError(f"unit {unit}: the questions are not about its scenes, in their order")
        if set(tables["rejects"]["image_id"].to_pylist()) - (set(scenes) - known):
            raise StoreError(f"unit {unit}: a scene was both asked about and rejected")
