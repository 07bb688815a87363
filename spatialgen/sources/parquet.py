"""Pictures in a column of Parquet files, as data sets on the model hub keep them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from spatialgen.errors import SourceError
from spatialgen.records import Frame, Reject, RejectCode
from spatialgen.sources.base import PlanRow
from spatialgen.sources.catalog import Entry
from spatialgen.sources.fault import Fault
from spatialgen.sources.files import Inside, read_planned, stamp_of
from spatialgen.sources.folder import text_id
from spatialgen.sources.listing import Located, files_of, planned, read_located, root_of
from spatialgen.sources.pictures import Pictures

_BATCH_ROWS = 16


class _Cursor:
    """Where the last read ended: rows come in order, so that the next one is most often one step away."""

    def __init__(self) -> None:
        self._place: tuple[bytes, int] | None = None
        self._next_row = 0
        self._values: Iterator[Any] = iter(())

    def __reduce__(self) -> tuple[type[_Cursor], tuple[()]]:
        return _Cursor, ()

    def value(self, file: bytes, group: int, row: int, column: str) -> Any:
        """Return the value of `column` in a row of a row group. Raises Fault changed_file if there is none."""
        if self._place != (file, group) or row < self._next_row:
            self._place, self._next_row = (file, group), 0
            self._values = _values(file, group, column)
        for value in self._values:
            self._next_row += 1
            if self._next_row == row + 1:
                return value
        raise Fault(RejectCode.CHANGED_FILE, "the Parquet file has fewer rows than when it was planned")


@dataclass(frozen=True, slots=True)
class ParquetSource:
    """The rows of `path` (a file, or all `*.parquet` under a folder), sorted by id.

    A picture is encoded bytes, a {bytes, path} struct, or a path relative to the Parquet file's folder. Without
    `id_column` an id is `file:row`.
    """

    path: Path
    pictures: Pictures
    image_column: str = "image"
    id_column: str | None = None
    _cursor: _Cursor = field(default_factory=_Cursor, repr=False, compare=False)

    def list(self) -> Iterator[PlanRow | Reject]:
        """Yield the rows. Raises SourceError where there is no Parquet file, or one without the columns."""
        return planned(found for file in files_of(self.path, ".parquet") for found in self._entries(file))

    def read(self, row: PlanRow) -> tuple[Frame | Reject, tuple[Reject, ...]]:
        """Return the frame of a planned row."""
        return read_located(self.path, row, partial(self._frame, row.image_id)), ()

    def _frame(self, image_id: str, file: bytes, located: Located) -> Frame:
        value = self._cursor.value(file, located["group"], located["row"], self.image_column)
        data = _encoded(value, os.path.dirname(file), self.pictures.max_file_bytes)
        return self.pictures.decode(image_id, data, image_id)[0]

    def _entries(self, file: Path) -> Iterator[tuple[str, Entry]]:
        relative = os.fsencode(file.relative_to(root_of(self.path)))
        stamp = stamp_of(os.fsencode(file))
        with _opened(file) as parquet:
            self._check_columns(file, parquet.schema_arrow)
            number = 0
            for group in range(parquet.num_row_groups):
                rows = parquet.metadata.row_group(group)
                size = rows.total_byte_size // max(rows.num_rows, 1)
                for row, value in enumerate(self._ids(parquet, group, rows.num_rows)):
                    where = f"{text_id(relative)}:{number:09d}"
                    locator = json.dumps({"group": group, "row": row, "file_size": stamp.size})
                    key = _key(value, where)
                    yield where, Entry(key, relative, size, stamp.mtime_ns, locator)
                    number += 1

    def _ids(self, parquet: pq.ParquetFile, group: int, rows: int) -> Iterator[Any]:
        if self.id_column is None:
            yield from [None] * rows
            return
        for batch in parquet.iter_batches(row_groups=[group], columns=[self.id_column]):
            yield from batch.column(0).to_pylist()

    def _check_columns(self, file: Path, schema: pa.Schema) -> None:
        for key, column in (("image_column", self.image_column), ("id_column", self.id_column)):
            if column is not None and column not in schema.names:
                raise SourceError(f"source.{key}: {file} has no column {column!r}; it has: {', '.join(schema.names)}")


def _opened(file: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"source.path: {file} is not a readable Parquet file: {error}") from error


def _values(file: bytes, group: int, column: str) -> Iterator[Any]:
    with pq.ParquetFile(os.fsdecode(file)) as parquet:
        for batch in parquet.iter_batches(batch_size=_BATCH_ROWS, row_groups=[group], columns=[column]):
            yield from batch.column(0).to_pylist()


def _key(value: Any, where: str) -> bytes:
    return (where if value in (None, "") else str(value)).encode()


def _encoded(value: Any, folder: bytes, max_bytes: int) -> bytes:
    """Return the encoded bytes that a cell holds or names. Raises Fault."""
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, str) and value:
        path = Inside(folder).path(value)
        return read_planned(path, stamp_of(path), max_bytes)
    if not value:
        raise Fault(RejectCode.EMPTY_FILE, "no bytes")
    if not isinstance(value, bytes):
        raise Fault(RejectCode.NOT_AN_IMAGE, f"a {type(value).__name__}; expected encoded bytes or a path")
    return value
