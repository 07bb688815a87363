"""Finds the units that hold rejects worth another try, and takes their commits back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pyarrow.compute as pc

from spatialgen.records import RejectCode
from spatialgen.store.layout import DatasetPaths
from spatialgen.store.ledger import Ledger
from spatialgen.store.manifest import Manifest, Shard, read_manifest
from spatialgen.store.read import ShardUnits

RETRIED = (RejectCode.KILLED_WORKER, RejectCode.INTERNAL_ERROR, RejectCode.OUT_OF_MEMORY)


def units_to_retry(paths: DatasetPaths, units: int) -> list[int]:
    """Return the units with rejects of a kind that may go away: killers, internal errors, lack of memory."""
    ledger = Ledger(paths.staging)
    staged = ledger.committed(units)
    found = {int(u) for u in staged.nonzero()[0] if _worth(ledger.record(int(u)).counts.get("rejects", {}))}
    manifest = read_manifest(paths)
    if manifest is not None:
        found |= {unit for unit in _packed(paths, manifest) if not staged[unit]}
    return sorted(found)


def forget_units(paths: DatasetPaths, units: list[int]) -> None:
    """Take back the commits of `units` where they are staged; packed shards stay until they are written anew."""
    if not units:
        return
    paths.success.unlink(missing_ok=True)
    ledger = Ledger(paths.staging)
    shutil.rmtree(paths.staging / "shards", ignore_errors=True)
    for unit in units:
        ledger.forget(unit)


def _packed(paths: DatasetPaths, manifest: Manifest) -> Iterator[int]:
    for shard in manifest.shards:
        if _worth(shard.counts.get("rejects", {})):
            yield from _units(paths, shard)


def _units(paths: DatasetPaths, shard: Shard) -> Iterator[int]:
    reader = ShardUnits(paths, shard, {"rejects": ["code"]})
    for unit in range(shard.first_unit, shard.first_unit + shard.units):
        if any(pc.any(pc.equal(reader.unit(unit)["rejects"]["code"], code.value)).as_py() for code in RETRIED):
            yield unit
    reader.close()


def _worth(rejects: dict[str, int]) -> bool:
    return any(rejects.get(code.value) for code in RETRIED)
