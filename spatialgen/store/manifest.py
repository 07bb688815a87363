"""The manifest: what a finished dataset consists of, file by file. Readers trust it and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from spatialgen.errors import StoreError
from spatialgen.store.files import replace_file, store_errors
from spatialgen.store.layout import DatasetPaths

FORMAT = 1


@dataclass(frozen=True, slots=True)
class ShardFile:
    """One Parquet file: path in the dataset's folder, rows, bytes, sha256."""

    path: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Shard:
    """Shard `index` of every table: units `first_unit` .. + `units`, and their rows unit by unit and by table."""

    index: int
    generation: int
    first_unit: int
    units: int
    unit_rows: Mapping[str, tuple[int, ...]]
    counts: Mapping[str, Any]
    files: Mapping[str, ShardFile]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A finished dataset. `counts` sums what the units counted; `units` and `records` are those of the plan."""

    dataset: str
    schema_version: str
    fingerprint: str
    units: int
    records: int
    counts: Mapping[str, Any]
    shards: tuple[Shard, ...]

    def to_bytes(self) -> bytes:
        """Return the file's content: the same for the same dataset."""
        return json.dumps({"format": FORMAT, **asdict(self)}, sort_keys=True, indent=1).encode() + b"\n"

    @property
    def identity(self) -> str:
        """sha256 of the manifest, and through it of every row."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def read_manifest(paths: DatasetPaths) -> Manifest | None:
    """Return the manifest of a dataset, or None if there is none yet. Raises StoreError if it is damaged."""
    if not paths.manifest.exists():
        return None
    with store_errors(paths.manifest, "cannot read"):
        text = paths.manifest.read_bytes()
    try:
        row = json.loads(text)
        if row.pop("format") != FORMAT:
            raise StoreError(f"{paths.manifest} has another format than this version of spatialgen writes ({FORMAT})")
        shards = tuple(shard_from_json(entry) for entry in row.pop("shards"))
        return Manifest(**row, shards=shards)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{paths.manifest} is damaged: {error}") from error


def shard_to_json(shard: Shard) -> dict[str, Any]:
    """Return `shard` as JSON values."""
    return asdict(shard)


def shard_from_json(row: dict[str, Any]) -> Shard:
    """Return the shard that `shard_to_json` wrote."""
    files = {name: ShardFile(**entry) for name, entry in row.pop("files").items()}
    unit_rows = {name: tuple(rows) for name, rows in row.pop("unit_rows").items()}
    return Shard(**row, files=files, unit_rows=unit_rows)


def is_complete(paths: DatasetPaths) -> bool:
    """True where `_SUCCESS` vouches for the manifest that is there."""
    if not paths.success.exists() or not paths.manifest.exists():
        return False
    with store_errors(paths.root, "cannot read"):
        digest = hashlib.sha256(paths.manifest.read_bytes()).hexdigest()
        return paths.success.read_text().strip() == digest


def write_manifest(paths: DatasetPaths, manifest: Manifest) -> None:
    """Put the manifest in place, then `_SUCCESS`, which holds the manifest's sha256."""
    replace_file(paths.manifest, manifest.to_bytes())
    replace_file(paths.success, f"{manifest.identity}\n".encode())


def add_counts(total: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add nested counters in place: {"images": 3, "rejects": {"too_small": 1}}."""
    for key in sorted(more):
        if isinstance(more[key], Mapping):
            add_counts(total.setdefault(key, {}), more[key])
        else:
            total[key] = total.get(key, 0) + more[key]
