"""The facts of scenes as rows like those of the questions table, before any wording: quick to judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from spatialgen.qa.arrays import SceneArrays, build
from spatialgen.qa.facts import STATUSES, Facts
from spatialgen.qa.family import facts_of, families
from spatialgen.qa.names import name_objects
from spatialgen.records import Scene


def fact_rows(scenes: Sequence[Scene]) -> dict[str, list[dict[str, Any]]]:
    """Return the facts of each scene, by image id, with the columns of `schema.QUESTIONS` that judging needs."""
    arrays = build(scenes, name_objects(scenes), seed=0)
    rows: dict[str, list[dict[str, Any]]] = {scene.image_id: [] for scene in scenes}
    for family in families():
        for facts in facts_of(family, arrays):
            for image_id, row in _rows(facts, arrays, family.units[facts.type]):
                rows[image_id].append(row)
    return rows


def _rows(facts: Facts, arrays: SceneArrays, unit: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for k in range(len(facts)):
        value, values = float(facts.value[k]), None if facts.values is None else facts.values[k].tolist()
        yield (
            arrays.scenes[int(facts.scene[k])].image_id,
            {
                "question_type": facts.type,
                "subjects": [arrays.objects[s].object_id for s in facts.subjects[k].tolist() if s >= 0],
                "status": STATUSES[int(facts.status[k])],
                "answer_value": None if np.isnan(value) else value,
                "answer_values": values,
                "answer_unit": unit,
                "sigma": float(facts.sigma[k]),
                "params": "{}" if facts.params is None else facts.params[k],
            },
        )
