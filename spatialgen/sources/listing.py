"""What sources of many records a file share: which files, ids that are unique, rows in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from spatialgen.errors import SourceError
from spatialgen.records import Reject, RejectCode
from spatialgen.sources.base import PlanRow
from spatialgen.sources.catalog import Catalog, Entry
from spatialgen.sources.fault import Fault


def files_of(path: Path, suffix: str) -> list[Path]:
    """Return `path` itself, or all files under it that end in `suffix`, sorted. Raises SourceError if none."""
    if path.is_file():
        return [path]
    found = sorted(p for p in path.rglob(f"*{suffix}") if p.is_file() and not p.name.startswith("."))
    if not found:
        raise SourceError(f"source.path: {path} is neither a {suffix} file nor a folder with such files")
    return found


def planned(entries: Iterable[tuple[str, Entry]]) -> Iterator[PlanRow | Reject]:
    """Yield the rows and rejects of `entries` sorted by id; each comes with the name of the place where it stands.

    A later record with the id of an earlier one is a reject under its place's name, since names of records are unique.
    """
    with Catalog() as catalog:
        for place, entry in entries:
            if not catalog.add(entry):
                fault = Fault(RejectCode.DUPLICATE_ID, f"an earlier record has its id, {entry.key.decode()!r}")
                catalog.add(Entry(place.encode(), b"", fault=fault))
        for entry in catalog:
            image_id = entry.key.decode()
            if entry.fault:
                yield entry.fault.reject(image_id)
            else:
                yield PlanRow(image_id, entry.path, entry.size, entry.mtime_ns, entry.locator)
