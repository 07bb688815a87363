"""Reads a finished build: by its manifests, never by what happens to lie in its folders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from spatialgen.errors import StoreError
from spatialgen.store.layout import BuildPaths, DatasetPaths
from spatialgen.store.manifest import Manifest, is_complete, read_manifest

_BATCH_ROWS = 256


@dataclass(frozen=True, slots=True)
class BuildReader:
    """A build folder whose scenes are finished."""

    root: Path
    scenes: Manifest

    @property
    def sets(self) -> dict[str, Manifest]:
        """The finished sets of questions, by name."""
        paths = BuildPaths(self.root)
        return {name: found for name in paths.asks() if (found := _finished(paths.ask(name))) is not None}

    def files(self, table: str, qa: str | None = None) -> list[Path]:
        """Return the shards of `images`, `scenes` or `rejects`, or of a table of the set of questions `qa`."""
        manifest, paths = self._dataset(qa)
        return [paths.root / shard.files[table].path for shard in manifest.shards if table in shard.files]

    def rows(self, table: str, qa: str | None = None, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
        """Yield the rows of a table, shard by shard."""
        for path in self.files(table, qa):
            yield from file_rows(path, columns)

    def rows_of(self, image_id: str, table: str, qa: str | None = None) -> pa.Table:
        """Return the rows of one image, found by reading the ids alone."""
        pieces = []
        for path in self.files(table, qa):
            ids = pq.read_table(path, columns=["image_id"])["image_id"]
            if pa.compute.any(pa.compute.equal(ids, image_id)).as_py():
                pieces.append(pq.read_table(path, filters=[("image_id", "=", image_id)]))
        if not pieces:
            return pa.schema([]).empty_table()
        return pa.concat_tables(pieces)

    def _dataset(self, qa: str | None) -> tuple[Manifest, DatasetPaths]:
        paths = BuildPaths(self.root)
        if qa is None:
            return self.scenes, paths.perceive
        if qa not in self.sets:
            known = ", ".join(self.sets) or "none"
            raise StoreError(f"{self.root} has no finished set of questions {qa!r}; there are: {known}")
        return self.sets[qa], paths.ask(qa)


def open_build(root: Path) -> BuildReader:
    """Return a reader of the build in `root`. Raises StoreError if its scenes are not finished."""
    scenes = _finished(BuildPaths(root).perceive)
    if scenes is None:
        raise StoreError(f"{root} is not a finished build: `spatialgen status {root}` says how far it is")
    return BuildReader(root, scenes)


def file_rows(path: Path, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of one Parquet file, a few hundred in memory at a time."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=columns):
            yield from batch.to_pylist()


def _finished(paths: DatasetPaths) -> Manifest | None:
    return read_manifest(paths) if is_complete(paths) else None
