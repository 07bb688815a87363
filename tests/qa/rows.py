"""Rows of the questions table as dictionaries, for tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from qa_scenes import Box, make_scene, random_boxes, room

from spatialgen.qa.ask import ask_scenes
from spatialgen.qa.config import AskConfig
from spatialgen.records import Scene

Row = dict[str, Any]
ALL = AskConfig(per_image="all")


def rows_of(scenes: Sequence[Scene], config: AskConfig = ALL) -> list[Row]:
    """The rows about `scenes`, with `params` read."""
    rows: list[Row] = ask_scenes(scenes, config).to_pylist()
    for row in rows:
        row["params"] = json.loads(row["params"])
    return rows


@lru_cache(maxsize=1)
def many_boxes() -> tuple[tuple[Box, ...], ...]:
    """Twelve scenes of seven boxes at random."""
    return tuple(tuple(random_boxes(seed, 7)) for seed in range(12))


@lru_cache(maxsize=1)
def many_rows() -> tuple[Row, ...]:
    """All rows about them and about the furnished room."""
    scenes = [make_scene(boxes, f"scene-{k}") for k, boxes in enumerate(many_boxes())]
    return tuple(rows_of([*scenes, room()]))


def boxes_of(row: Row) -> list[Box]:
    """The boxes that a row of `many_rows` is about."""
    from qa_scenes import ROOM

    boxes = ROOM if row["image_id"] == "room" else many_boxes()[int(row["image_id"].partition("-")[2])]
    return [boxes[int(subject) - 1] for subject in row["subjects"]]
