"""What a bench is: questions with their pictures, and metrics of the answers to them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from spatialgen.errors import SourceError
from spatialgen.evaluate.metrics import Estimate, bootstrap
from spatialgen.train.pictures import decode


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One question: its id (unique in the bench), the picture (a file, its bytes, or none) and the bench's own row."""

    item_id: str
    question: str
    picture: Path | bytes | None
    picture_key: str
    row: Any

    def image(self) -> Image.Image | None:
        """Return the picture, upright RGB. Raises SourceError where the file is missing."""
        if self.picture is None:
            return None
        if isinstance(self.picture, bytes):
            return decode(self.picture, self.picture_key)
        try:
            return decode(self.picture.read_bytes(), str(self.picture))
        except OSError as error:
            raise SourceError(f"{self.item_id}: cannot read its picture {self.picture}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a report: a group of questions, a metric of it (in its unit) with interval, parse failures.

    Lines that name a `block` are shown in a table of its own, a row for each group, a column for each metric.
    """

    group: str
    metric: str
    estimate: Estimate
    unparsed: float
    block: str = ""


class Bench(Protocol):
    """A benchmark. `items` reads its files; `lines` scores answers, one for each item, in order."""

    name: str

    def items(self, path: Path, images: Path | None) -> Iterator[Item]: ...

    def lines(self, items: Sequence[Item], answers: Sequence[str]) -> list[Line]: ...


def line(group: str, metric: str, values: Sequence[float], parsed: Sequence[bool], pictures: Sequence[str]) -> Line:
    """Return a report's line: the mean of `values`, pictures drawn whole, and the share that could not be read."""
    failures = 1 - sum(parsed) / len(parsed) if parsed else 0.0
    return Line(group, metric, bootstrap(list(values), list(pictures)), failures)


def json_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a JSON list or of JSON lines. Raises SourceError naming the line."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise SourceError(f"{path}: cannot read: {error.strerror}") from error
    if text.lstrip().startswith("["):
        yield from _parsed(text, str(path))
        return
    for number, entry in enumerate(text.splitlines(), 1):
        if entry.strip():
            yield _parsed(entry, f"{path}, line {number}")


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise SourceError(f"{where}: is no valid JSON: {error}") from error


def field(row: Mapping[str, Any], name: str, where: object) -> Any:
    """Return a field of a record. Raises SourceError saying which record lacks it."""
    if name not in row:
        raise SourceError(f"{where}: the record has no {name!r}; it has {', '.join(map(str, row))}")
    return row[name]


def encoded(image: Image.Image) -> bytes:
    """Return a picture as PNG bytes."""
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
