"""The units of a dataset that are done. The first commit of a unit wins, and a committed unit is never made again.

A unit's tables are staged under names of their own; then one small record that names them is linked into place
without replacing. Whoever comes second finds the record, and removes its own files.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from spatialgen.errors import StoreError
from spatialgen.records import Bool
from spatialgen.store.files import create_file, fsync_folder, make_folder, store_errors, write_durable
from spatialgen.store.layout import UNITS_A_FOLDER
from spatialgen.store.parquet import empty_table, table_bytes

_RECORD = re.compile(r"(\d{8,})\.json")


@dataclass(frozen=True, slots=True)
class StagedFile:
    """One staged table: its file's name in the unit's folder, rows, bytes and sha256."""

    file: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class UnitRecord:
    """A committed unit: its tables (those with rows) and what was counted, all of it independent of who made it."""

    unit: int
    files: Mapping[str, StagedFile]
    counts: Mapping[str, Any]

    def rows(self, table: str) -> int:
        """Rows of `table` in this unit."""
        return self.files[table].rows if table in self.files else 0


@dataclass(frozen=True, slots=True)
class Ledger:
    """The committed units under `root` (a staging folder). Used by the driver and by every worker."""

    root: Path

    def folder(self, unit: int) -> Path:
        """Return the folder that holds `unit` and its neighbours."""
        return self.root / f"{unit // UNITS_A_FOLDER:05d}"

    def record_path(self, unit: int) -> Path:
        """Return where the commit record of `unit` lies once it is committed."""
        return self.folder(unit) / f"{unit:08d}.json"

    def prepare(self, units: int) -> None:
        """Make the folders of units 0 .. units - 1. The driver does this; workers never make folders,

        so that a worker left over from a dead run cannot bring back a staging folder that was removed.
        """
        for first in range(0, max(units, 1), UNITS_A_FOLDER):
            if not self.folder(first).is_dir():
                make_folder(self.folder(first))

    def is_committed(self, unit: int) -> bool:
        """True once a record of `unit` is in place."""
        return self.record_path(unit).exists()

    def committed(self, units: int) -> Bool:
        """Return which of the units 0 .. units - 1 are committed, (units,) bool."""
        done = np.zeros(units, np.bool_)
        if self.root.is_dir():
            with store_errors(self.root, "cannot read"):
                for name in _names(self.root):
                    found = _RECORD.fullmatch(name)
                    if found and int(found[1]) < units:
                        done[int(found[1])] = True
        return done

    def commit(self, unit: int, tables: Mapping[str, pa.Table], counts: Mapping[str, Any]) -> bool:
        """Stage `tables` and commit them: True if this commit won, False if the unit was committed before."""
        folder, token = self.folder(unit), secrets.token_hex(6)
        written: dict[str, StagedFile] = {}
        try:
            with store_errors(folder):
                for name, table in tables.items():
                    if table.num_rows:
                        written[name] = _stage(folder, f"{unit:08d}.{token}.{name}.parquet", name, table)
                fsync_folder(folder)
        except StoreError:
            _remove(folder, written)
            raise
        # From here on the files go only if another commit is known to have won: a signal may end this process after
        # the record is in place and before it is told so, and then the record needs them.
        won = create_file(self.record_path(unit), _record_bytes(UnitRecord(unit, written, counts)))
        if not won:
            _remove(folder, written)
        return won

    def record(self, unit: int) -> UnitRecord:
        """Return the commit record of `unit`. Raises StoreError if it is absent or damaged."""
        path = self.record_path(unit)
        with store_errors(path, "cannot read"):
            text = path.read_bytes()
        try:
            row = json.loads(text)
            files = {name: StagedFile(**entry) for name, entry in row["files"].items()}
            return UnitRecord(row["unit"], files, row["counts"])
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{path} is damaged ({error}); delete it and run again, the unit is made anew") from error

    def table(self, record: UnitRecord, name: str, schema: pa.Schema) -> pa.Table:
        """Return one staged table, checked against its sha256. Raises StoreError."""
        if name not in record.files:
            return empty_table(schema)
        staged = record.files[name]
        path = self.folder(record.unit) / staged.file
        with store_errors(path, "cannot read"):
            data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != staged.sha256:
            raise StoreError(
                f"{path} is damaged: its sha256 is not the committed one; delete {self.record_path(record.unit)} "
                "and run again, the unit is made anew"
            )
        return pq.read_table(pa.BufferReader(data), use_threads=False)

    def forget(self, unit: int) -> None:
        """Take a commit back, so that the unit is made again. Only for a retry that the user asked for."""
        with store_errors(self.record_path(unit)):
            self.record_path(unit).unlink(missing_ok=True)
            if self.folder(unit).is_dir():
                fsync_folder(self.folder(unit))


def _remove(folder: Path, written: Mapping[str, StagedFile]) -> None:
    for staged in written.values():
        (folder / staged.file).unlink(missing_ok=True)


def _stage(folder: Path, file: str, name: str, table: pa.Table) -> StagedFile:
    data = table_bytes(name, table)
    write_durable(folder / file, data)
    return StagedFile(file, table.num_rows, len(data), hashlib.sha256(data).hexdigest())


def _record_bytes(record: UnitRecord) -> bytes:
    files = {name: asdict(entry) for name, entry in record.files.items()}
    row = {"unit": record.unit, "files": files, "counts": record.counts}
    return json.dumps(row, sort_keys=True, separators=(",", ":")).encode()


def _names(root: Path) -> Iterator[str]:
    for folder in sorted(root.iterdir()):
        if folder.is_dir() and folder.name.isdigit():
            with os.scandir(folder) as entries:
                for entry in entries:
                    yield entry.name
