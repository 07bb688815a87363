"""The plan of perceive: every record, in units, streamed to Parquet; and `plan.json`, which says what it is for."""

from __future__ import annotations

import bisect
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from spatialgen.errors import StoreError
from spatialgen.records import Reject, RejectCode
from spatialgen.seeding import key_hash
from spatialgen.sources.base import PlanRow
from spatialgen.store.files import replace_file, store_errors
from spatialgen.store.layout import DatasetPaths
from spatialgen.store.parquet import ShardWriter

_GROUP_ROWS = 4096

PLAN = pa.schema(
    [
        pa.field("unit", pa.int64(), nullable=False, metadata={"doc": "unit of work, from 0"}),
        pa.field("seq", pa.int64(), nullable=False, metadata={"doc": "place in the plan, from 0"}),
        pa.field("image_id", pa.string(), nullable=False, metadata={"doc": "unique name of the record"}),
        pa.field("path", pa.binary(), nullable=False, metadata={"doc": "file name as bytes; need not be UTF-8"}),
        pa.field("size", pa.int64(), nullable=False, metadata={"doc": "bytes when planned"}),
        pa.field("mtime_ns", pa.int64(), nullable=False, metadata={"doc": "modification time when planned"}),
        pa.field("locator", pa.string(), nullable=False, metadata={"doc": "what else its source needs"}),
        pa.field("reject_stage", pa.string(), metadata={"doc": "where the listing refused the record"}),
        pa.field("reject_code", pa.string(), metadata={"doc": "why"}),
        pa.field("reject_detail", pa.string(), metadata={"doc": "what exactly"}),
    ]
)


@dataclass(frozen=True, slots=True)
class PlanInfo:
    """`plan.json`: the fingerprint with its parts, and the size of the plan.

    `units` and `records` rule: what `plan.parquet` has beyond them belongs to an extension that never finished.
    `extra` is what a dataset freezes with its plan (for questions: the acceptance table).
    """

    dataset: str
    fingerprint: str
    parts: Mapping[str, Any]
    units: int
    records: int
    source_bytes: int
    rejects: Mapping[str, int] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


def read_info(paths: DatasetPaths) -> PlanInfo | None:
    """Return what `plan.json` says, or None if there is no plan. Raises StoreError if it is damaged."""
    if not paths.plan_json.exists():
        return None
    with store_errors(paths.plan_json, "cannot read"):
        text = paths.plan_json.read_bytes()
    try:
        return PlanInfo(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise StoreError(f"{paths.plan_json} is damaged: {error}") from error


def write_info(paths: DatasetPaths, info: PlanInfo) -> None:
    """Put `plan.json` in place at once."""
    replace_file(paths.plan_json, json.dumps(asdict(info), sort_keys=True, indent=1).encode() + b"\n")


class PlanReader:
    """Reads the records of single units. Holds one row group, so that neighbouring units cost one read."""

    def __init__(self, path: Path, units: int) -> None:
        self._path, self._units = path, units
        with store_errors(path, "cannot read"):
            self._file = pq.ParquetFile(path)
        self._last_units = [
            self._file.metadata.row_group(i).column(0).statistics.max for i in range(self._file.num_row_groups)
        ]
        self._group = -1
        self._rows: dict[int, list[PlanRow | Reject]] = {}

    def records(self, unit: int) -> list[PlanRow | Reject]:
        """Return the records of `unit` in plan order; a Reject is one that the listing refused."""
        if not 0 <= unit < self._units:
            raise StoreError(f"{self._path} has no unit {unit}: it has {self._units}")
        group = bisect.bisect_left(self._last_units, unit)
        if group != self._group:
            with store_errors(self._path, "cannot read"):
                table = self._file.read_row_group(group, use_threads=False)
            self._rows, self._group = _by_unit(table), group
        return self._rows[unit]

    def __iter__(self) -> Iterator[list[PlanRow | Reject]]:
        for unit in range(self._units):
            yield self.records(unit)

    def tables(self) -> Iterator[pa.Table]:
        """Yield the plan's rows, a row group at a time, without those of an unfinished extension."""
        for group in range(self._file.num_row_groups):
            table = self._file.read_row_group(group, use_threads=False)
            if table["unit"][0].as_py() < self._units:
                yield table

    def known(self) -> KnownIds:
        """Return the names of all records, to be asked whether they hold one."""
        return KnownIds(self)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class KnownIds:
    """The names in a plan, as sorted 64-bit hashes: eight bytes a record."""

    def __init__(self, plan: PlanReader) -> None:
        pieces = [np.array([key_hash(name) for name in t["image_id"].to_pylist()], np.uint64) for t in plan.tables()]
        self._hashes = np.sort(np.concatenate([np.empty(0, np.uint64), *pieces]))

    def __contains__(self, name: str) -> bool:
        wanted = np.uint64(key_hash(name))
        place = int(np.searchsorted(self._hashes, wanted))
        return place < len(self._hashes) and bool(self._hashes[place] == wanted)


def _by_unit(table: pa.Table) -> dict[int, list[PlanRow | Reject]]:
    units: dict[int, list[PlanRow | Reject]] = {}
    for row in table.to_pylist():
        units.setdefault(row["unit"], []).append(_record(row))
    return units


def _record(row: dict[str, Any]) -> PlanRow | Reject:
    if row["reject_code"] is not None:
        return Reject(row["image_id"], row["reject_stage"], RejectCode(row["reject_code"]), row["reject_detail"])
    return PlanRow(row["image_id"], row["path"], row["size"], row["mtime_ns"], row["locator"])


@dataclass(frozen=True, slots=True)
class UnitLimits:
    """Where a unit ends: so many records, or so many bytes of their files."""

    images: int = 32
    bytes: int = 64_000_000


class _Gatherer:
    """Numbers records into units and writes whole units as row groups."""

    def __init__(self, writer: ShardWriter, limits: UnitLimits, unit: int, seq: int) -> None:
        self._writer, self._limits = writer, limits
        self.unit, self.seq = unit, seq
        self.bytes = 0
        self.rejects: dict[str, int] = {}
        self._rows: list[dict[str, Any]] = []
        self._in_unit = self._unit_bytes = 0

    def add(self, record: PlanRow | Reject) -> None:
        size = record.size if isinstance(record, PlanRow) else 0
        full = self._in_unit >= self._limits.images or self._unit_bytes + size > self._limits.bytes
        if self._in_unit and full:
            self.end_unit()
        self._rows.append(_row(self.unit, self.seq, record))
        self.seq += 1
        self._in_unit += 1
        self._unit_bytes += size
        self.bytes += size
        if isinstance(record, Reject):
            self.rejects[record.code] = self.rejects.get(record.code, 0) + 1

    def end_unit(self) -> None:
        if self._in_unit:
            self.unit += 1
            self._in_unit = self._unit_bytes = 0
        if len(self._rows) >= _GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            self._writer.write(pa.Table.from_pylist(self._rows, schema=PLAN))
            self._rows = []


def _row(unit: int, seq: int, record: PlanRow | Reject) -> dict[str, Any]:
    row: dict[str, Any] = {"unit": unit, "seq": seq, "image_id": record.image_id}
    if isinstance(record, PlanRow):
        return row | {
            "path": record.path,
            "size": record.size,
            "mtime_ns": record.mtime_ns,
            "locator": record.locator,
        }
    reject = {"reject_stage": record.stage, "reject_code": record.code.value, "reject_detail": record.detail}
    return row | reject | {"path": b"", "size": 0, "mtime_ns": 0, "locator": ""}


@dataclass(frozen=True, slots=True)
class Planned:
    """What `write_plan` wrote, the earlier plan included."""

    units: int
    records: int
    source_bytes: int
    rejects: Mapping[str, int]


def write_plan(
    paths: DatasetPaths,
    records: Iterable[PlanRow | Reject],
    limits: UnitLimits,
    before: PlanInfo | None = None,
) -> Planned:
    """Stream `records` to `plan.parquet`, after those of the plan `before`, whose units stay as they are.

    The file is not valid until `plan.json` says how many units it has. Raises StoreError.
    """
    with ShardWriter(paths.plan_parquet, "plan", PLAN) as writer:
        if before is not None:
            old = PlanReader(paths.plan_parquet, before.units)
            for table in old.tables():
                writer.write(table)
            old.close()
        gatherer = _Gatherer(writer, limits, before.units if before else 0, before.records if before else 0)
        for record in records:
            gatherer.add(record)
        gatherer.end_unit()
        gatherer.flush()
        writer.finish()
    rejects = dict(before.rejects) if before else {}
    for code, count in gatherer.rejects.items():
        rejects[str(code)] = rejects.get(str(code), 0) + count
    source_bytes = gatherer.bytes + (before.source_bytes if before else 0)
    return Planned(gatherer.unit, gatherer.seq, source_bytes, dict(sorted(rejects.items())))
