"""Pictures in tar shards, as WebDataset keeps them: found by the tar's headers, read in place."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from spatialgen.errors import SourceError
from spatialgen.records import Frame, Reject, RejectCode
from spatialgen.sources.base import PlanRow
from spatialgen.sources.catalog import Entry
from spatialgen.sources.fault import Fault
from spatialgen.sources.files import fault_of, stamp_of
from spatialgen.sources.folder import EXTENSIONS, text_id
from spatialgen.sources.listing import Located, files_of, planned, read_located, root_of
from spatialgen.sources.pictures import Pictures


@dataclass(frozen=True, slots=True)
class WebDatasetSource:
    """The pictures in `path` (an uncompressed `.tar`, or all under a folder), sorted by id, `shard.tar/member.jpg`."""

    path: Path
    pictures: Pictures

    def list(self) -> Iterator[PlanRow | Reject]:
        """Yield the pictures of all shards. Raises SourceError where there is no shard, or a damaged one."""
        return planned(found for file in files_of(self.path, ".tar") for found in self._entries(file))

    def read(self, row: PlanRow) -> tuple[Frame | Reject, tuple[Reject, ...]]:
        """Return the frame of a planned picture."""
        return read_located(self.path, row, partial(self._frame, row)), ()

    def _frame(self, row: PlanRow, shard: bytes, located: Located) -> Frame:
        data = _read_at(shard, located["offset"], row.size, self.pictures.max_file_bytes)
        return self.pictures.decode(row.image_id, data, row.image_id)[0]

    def _entries(self, file: Path) -> Iterator[tuple[str, Entry]]:
        relative = os.fsencode(file.relative_to(root_of(self.path)))
        stamp = stamp_of(os.fsencode(file))
        for name, member in _members(file):
            shown = f"{text_id(relative)}/{name}"
            place = f"{shown}@{member.offset}"
            if not member.isreg() or member.issparse():
                yield place, Entry(shown.encode(), relative, fault=Fault(RejectCode.NOT_A_FILE, "not a regular file"))
                continue
            locator = json.dumps({"offset": member.offset_data, "file_size": stamp.size})
            yield place, Entry(shown.encode(), relative, member.size, stamp.mtime_ns, locator)


def _members(file: Path) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Yield the members whose names end like a picture's, without keeping those that have passed."""
    try:
        with tarfile.open(file, "r:") as tar:
            while (member := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # else the tar keeps what has passed
                name = text_id(member.name.encode("utf-8", "surrogateescape"))
                if os.path.splitext(member.name)[1].lower().encode("utf-8", "replace") in EXTENSIONS:
                    yield name, member
    except (tarfile.TarError, OSError, EOFError) as error:
        raise SourceError(f"source.path: {file} is not an uncompressed tar shard, or is damaged: {error}") from error


def _read_at(file: bytes, offset: int, size: int, max_bytes: int) -> bytes:
    if size > max_bytes:
        raise Fault(RejectCode.TOO_LARGE, f"{size} bytes, over the limit of {max_bytes}")
    try:
        with open(file, "rb") as shard:
            shard.seek(offset)
            data = shard.read(size)
    except OSError as error:
        raise fault_of(error) from error
    if len(data) < size:
        raise Fault(RejectCode.TRUNCATED_IMAGE, "the shard ends inside this picture")
    return data
