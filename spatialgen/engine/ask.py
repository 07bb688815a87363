"""The job of ask: from packed scenes to the table of questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from spatialgen import schema
from spatialgen.engine.over_scenes import Committed, ScenesStep, ScenesWorkshop, SceneUnits
from spatialgen.engine.steps import Asked, Item
from spatialgen.errors import StoreError
from spatialgen.records import Reject, Scene
from spatialgen.store.counts import count_ask
from spatialgen.store.layout import DatasetPaths

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

    def open(self) -> ScenesWorkshop:
        """Open the scenes and the ledger."""
        step = ScenesStep(ASK, partial(asked, self.ask))
        return ScenesWorkshop(self.build, DatasetPaths(Path(self.root)).staging, self.marks, step, _committed)


def asked(ask: Asker, scenes: Sequence[Scene]) -> list[Asked]:
    """Return the questions of each of `scenes`. Raises RuntimeError where `ask` does not keep to them, in order."""
    table = ask(scenes)
    counts = {row["values"]: row["counts"] for row in table["image_id"].combine_chunks().value_counts().to_pylist()}
    done: list[Asked] = []
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


def _committed(items: Sequence[Item]) -> Committed:
    tables = ask_tables(items)
    return tables, count_ask(tables)


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
