"""Proximity QA (Li et al. 2024): relative depths in [0, 1] by squared error and share of valid answers, comparisons.

JSON list or lines: `id`, `image`, `question`, and either `depth` (the object's relative depth, 0 nearest) or
`objects` [A, B] with `answer` (the nearer one's words).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spatialgen.errors import SourceError
from spatialgen.evaluate.benches.base import Item, Line, field, json_rows, line
from spatialgen.evaluate.parser import parse_choice, parse_quantity


@dataclass(frozen=True, slots=True)
class Proximity:
    """The bench. `images` is the folder that `image` starts from."""

    name: str = "proximity"

    def items(self, path: Path, images: Path | None) -> Iterator[Item]:
        """Yield the questions of both phases."""
        for number, row in enumerate(json_rows(path)):
            where = f"{path}, record {number}"
            file = (images or path.parent) / str(field(row, "image", where))
            if "depth" in row:
                truth: tuple[str, Any] = ("depth", float(row["depth"]))
            elif len(row.get("objects", [])) == 2:
                options = [str(o) for o in row["objects"]]
                truth = ("compare", (options, parse_choice(str(field(row, "answer", where)), options)))
                if truth[1][1] is None:
                    raise SourceError(f"{where}: the answer {row['answer']!r} names neither of {options}")
            else:
                raise SourceError(f"{where}: expected `depth`, or `objects` (two) and `answer`")
            yield Item(str(row.get("id", number)), str(field(row, "question", where)), file, str(file), truth)

    def lines(self, items: Sequence[Item], answers: Sequence[str]) -> list[Line]:
        """Return the depths' mean squared error over valid answers, the share of valid ones, and the accuracy."""
        lines: list[Line] = []
        pairs = list(zip(items, answers, strict=True))
        depths = [(i, _depth(a)) for i, a in pairs if i.row[0] == "depth"]
        if depths:
            keys, valid = [i.picture_key for i, _ in depths], [d is not None for _, d in depths]
            errors = [((d - i.row[1]) ** 2, i.picture_key) for i, d in depths if d is not None]
            lines.append(line("depth", "mean squared error", [e for e, _ in errors], valid, [k for _, k in errors]))
            lines.append(line("depth", "share of valid answers", [float(v) for v in valid], valid, keys))
        compared = [(i, parse_choice(a, i.row[1][0])) for i, a in pairs if i.row[0] == "compare"]
        if compared:
            right = [float(c == i.row[1][1]) for i, c in compared]
            parsed = [c is not None for _, c in compared]
            lines.append(line("comparison", "accuracy", right, parsed, [i.picture_key for i, _ in compared]))
        return lines


def _depth(answer: str) -> float | None:
    """Return a relative depth; a number outside [0, 1] is not a valid answer."""
    value = parse_quantity(answer, "none")
    return value if value is not None and 0 <= value <= 1 else None


BENCH: Any = Proximity()
