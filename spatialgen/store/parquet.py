"""Parquet whose bytes depend on the rows alone: fixed options, no time, no host, one thread."""

from __future__ import annotations

import hashlib
import io
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from spatialgen.store.files import aside, fsync_folder, store_errors

# Columns of large binary values gain nothing from a dictionary and cost memory for it.
_NO_DICTIONARY = {"images"}
_LEVEL_STAGED = 1
_LEVEL_PACKED = 9
_BUFFER_BYTES = 1 << 20


def writer_options(table: str, packed: bool) -> dict[str, Any]:
    """Return the fixed options that `table` is written with, in staging or in a shard."""
    return {
        "version": "2.6",
        "compression": "zstd",
        "compression_level": _LEVEL_PACKED if packed and table != "images" else _LEVEL_STAGED,
        "use_dictionary": table not in _NO_DICTIONARY,
        "write_statistics": True,
        "store_schema": True,
        "data_page_version": "1.0",
    }


def table_bytes(name: str, table: pa.Table) -> bytes:
    """Return `table` as the bytes of a staged Parquet file of one row group."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=max(table.num_rows, 1), **writer_options(name, packed=False))
    return bytes(sink.getvalue())


class _HashingFile(io.RawIOBase):
    """A file that is written once from beginning to end, and knows its sha256 and length."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        self._hash = hashlib.sha256()
        self.length = 0

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        rest = view
        while rest:
            rest = rest[os.write(self._handle, rest) :]
        self._hash.update(view)
        self.length += len(view)
        return len(view)

    def tell(self) -> int:
        return self.length

    def writable(self) -> bool:
        return True

    def sync(self) -> str:
        """Make the content durable and return its sha256."""
        os.fsync(self._handle)
        return self._hash.hexdigest()

    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self._handle)


class ShardWriter:
    """Writes one Parquet file row group by row group, aside; `finish` puts it in place, durable.

    A context manager: left without `finish`, nothing remains. `group_rows` > 0 gathers small tables into row groups
    of about so many rows; 0 makes every table given a row group of its own.
    """

    def __init__(self, path: Path, name: str, schema: pa.Schema, group_rows: int = 0) -> None:
        self._path, self._schema, self._group_rows = path, schema, group_rows
        self._temporary = aside(path)
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self.rows = 0
        with store_errors(path):
            self._file = _HashingFile(self._temporary)
            self._buffer = io.BufferedWriter(self._file, _BUFFER_BYTES)
            self._writer = pq.ParquetWriter(self._buffer, schema, **writer_options(name, packed=True))

    def __enter__(self) -> Self:
        return self

    def write(self, table: pa.Table) -> None:
        """Append the rows of `table`."""
        if table.num_rows == 0:
            return
        self.rows += table.num_rows
        self._waiting.append(table)
        self._waiting_rows += table.num_rows
        if self._waiting_rows >= self._group_rows:
            self._write_group()

    def _write_group(self) -> None:
        if self._waiting:
            table = pa.concat_tables(self._waiting).unify_dictionaries().combine_chunks()
            with store_errors(self._path):
                self._writer.write_table(table, row_group_size=table.num_rows)
        self._waiting, self._waiting_rows = [], 0

    def finish(self) -> tuple[int, str]:
        """Put the file in place and return its length and sha256."""
        self._write_group()
        with store_errors(self._path):
            self._writer.close()
            self._buffer.flush()
            digest = self._file.sync()
            self._file.close()
            os.replace(self._temporary, self._path)
            fsync_folder(self._path.parent)
        return self._file.length, digest

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with suppress(OSError, ValueError):  # an unfinished writer complains when it is collected with its file closed
            self._writer.close()
            self._buffer.close()
        self._file.close()
        self._temporary.unlink(missing_ok=True)


def empty_table(schema: pa.Schema) -> pa.Table:
    """Return a table of `schema` without rows."""
    return schema.empty_table()


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file, read in pieces."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
