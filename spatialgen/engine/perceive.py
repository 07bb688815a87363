"""The job of perceive: from planned records to the tables of images, scenes and rejects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from spatialgen import schema
from spatialgen.engine.attempts import Attempts
from spatialgen.engine.stage import Stage
from spatialgen.engine.steps import READ, WRITE, Finished, Item, ReadStep, StageStep, Step, WriteStep
from spatialgen.errors import StoreError
from spatialgen.records import Reject
from spatialgen.sources.base import Source
from spatialgen.store.counts import count_perceive
from spatialgen.store.layout import DatasetPaths
from spatialgen.store.ledger import Ledger
from spatialgen.store.plan import PlanReader

SCHEMAS: Mapping[str, pa.Schema] = {
    "images": schema.IMAGES,
    "scenes": schema.SCENES,
    "rejects": schema.REJECTS,
}


@dataclass(frozen=True, slots=True)
class PerceiveJob:
    """What workers need to perceive the units of the plan in `root`. `marks` is the folder of this run's marks."""

    root: str
    marks: str
    units: int
    source: Source
    stages: tuple[Stage, ...]

    @property
    def steps(self) -> tuple[str, ...]:
        """All steps in their order."""
        return (READ, *(stage.name for stage in self.stages), WRITE)

    def open(self) -> PerceiveWorkshop:
        """Open the plan and the ledger."""
        return PerceiveWorkshop(self)


class PerceiveWorkshop:
    """A PerceiveJob opened in a worker."""

    def __init__(self, job: PerceiveJob) -> None:
        self._job = job
        paths = DatasetPaths(Path(job.root))
        self._ledger = Ledger(paths.staging)
        self._plan = PlanReader(paths.plan_parquet, job.units)

    def is_done(self, unit: int) -> bool:
        return self._ledger.is_committed(unit)

    def items(self, unit: int) -> list[Item]:
        return [Item(record.image_id, record) for record in self._plan.records(unit)]

    def steps(self, names: Sequence[str]) -> list[Step]:
        made: dict[str, Callable[[], Step]] = {READ: lambda: ReadStep(self._job.source), WRITE: WriteStep}
        stages = {stage.name: stage for stage in self._job.stages}
        return [made[name]() if name in made else StageStep(stages[name]) for name in names]

    def commit(self, unit: int, items: Sequence[Item]) -> bool:
        tables = perceive_tables(items)
        return self._ledger.commit(unit, tables, count_perceive(tables))

    def attempts(self) -> Attempts:
        return Attempts(Path(self._job.marks))


def perceive_tables(items: Sequence[Item]) -> dict[str, pa.Table]:
    """Return the three tables of a unit, in plan order; a record's rejected objects come before its own reject."""
    finished = [item.value for item in items if isinstance(item.value, Finished)]
    rejects: list[Reject] = []
    for item in items:
        rejects += item.notes
        if isinstance(item.value, Reject):
            rejects.append(item.value)
    return {
        "images": pa.Table.from_pylist([f.image for f in finished], schema=schema.IMAGES),
        "scenes": schema.scenes_table([f.scene for f in finished]),
        "rejects": schema.rejects_table(rejects),
    }


class PerceiveProof:
    """Proves, unit by unit, that every planned record is either an image with its scene or a reject, in order."""

    def __init__(self, plan: PlanReader) -> None:
        self._plan = plan

    def __call__(self, unit: int, tables: Mapping[str, pa.Table]) -> None:
        """Raise StoreError unless rows + rejects = planned for `unit`."""
        planned = [record.image_id for record in self._plan.records(unit)]
        images = tables["images"]["image_id"].to_pylist()
        whole = [r for r in tables["rejects"].select(["image_id", "object_id"]).to_pylist() if r["object_id"] is None]
        rejected = {r["image_id"] for r in whole}
        if images != tables["scenes"]["image_id"].to_pylist():
            raise StoreError(f"unit {unit}: images and scenes are not the same records")
        if len(rejected) != len(whole) or images != [name for name in planned if name not in rejected]:
            lost = sorted(set(planned) - set(images) - rejected)[:3]
            raise StoreError(
                f"unit {unit}: {len(images)} images and {len(whole)} rejects do not make up the {len(planned)} "
                f"planned records (lost: {lost})"
            )
