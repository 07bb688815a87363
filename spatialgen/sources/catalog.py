"""A list of records on disk: put in in any order, given back sorted, in memory that does not grow with their number."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from spatialgen.records import RejectCode
from spatialgen.sources.fault import Fault

_CACHE_KIB = 16_000
_SCHEMA = """
CREATE TABLE entries (key BLOB PRIMARY KEY, path BLOB, size INTEGER, mtime_ns INTEGER, locator TEXT,
                      code TEXT, detail TEXT, digest BLOB, first BLOB) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record that was found. `key` decides the order; `fault` says why it cannot be read, if so.

    `first` is the key of the first entry with the same bytes, where `mark_duplicates` found one before this.
    """

    key: bytes
    path: bytes
    size: int = 0
    mtime_ns: int = 0
    locator: str = ""
    fault: Fault | None = None
    first: bytes | None = None


class Catalog:
    """A temporary SQLite file, gone when the context ends."""

    def __enter__(self) -> Catalog:
        self._folder = tempfile.TemporaryDirectory(prefix="spatialgen-plan-")
        self._db = sqlite3.connect(Path(self._folder.name, "entries.sqlite"), isolation_level=None)
        for setting in ("journal_mode=OFF", "synchronous=OFF", "temp_store=FILE", f"cache_size=-{_CACHE_KIB}"):
            self._db.execute(f"PRAGMA {setting}")
        self._db.executescript(_SCHEMA)
        self._db.execute("BEGIN")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()
        self._folder.cleanup()

    def add(self, entry: Entry) -> bool:
        """Keep `entry`; return False, and keep nothing, if its key is there already."""
        code, detail = (entry.fault.code.value, entry.fault.detail) if entry.fault else (None, None)
        row = (entry.key, entry.path, entry.size, entry.mtime_ns, entry.locator, code, detail)
        done = self._db.execute("INSERT OR IGNORE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL)", row)
        return done.rowcount == 1

    def mark_duplicates(self, digest_of: Callable[[bytes], bytes | None]) -> None:
        """Compare the bytes of entries of equal size; `digest_of` a path returns None for what cannot be read."""
        self._db.execute("CREATE INDEX by_size ON entries (size, key)")
        again = "SELECT size FROM entries WHERE code IS NULL AND size > 0 GROUP BY size HAVING COUNT(*) > 1"
        self._db.execute(f"CREATE TEMP TABLE twins AS {again}")
        for (size,) in self._db.execute("SELECT size FROM twins"):
            self._digest_all(size, digest_of)
        self._db.execute("CREATE INDEX by_digest ON entries (digest, key) WHERE digest IS NOT NULL")
        first = "SELECT MIN(key) FROM entries e WHERE e.digest = entries.digest AND e.digest IS NOT NULL"
        self._db.execute(f"UPDATE entries SET first = ({first}) WHERE digest IS NOT NULL")

    def _digest_all(self, size: int, digest_of: Callable[[bytes], bytes | None]) -> None:
        same = "SELECT key, path FROM entries WHERE size = ? AND code IS NULL AND key > ? ORDER BY key LIMIT 1000"
        last = b""
        while rows := self._db.execute(same, (size, last)).fetchall():
            marks = [(digest_of(path), key) for key, path in rows]
            self._db.executemany("UPDATE entries SET digest = ? WHERE key = ?", marks)
            last = rows[-1][0]

    def __iter__(self) -> Iterator[Entry]:
        """Yield all entries, sorted by key."""
        columns = "key, path, size, mtime_ns, locator, code, detail, first"
        rows = self._db.execute(f"SELECT {columns} FROM entries ORDER BY key")
        for key, path, size, mtime_ns, locator, code, detail, first in rows:
            fault = Fault(RejectCode(code), detail) if code else None
            yield Entry(key, path, size, mtime_ns, locator, fault, first if first != key else None)
