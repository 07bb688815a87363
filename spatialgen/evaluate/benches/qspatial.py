"""Q-Spatial Bench (Liao et al. 2024): lengths within a factor of two; SpatialVLM's shares beside them.

The hub's Parquet (`question`, `answer_value`, `answer_unit`, `question_type`, `image_path`, `image`), or JSON lines
with the same fields. The ScanNet half has only paths: `images` is the folder that they start from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from spatialgen.errors import SourceError
from spatialgen.evaluate.benches.base import Item, Line, field, json_rows, line
from spatialgen.evaluate.metrics import within_factor
from spatialgen.evaluate.parser import parse_quantity


@dataclass(frozen=True, slots=True)
class QSpatial:
    """The bench."""

    name: str = "qspatial"

    def items(self, path: Path, images: Path | None) -> Iterator[Item]:
        """Yield the questions. Raises SourceError for a true value that cannot be read."""
        rows = _parquet(path) if path.suffix == ".parquet" else json_rows(path)
        for number, row in enumerate(rows):
            where = f"{path}, record {number}"
            truth = parse_quantity(f"{field(row, 'answer_value', where)} {field(row, 'answer_unit', where)}", "m")
            if truth is None:
                raise SourceError(f"{where}: {row['answer_value']} {row['answer_unit']!r} is no length")
            stored = row.get("image") or {}
            name = str(row.get("image_path") or stored.get("path") or number)
            picture = stored["bytes"] if stored.get("bytes") else (images or path.parent) / name
            group = str(row.get("question_type") or "all")
            yield Item(str(number), str(field(row, "question", where)), picture, name, (group, truth))

    def lines(self, items: Sequence[Item], answers: Sequence[str]) -> list[Line]:
        """Return the success rate by question type and over all, and SpatialVLM's two shares."""
        values = [parse_quantity(a, "m") for a in answers]
        parsed, pictures = [v is not None for v in values], [i.picture_key for i in items]
        truths = [i.row[1] for i in items]
        success = [float(within_factor(v, t)) for v, t in zip(values, truths, strict=True)]
        halves = [float(within_factor(v, t, strict=False)) for v, t in zip(values, truths, strict=True)]
        lines = [
            line("all", "success (max(p/g, g/p) < 2)", success, parsed, pictures),
            line("all", "SpatialVLM: share with a number", [float(p) for p in parsed], parsed, pictures),
            line("all", "SpatialVLM: share within [0.5 g, 2 g]", halves, parsed, pictures),
        ]
        for group in sorted({i.row[0] for i in items}):
            at = [k for k, i in enumerate(items) if i.row[0] == group]
            picked = ([x[k] for k in at] for x in (success, parsed, pictures))
            lines.append(line(group, "success (max(p/g, g/p) < 2)", *picked))  # type: ignore[arg-type]
        return lines


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(64):
            yield from batch.to_pylist()


BENCH: Any = QSpatial()
