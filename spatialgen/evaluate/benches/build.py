"""Questions of a build of ours that a model never saw: another build, or the test split of the same one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from spatialgen.evaluate.benches.base import Item, Line, line
from spatialgen.evaluate.metrics import (
    bootstrap,
    mean_relative_accuracy,
    median,
    relative_error,
    within,
    within_factor,
)
from spatialgen.evaluate.verdict import Row, Score, judge
from spatialgen.qa.types import INVERSE, TYPES
from spatialgen.records import F64
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
    lines += _directions(judged)
    unread = len(scores) - len(judged)
    if unread:
        share = bootstrap([float(s.correct is None) for s in scores], [s.image_id for s in scores])
        lines.append(Line("references", "share not scored (the reference cannot be read)", share, 0.0))
    return lines


# Of openly asked quantities, what counts an answer that cannot be read as wrong; these also by type.
_SHARES: dict[str, Callable[[float | None, float], float]] = {
    "within 10 %": partial(within, tolerance=0.1),
    "within 25 %": partial(within, tolerance=0.25),
    "mean relative accuracy": mean_relative_accuracy,
    "max(p/g, g/p) < 2": within_factor,
}
_OPEN = "quantities, open"


def _quantities(judged: Sequence[Score]) -> list[Line]:
    """Return what the field reports of openly asked quantities, together: all of them, and the chief part by type.

    SpatialRGPT-Bench's success (25 %) and mean error, VSI-Bench's accuracy, Q-Spatial's factor of two, SpatialVLM's
    two shares. What cannot be read is in no share, and has no error. Neither has anything where the truth is 0, as of
    a gap between things that touch: no error is relative to that, and only an answer of exactly 0 is in the shares.
    """
    asked = [s for s in judged if s.truth is not None]
    if not asked:
        return []
    lines = _shares(_OPEN, asked)
    lines.append(_line(_OPEN, "share with a number", [float(s.parsed) for s in asked], asked))
    halves = [float(within_factor(s.stated, s.truth or 0.0, strict=False)) for s in asked]
    lines.append(_line(_OPEN, "within [0.5 g, 2 g]", halves, asked))
    lines += _errors(_OPEN, "mean absolute relative error", asked)
    lines += _errors(_OPEN, "median relative error", asked, median)
    for name in sorted({s.question_type for s in asked}):
        group, scores = f"{_OPEN}, {name}", [s for s in asked if s.question_type == name]
        by_type = _shares(group, scores) + _errors(group, "mean absolute relative error", scores)
        lines += [replace(x, block=_OPEN) for x in by_type]
    return lines


def _shares(group: str, asked: Sequence[Score]) -> list[Line]:
    return [
        _line(group, metric, [float(share(s.stated, s.truth or 0.0)) for s in asked], asked)
        for metric, share in _SHARES.items()
    ]


def _errors(
    group: str, metric: str, asked: Sequence[Score], statistic: Callable[[F64], float] | None = None
) -> list[Line]:
    """Return a line about the relative errors of what was read, or none; `unparsed` is of all that was asked."""
    errors = [(relative_error(s.stated, s.truth), s.image_id) for s in asked if s.truth]
    read = [(e, image) for e, image in errors if e is not None]
    if not read:
        return []
    estimate = bootstrap([e for e, _ in read], [image for _, image in read], statistic)
    return [Line(group, metric, estimate, sum(not s.parsed for s in asked) / len(asked))]


def _directions(judged: Sequence[Score]) -> list[Line]:
    """Return the share of the openly asked clock directions within an hour, SpatialRGPT-Bench's rule."""
    asked = [s for s in judged if s.kind == "hour" and s.form == "open"]
    return [_line("directions, open", "within 1 hour", [float(bool(s.correct)) for s in asked], asked)] if asked else []


def _success(group: str, scores: Sequence[Score]) -> Line:
    return _line(group, "success", [float(bool(s.correct)) for s in scores], scores)


def _line(group: str, metric: str, values: Sequence[float], scores: Sequence[Score]) -> Line:
    return line(group, metric, values, [s.parsed for s in scores], [s.image_id for s in scores])


def parts(path: str) -> tuple[Path, str, str]:
    """Return folder, questions and split of `FOLDER#QUESTIONS#SPLIT`; the last two may be left out."""
    folder, _, rest = path.partition("#")
    questions, _, split = rest.partition("#")
    return Path(folder), questions or "default", split or "all"


BENCH: Any = BuildBench()
