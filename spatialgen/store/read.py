"""Reads finished datasets by their manifest, never by a glob, and checks what it reads."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping
from itertools import accumulate
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from spatialgen.errors import StoreError
from spatialgen.store.files import store_errors
from spatialgen.store.layout import DatasetPaths
from spatialgen.store.manifest import Manifest, Shard, is_complete, read_manifest
from spatialgen.store.parquet import file_sha256

Columns = Mapping[str, list[str] | None]
"""The tables to read, and which of their columns (None: all)."""


class ShardFileReader:
    """Random access to the rows of one Parquet file; holds one row group, so reading in order costs one pass."""

    def __init__(self, path: Path, columns: list[str] | None = None) -> None:
        self._path, self._columns = path, columns
        with store_errors(path, "cannot read"):
            self._file = pq.ParquetFile(path)
        groups = [self._file.metadata.row_group(i).num_rows for i in range(self._file.num_row_groups)]
        self._starts = [0, *accumulate(groups)]
        self._held: tuple[int, pa.Table] | None = None

    def rows(self, start: int, count: int) -> pa.Table:
        """Return rows start .. start + count - 1."""
        pieces = []
        end = start + count
        while start < end:
            group = bisect.bisect_right(self._starts, start) - 1
            stop = min(end, self._starts[group + 1])
            pieces.append(self._group(group).slice(start - self._starts[group], stop - start))
            start = stop
        return pa.concat_tables(pieces).unify_dictionaries() if pieces else self._empty()

    def _group(self, group: int) -> pa.Table:
        if self._held is None or self._held[0] != group:
            self._held = None
            with store_errors(self._path, "cannot read"):
                self._held = (group, self._file.read_row_group(group, columns=self._columns, use_threads=False))
        return self._held[1]

    def _empty(self) -> pa.Table:
        table = self._file.schema_arrow.empty_table()
        return table if self._columns is None else table.select(self._columns)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class ShardUnits:
    """The rows of single units of one packed shard."""

    def __init__(self, paths: DatasetPaths, shard: Shard, columns: Columns | None = None) -> None:
        self.shard = shard
        self._starts = {name: [0, *accumulate(rows)] for name, rows in shard.unit_rows.items()}
        wanted = columns if columns is not None else dict.fromkeys(shard.files)
        self._readers = {name: ShardFileReader(paths.root / shard.files[name].path, wanted[name]) for name in wanted}

    def unit(self, unit: int) -> dict[str, pa.Table]:
        """Return the tables of `unit`, which must be one of the shard's."""
        k = unit - self.shard.first_unit
        return {
            name: reader.rows(self._starts[name][k], self._starts[name][k + 1] - self._starts[name][k])
            for name, reader in self._readers.items()
        }

    def close(self) -> None:
        """Close the files."""
        for reader in self._readers.values():
            reader.close()


def finished(paths: DatasetPaths) -> Manifest:
    """Return the manifest of a finished dataset. Raises StoreError where there is none."""
    manifest = read_manifest(paths)
    if manifest is None:
        raise StoreError(
            f"{paths.root} holds no finished dataset: there is no {paths.manifest.name}; run it to its end"
        )
    return manifest


def read_table(paths: DatasetPaths, table: str, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Yield the rows of a table in order, a row group at a time, shard after shard, as the manifest lists them.

    A shard without rows yields an empty table, so that there is always a schema.
    """
    for shard in finished(paths).shards:
        path = paths.root / shard.files[table].path
        with store_errors(path, "cannot read"):
            if path.stat().st_size != shard.files[table].bytes:
                raise StoreError(f"{path} is not as long as the manifest says; the copy is not complete")
            with pq.ParquetFile(path) as file:
                if file.num_row_groups == 0:
                    empty = file.schema_arrow.empty_table()
                    yield empty if columns is None else empty.select(columns)
                for group in range(file.num_row_groups):
                    yield file.read_row_group(group, columns=columns, use_threads=False)


def verify_files(paths: DatasetPaths) -> Manifest:
    """Check the bytes of every file against the manifest's sha256. Raises StoreError naming the first that differs."""
    manifest = finished(paths)
    if not is_complete(paths):
        raise StoreError(f"{paths.success} is missing or belongs to another manifest; run the build to its end")
    for shard in manifest.shards:
        for file in shard.files.values():
            path = paths.root / file.path
            with store_errors(path, "cannot read"):
                if file_sha256(path) != file.sha256:
                    raise StoreError(f"{path} is damaged: its sha256 is not the manifest's")
    return manifest
