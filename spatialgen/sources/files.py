"""Reading one file of a source: only what was planned, only regular files, never more than the limit."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from spatialgen.errors import SourceError
from spatialgen.records import RejectCode
from spatialgen.sources.fault import Fault

_CODES = {
    errno.ENOENT: (RejectCode.MISSING_FILE, "there is no such file"),
    errno.ENOTDIR: (RejectCode.MISSING_FILE, "there is no such file"),
    errno.ESTALE: (RejectCode.MISSING_FILE, "the file is gone"),
    errno.EACCES: (RejectCode.NO_PERMISSION, "no permission to read it"),
    errno.EPERM: (RejectCode.NO_PERMISSION, "no permission to read it"),
    errno.ELOOP: (RejectCode.UNSAFE_PATH, "a loop of symbolic links"),
    errno.EISDIR: (RejectCode.NOT_A_FILE, "a folder, not a file"),
    errno.ENXIO: (RejectCode.NOT_A_FILE, "not a regular file"),
    errno.ENAMETOOLONG: (RejectCode.MISSING_FILE, "the name is too long"),
}


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What tells a file that changed since the plan."""

    size: int
    mtime_ns: int


class Inside:
    """Paths that may not leave a folder, links resolved."""

    def __init__(self, folder: bytes) -> None:
        self._root = os.path.realpath(folder)

    def path(self, relative: str) -> bytes:
        """Return `relative` under the folder. Raises Fault unsafe_path if it leaves it, or is absolute."""
        full = os.path.realpath(os.path.join(self._root, os.fsencode(relative)))
        if os.path.isabs(relative) or os.path.commonpath([self._root, full]) != self._root:
            raise Fault(RejectCode.UNSAFE_PATH, "leaves the folder of the source")
        return full


def fault_of(error: OSError) -> Fault:
    """Return the fault that an OSError on a source's file means."""
    if error.errno in _CODES:
        return Fault(*_CODES[error.errno])
    return Fault(RejectCode.MISSING_FILE, f"cannot be read: {error.strerror or error}")


def stamp_of(path: bytes) -> FileStamp:
    """Return the stamp of the regular file `path`, links followed. Raises Fault."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise fault_of(error) from error
    _check_regular(status)
    return FileStamp(status.st_size, status.st_mtime_ns)


def read_planned(path: bytes, planned: FileStamp, max_bytes: int) -> bytes:
    """Return the bytes of `path` if it is still the file that was planned. Raises Fault."""
    try:
        with open(path, "rb", opener=_never_waiting) as file:
            status = os.fstat(file.fileno())
            _check_regular(status)
            _check_unchanged(FileStamp(status.st_size, status.st_mtime_ns), planned)
            if status.st_size > max_bytes:
                raise Fault(RejectCode.TOO_LARGE, f"{status.st_size} bytes, over the limit of {max_bytes}")
            data = file.read(planned.size + 1)
    except OSError as error:
        raise fault_of(error) from error
    _check_unchanged(FileStamp(len(data), planned.mtime_ns), planned)
    if not data:
        raise Fault(RejectCode.EMPTY_FILE, "no bytes")
    return data


def check_root(root: Path, fault: Fault) -> None:
    """Raise SourceError if `fault` is the loss of the whole source, say of a network drive, not of one file."""
    if fault.code is RejectCode.MISSING_FILE and not root.exists():
        raise SourceError(f"the source {root} is gone; bring it back and run again") from fault


def _never_waiting(path: str, flags: int) -> int:
    """A named pipe without a writer would stop the run."""
    return os.open(path, flags | os.O_NONBLOCK)


def _check_regular(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise Fault(RejectCode.NOT_A_FILE, "a folder, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise Fault(RejectCode.NOT_A_FILE, "not a regular file")


def _check_unchanged(found: FileStamp, planned: FileStamp) -> None:
    if found.size != planned.size:
        raise Fault(RejectCode.CHANGED_FILE, f"{planned.size} bytes when planned, {found.size} now")
    if found.mtime_ns != planned.mtime_ns:
        raise Fault(RejectCode.CHANGED_FILE, "modified since it was planned")
