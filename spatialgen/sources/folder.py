"""A folder of photos, with all folders in it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spatialgen.errors import SourceError
from spatialgen.records import Frame, Reject, RejectCode
from spatialgen.sources.base import PlanRow
from spatialgen.sources.catalog import Catalog, Entry
from spatialgen.sources.fault import Fault
from spatialgen.sources.files import FileStamp, check_root, fault_of
from spatialgen.sources.pictures import Pictures

EXTENSIONS = frozenset(
    {b".jpg", b".jpeg", b".jpe", b".jfif", b".png", b".webp", b".bmp", b".tif", b".tiff", b".gif"}
    | {b".ppm", b".pgm", b".pnm", b".jp2", b".avif", b".mpo", b".tga"}
)
"""What a picture's name ends in. Other files, and names that begin with a dot, are no part of the source."""

Visited = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class FolderSource:
    """Every picture under `root`, sorted by its path; `image_id` is the path relative to `root`.

    Links are followed, loops of them are rejects. With `dedupe`, of files with equal bytes the first stays.
    """

    root: Path
    pictures: Pictures
    dedupe: bool = True

    def list(self) -> Iterator[PlanRow | Reject]:
        """Yield the pictures of the folder. Raises SourceError if there is no such folder."""
        if not self.root.is_dir():
            raise SourceError(f"source.path: {self.root} is not a folder; name the folder that holds the pictures")
        with Catalog() as catalog:
            for entry in _walk(os.fsencode(self.root)):
                catalog.add(entry)
            if self.dedupe:
                catalog.mark_duplicates(self._digest)
            for entry in catalog:
                yield _planned(entry)

    def read(self, row: PlanRow) -> tuple[Frame | Reject, tuple[Reject, ...]]:
        """Return the frame of a planned picture."""
        path = os.path.join(os.fsencode(self.root), row.path)
        try:
            return self.pictures.frame(row.image_id, path, FileStamp(row.size, row.mtime_ns)), ()
        except Fault as fault:
            check_root(self.root, fault)
            return fault.reject(row.image_id), ()

    def _digest(self, path: bytes) -> bytes | None:
        try:
            with open(os.path.join(os.fsencode(self.root), path), "rb") as file:
                return hashlib.file_digest(file, "sha256").digest()
        except OSError:
            return None


def text_id(path: bytes) -> str:
    """Return `path` as text: itself where it is UTF-8, else escaped and made unique by a hash of its bytes."""
    try:
        return path.decode("utf-8")
    except UnicodeDecodeError:
        return f"{path.decode('utf-8', 'backslashreplace')}~{hashlib.sha256(path).hexdigest()[:8]}"


def _planned(entry: Entry) -> PlanRow | Reject:
    image_id = text_id(entry.key)
    if entry.fault:
        return entry.fault.reject(image_id)
    if entry.first is not None:
        return Fault(RejectCode.DUPLICATE, f"the same bytes as {text_id(entry.first)}").reject(image_id)
    return PlanRow(image_id, entry.path, entry.size, entry.mtime_ns)


def _walk(root: bytes) -> Iterator[Entry]:
    """Yield what there is under `root`, in no particular order, paths relative to it."""
    pending: list[tuple[bytes, Visited]] = [(b"", _visit((), os.stat(root)))]
    while pending:
        folder, visited = pending.pop()
        try:
            with os.scandir(os.path.join(root, folder)) as items:
                for item in items:
                    if item.name.startswith(b"."):
                        continue
                    path, status = os.path.join(folder, item.name), _status(item)
                    if isinstance(status, os.stat_result) and stat.S_ISDIR(status.st_mode):
                        if (status.st_dev, status.st_ino) in visited:
                            yield Entry(path, path, fault=Fault(RejectCode.UNSAFE_PATH, "a loop of symbolic links"))
                            continue
                        pending.append((path, _visit(visited, status)))
                    if os.path.splitext(item.name)[1].lower() in EXTENSIONS:
                        yield _file(path, status)
        except OSError as error:
            yield Entry(folder, folder, fault=fault_of(error))


def _visit(visited: Visited, status: os.stat_result) -> Visited:
    return (*visited, (status.st_dev, status.st_ino))


def _status(item: os.DirEntry[bytes]) -> os.stat_result | Fault:
    try:
        return item.stat()
    except OSError as error:
        return fault_of(error)


def _file(path: bytes, status: os.stat_result | Fault) -> Entry:
    if isinstance(status, Fault):
        return Entry(path, path, fault=status)
    if stat.S_ISREG(status.st_mode):
        return Entry(path, path, status.st_size, status.st_mtime_ns)
    what = "a folder, not a file" if stat.S_ISDIR(status.st_mode) else "not a regular file"
    return Entry(path, path, fault=Fault(RejectCode.NOT_A_FILE, what))
