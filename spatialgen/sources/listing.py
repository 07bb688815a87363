"""What sources of many records a file share: which files, ids that are unique, rows in their order."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from spatialgen.errors import SourceError
from spatialgen.records import Frame, Reject, RejectCode
from spatialgen.sources.base import PlanRow
from spatialgen.sources.catalog import Catalog, Entry
from spatialgen.sources.fault import Fault
from spatialgen.sources.files import FileStamp, check_root, stamp_of

Located = Mapping[str, Any]


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


def root_of(path: Path) -> Path:
    """Return the folder that the planned paths of the files of `path` are relative to."""
    return path if path.is_dir() else path.parent


def read_located(path: Path, row: PlanRow, read: Callable[[bytes, Located], Frame]) -> Frame | Reject:
    """Return `read(file, locator)` for a planned row of one of the files of `path`, or the reject that it ends in.

    `locator` is the row's, a JSON object that also has the `file_size` of when it was planned.
    """
    try:
        located: Located = json.loads(row.locator)
        file = os.path.join(os.fsencode(root_of(path)), row.path)
        if stamp_of(file) != FileStamp(located["file_size"], row.mtime_ns):
            raise Fault(RejectCode.CHANGED_FILE, "the file that holds it changed since it was planned")
        return read(file, located)
    except Fault as fault:
        check_root(path, fault)
        return fault.reject(row.image_id)
