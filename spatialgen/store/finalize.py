"""Packs committed units, in plan order, into shards that are aligned across tables, and proves nothing is lost.

Every step is atomic and can be repeated: a shard is written aside and renamed, then noted in the staging folder;
after all shards the manifest, then `_SUCCESS`, then the staging folder goes. Killed anywhere, the next call goes on.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from spatialgen.errors import StoreError
from spatialgen.records import Bool
from spatialgen.store.files import make_folder, replace_file, store_errors
from spatialgen.store.layout import DatasetPaths, shard_name
from spatialgen.store.ledger import Ledger
from spatialgen.store.manifest import (
    Manifest,
    Shard,
    ShardFile,
    add_counts,
    read_manifest,
    shard_from_json,
    shard_to_json,
    write_manifest,
)
from spatialgen.store.parquet import ShardWriter
from spatialgen.store.read import ShardUnits

# Units that are packed in a shard become row groups; tables of few or small rows share one among many units.
_GROUP_ROWS = {"rejects": 10_000, "questions": 16_384}

Tables = Mapping[str, pa.Table]


@dataclass(frozen=True, slots=True)
class Packing:
    """What to pack: the tables with their schemas, the plan's size, how a unit is counted and proved complete.

    `proof(unit, tables)` raises StoreError unless the rows of a unit are those planned. `groups` fixes which units
    share a shard (first unit, number of units), `shard_bytes` is the rule where it is None.
    """

    dataset: str
    schemas: Mapping[str, pa.Schema]
    schema_version: str
    fingerprint: str
    units: int
    records: int
    count: Callable[[Tables], dict[str, Any]]
    proof: Callable[[int, Tables], None]
    shard_bytes: int = 256_000_000
    groups: Sequence[tuple[int, int]] | None = None


def finalize(paths: DatasetPaths, packing: Packing, tick: Callable[[int], None] = lambda _: None) -> Manifest:
    """Pack everything staged and return the manifest. `tick` is told each shard's units. Raises StoreError."""
    ledger = Ledger(paths.staging)
    before = read_manifest(paths)
    kept = before.shards if before else ()
    staged = ledger.committed(packing.units)
    packed = sum(s.units for s in kept)
    absent = [int(u) for u in (~staged[packed:]).nonzero()[0][:3]]
    if absent:
        raise StoreError(f"{paths.root} is not complete: unit {packed + absent[0]} is missing; run again to make it")
    paths.success.unlink(missing_ok=True)
    for table in packing.schemas:
        make_folder(paths.root / table)
    make_folder(paths.staging / "shards")
    shards: list[Shard] = []
    for wanted in _wanted(packing, ledger, kept, staged):
        shards.append(wanted if isinstance(wanted, Shard) else _shard_of(paths, packing, ledger, wanted))
        tick(shards[-1].units)
    manifest = _manifest(packing, shards)
    write_manifest(paths, manifest)
    remove_leftovers(paths, manifest)
    return manifest


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A shard to write: its place, its units, and the shard that has the rows of those that are not staged."""

    index: int
    generation: int
    first_unit: int
    units: int
    old: Shard | None


def _wanted(packing: Packing, ledger: Ledger, kept: Sequence[Shard], staged: Bool) -> Iterator[Shard | _Wanted]:
    for shard in kept:
        # A shard noted in the staging folder was packed from it; other staged units were made again by a retry.
        noted = _note(ledger.root, shard.index, shard.generation).exists()
        if not noted and staged[shard.first_unit : shard.first_unit + shard.units].any():
            yield _Wanted(shard.index, shard.generation + 1, shard.first_unit, shard.units, shard)
        else:
            yield shard
    packed = sum(s.units for s in kept)
    groups = packing.groups if packing.groups is not None else _by_size(packing, ledger, packed)
    new = (group for group in groups if group[0] >= packed)
    for index, (first, units) in enumerate(new, start=len(kept)):
        yield _Wanted(index, 0, first, units, None)


def _by_size(packing: Packing, ledger: Ledger, first: int) -> Iterator[tuple[int, int]]:
    """Yield (first unit, units): as many units as stay within `shard_bytes`, at least one."""
    start, size = first, 0
    for unit in range(first, packing.units):
        more = sum(f.bytes for f in ledger.record(unit).files.values())
        if unit > start and size + more > packing.shard_bytes:
            yield start, unit - start
            start, size = unit, 0
        size += more
    if start < packing.units or start == 0:
        yield start, packing.units - start


def _shard_of(paths: DatasetPaths, packing: Packing, ledger: Ledger, wanted: _Wanted) -> Shard:
    note = _note(paths.staging, wanted.index, wanted.generation)
    if note.exists():
        done = shard_from_json(json.loads(note.read_bytes()))
        same = (done.first_unit, done.units) == (wanted.first_unit, wanted.units)
        if same and all(_has_size(paths.root / f.path, f.bytes) for f in done.files.values()):
            return done
    shard = _write_shard(paths, packing, ledger, wanted)
    replace_file(note, json.dumps(shard_to_json(shard)).encode())
    return shard


def _note(staging: Path, index: int, generation: int) -> Path:
    return staging / "shards" / f"{index:05d}.{generation}.json"


def _has_size(path: Path, size: int) -> bool:
    return path.exists() and path.stat().st_size == size


def _write_shard(paths: DatasetPaths, packing: Packing, ledger: Ledger, wanted: _Wanted) -> Shard:
    rows: dict[str, list[int]] = {table: [] for table in packing.schemas}
    counts: dict[str, Any] = {}
    names = {table: shard_name(table, wanted.index, wanted.generation) for table in packing.schemas}
    with ExitStack() as stack:
        writers = {
            table: stack.enter_context(ShardWriter(paths.root / names[table], table, schema, _GROUP_ROWS.get(table, 0)))
            for table, schema in packing.schemas.items()
        }
        for unit, tables in _units(paths, packing, ledger, wanted):
            packing.proof(unit, tables)
            add_counts(counts, packing.count(tables))
            for name, table in tables.items():
                writers[name].write(table)
                rows[name].append(table.num_rows)
        files = {name: ShardFile(names[name], w.rows, *w.finish()) for name, w in writers.items()}
    unit_rows = {name: tuple(values) for name, values in rows.items()}
    return Shard(wanted.index, wanted.generation, wanted.first_unit, wanted.units, unit_rows, counts, files)


def _units(
    paths: DatasetPaths, packing: Packing, ledger: Ledger, wanted: _Wanted
) -> Iterator[tuple[int, dict[str, pa.Table]]]:
    """Yield the tables of each unit of a shard: as staged, else as the shard's last generation has them."""
    old = ShardUnits(paths, wanted.old) if wanted.old else None
    for unit in range(wanted.first_unit, wanted.first_unit + wanted.units):
        if old is not None and not ledger.is_committed(unit):
            tables = old.unit(unit)
        else:
            record = ledger.record(unit)
            tables = {name: ledger.table(record, name, schema) for name, schema in packing.schemas.items()}
        for name, schema in packing.schemas.items():
            if not tables[name].schema.equals(schema):
                raise StoreError(f"unit {unit} has another {name} schema than this version writes; start a new folder")
        yield unit, tables
    if old is not None:
        old.close()


def _manifest(packing: Packing, shards: Sequence[Shard]) -> Manifest:
    counts: dict[str, Any] = {}
    for shard in shards:
        add_counts(counts, shard.counts)
    units = sum(s.units for s in shards)
    if units != packing.units:
        raise StoreError(f"{units} units are packed, but {packing.units} were planned")
    return Manifest(
        packing.dataset,
        packing.schema_version,
        packing.fingerprint,
        packing.units,
        packing.records,
        counts,
        tuple(shards),
    )


def remove_leftovers(paths: DatasetPaths, manifest: Manifest) -> None:
    """Remove the staging folder, what dead runs left half written, and shards that the manifest does not list."""
    listed = {f.path for shard in manifest.shards for f in shard.files.values()}
    with store_errors(paths.root, "cannot tidy"):
        for path in paths.root.glob(".*.tmp"):
            path.unlink(missing_ok=True)
        for folder in {Path(name).parent for name in listed}:
            for path in (paths.root / folder).iterdir():
                if str(folder / path.name) not in listed:
                    path.unlink()
        if paths.staging.exists():
            # Renamed first: a folder that is half removed must not be taken for a staging folder with lost units.
            doomed = paths.staging.with_name(f".{paths.staging.name}.doomed")
            shutil.rmtree(doomed, ignore_errors=True)
            paths.staging.rename(doomed)
        shutil.rmtree(paths.staging.with_name(f".{paths.staging.name}.doomed"), ignore_errors=True)
