"""Files that are either whole or absent: written aside in the same folder, synced, then linked or renamed."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spatialgen.errors import SpatialgenError, StoreError

_HINTS = {
    errno.ENOSPC: "the disk is full; free some space and run the same command again, nothing is lost",
    errno.EDQUOT: "the disk quota is used up; free some space and run the same command again, nothing is lost",
    errno.EFBIG: "the file system, or a limit (ulimit -f), refuses files of this size",
    errno.EACCES: "no permission; give this user write access, or choose another output.path",
    errno.EPERM: "the file system does not permit it; give this user write access, or choose another output.path",
    errno.EROFS: "the file system is read-only; choose another output.path",
    errno.ENOENT: "the output folder, or a part of it, has gone away; bring it back and run the same command again",
    errno.ENOTDIR: "a part of the path is a file; choose another output.path",
    errno.ESTALE: "the shared file system lost the folder; mount it again and run the same command again",
    errno.EIO: "the disk reports an error; run the same command again once it is healthy",
    errno.EOPNOTSUPP: "the file system has no hard links; choose an output.path on another one",
}


@contextmanager
def store_errors(path: Path, action: str = "cannot write") -> Iterator[None]:
    """Turn an OSError of the block into a StoreError that names `path` and what to do."""
    try:
        yield
    except SpatialgenError:
        raise
    except OSError as error:
        hint = _HINTS.get(error.errno or 0, "run the same command again once the cause is mended")
        raise StoreError(f"{action} {path}: {error.strerror or error}: {hint}") from error


def fsync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Create `folder` and its parents, durable. Raises StoreError."""
    with store_errors(folder, "cannot create"):
        folder.mkdir(parents=True, exist_ok=True)
        fsync_folder(folder.parent)


def aside(path: Path) -> Path:
    """Return a name in the same folder that nobody else uses: hidden, and ending in `.tmp`."""
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")


def write_durable(path: Path, data: bytes) -> None:
    """Create `path`, which must not exist, with `data`, and sync it; what was begun is removed on error."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)


def replace_file(path: Path, data: bytes) -> None:
    """Put `data` at `path` at once, whatever was there before. Raises StoreError."""
    temporary = aside(path)
    with store_errors(path):
        write_durable(temporary, data)
        os.replace(temporary, path)
        fsync_folder(path.parent)


def create_file(path: Path, data: bytes) -> bool:
    """Put `data` at `path` at once unless something is there: True if it was put. Works on shared file systems.

    A hard link does not replace, so that of several writers exactly one wins, and its bytes are whole.
    """
    temporary = aside(path)
    with store_errors(path):
        write_durable(temporary, data)
        try:
            won = _link(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        if won:
            fsync_folder(path.parent)
        return won


def _link(temporary: Path, path: Path) -> bool:
    try:
        os.link(temporary, path)
    except FileExistsError:
        # A network file system may lose the answer to a link that did happen, and then repeat the call.
        return os.stat(temporary).st_nlink == 2
    return True
