"""What sources of many records a file share: which files, ids that are unique, rows in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from spatialgen.errors import SourceError
from spatialgen.records import Reject, RejectCode
from spatialgen.sources.base import PlanRow
from spatialgen.sources.catalog import Catalog, Entry
from spatialgen.sources.fault import Fault

_REPEATED = b"\0"  # between an id and what tells a later record with the same id; ids hold no such byte


def files_of(path: Path, suffix: str) -> list[Path]:
    """Return `path` itself, or all files under it that end in `suffix`, sorted. Raises SourceError if none."""
    if path.is_file():
        return [path]
    found = sorted(p for p in path.rglob(f"*{suffix}") if p.is_file() and not p.name.startswith("."))
    if not found:
        raise SourceError(f"source.path: {path} is neither a {suffix} file nor a folder with such files")
    return found


def planned(entries: Iterable[tuple[str, Entry]]) -> Iterator[PlanRow | Reject]:
    """Yield the rows and rejects of `entries` sorted by id; each comes with where it stands, for messages."""
    with Catalog() as catalog:
        for number, (where, entry) in enumerate(entries):
            if not catalog.add(entry):
                fault = Fault(RejectCode.DUPLICATE_ID, f"{where}: an earlier record has this id")
                catalog.add(Entry(entry.key + _REPEATED + b"%012d" % number, b"", fault=fault))
        for entry in catalog:
            image_id = entry.key.split(_REPEATED)[0].decode()
            if entry.fault:
                yield entry.fault.reject(image_id)
            else:
                yield PlanRow(image_id, entry.path, entry.size, entry.mtime_ns, entry.locator)
