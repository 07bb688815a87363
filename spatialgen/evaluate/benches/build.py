"""Questions of a build of ours that a model never saw: another build, or the test split of the same one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spatialgen.evaluate.benches.base import Item, Line, line
from spatialgen.evaluate.metrics import bootstrap, median
from spatialgen.evaluate.verdict import Row, Score, judge
from spatialgen.qa.types import INVERSE, TYPES
from spatialgen.store.layout import BuildPaths
from spatialgen.store.read import read_table


def build_rows(path: Path, questions: str = "default", split: str = "all") -> Iterator[Row]:
    """Yield the questions of a build with the words for their subjects. `split` is train, val, test or all."""
    paths = BuildPaths(path)
    names = _names(paths)
    for table in read_table(paths.ask(questions), "questions"):
        for row in table.to_pylist():
            if split in ("all", row["split"]):
                yield Row.of(row, [names.get((row["image_id"], s), s) for s in row["subjects"]])


def _names(paths: BuildPaths) -> dict[tuple[str, str], str]:
    names: dict[tuple[str, str], str] = {}
    for table in read_table(paths.perceive, "scenes", ["image_id", "objects"]):
        for scene in table.to_pylist():
            for thing in scene["objects"]:
                words = thing["name"] or " ".join(w for w in (thing["color"], thing["label"]) if w)
                names[scene["image_id"], thing["object_id"]] = words
    return names


@dataclass(frozen=True, slots=True)
class BuildBench:
    """A held-out build; `path` may end in `#<questions>` and `#<questions>#<split>`."""

    name: str = "build"

    def items(self, path: Path, images: Path | None) -> Iterator[Item]:
        """Yield the questions, picture after picture."""
        folder, questions, split = parts(str(path))
        pictures: dict[str, Path | bytes] = {}
        for table in read_table(BuildPaths(folder).perceive, "images", ["image_id", "image"]):
            for row in table.to_pylist():
                stored = row["image"]
                place = Path(images or folder, stored["path"]) if stored["bytes"] is None else stored["bytes"]
                pictures[row["image_id"]] = place
        for asked in build_rows(folder, questions, split):
            yield Item(asked.qa_id, asked.question, pictures[asked.image_id], asked.image_id, asked)

    def lines(self, items: Sequence[Item], answers: Sequence[str]) -> list[Line]:
        """Return success by type and by form, and the errors of quantities."""
        return score_lines([judge(i.row, a) for i, a in zip(items, answers, strict=True)])


def score_lines(scores: Sequence[Score]) -> list[Line]:
    """Return the lines of a report: all, by form, by type; quantities also by how near they are."""
    judged = [s for s in scores if s.correct is not None]
    lines = [_success("all", judged)]
    for field_name in ("form", "question_type"):
        found = sorted({getattr(s, field_name) for s in judged})
        lines += [_success(f"{field_name} {v}", [s for s in judged if getattr(s, field_name) == v]) for v in found]
    for one, other in INVERSE.items():
        both = [s for s in judged if s.question_type in (one, other)]
        if both and TYPES.index(one) < TYPES.index(other):
            lines.append(_success(f"pair {one} / {other}", both))
    lines += _quantities(judged)
    errors = [s for s in judged if s.kind == "quantity" and s.form == "open" and s.error is not None]
    if errors:
        values = np.array([s.error for s in errors], np.float64)
        estimate = bootstrap(values.tolist(), [s.image_id for s in errors], median)
        lines.append(Line("quantities, open", "median relative error", estimate, 0.0))
    unread = len(scores) - len(judged)
    if unread:
        share = bootstrap([float(s.correct is None) for s in scores], [s.image_id for s in scores])
        lines.append(Line("references", "share not scored (the reference cannot be read)", share, 0.0))
    return lines


def _quantities(judged: Sequence[Score]) -> list[Line]:
    """Return the shares of the openly asked quantities within 10 % and 25 % of the truth, all and by type.

    25 % is SpatialRGPT-Bench's rule: 0.75 g <= p <= 1.25 g. What cannot be read is not within.
    """
    asked = [s for s in judged if s.miss is not None]
    groups = {"quantities, open": asked}
    for name in sorted({s.question_type for s in asked}):
        groups[f"quantities, open, {name}"] = [s for s in asked if s.question_type == name]
    return [_within(group, percent, scores) for group, scores in groups.items() if scores for percent in (10, 25)]


def _within(group: str, percent: int, scores: Sequence[Score]) -> Line:
    near = [float(s.miss is not None and s.miss <= percent / 100 + 1e-9) for s in scores]
    return line(group, f"within {percent} %", near, [s.parsed for s in scores], [s.image_id for s in scores])


def _success(group: str, scores: Sequence[Score]) -> Line:
    right = [float(bool(s.correct)) for s in scores]
    return line(group, "success", right, [s.parsed for s in scores], [s.image_id for s in scores])


def parts(path: str) -> tuple[Path, str, str]:
    """Return folder, questions and split of `FOLDER#QUESTIONS#SPLIT`; the last two may be left out."""
    folder, _, rest = path.partition("#")
    questions, _, split = rest.partition("#")
    return Path(folder), questions or "default", split or "all"


BENCH: Any = BuildBench()
