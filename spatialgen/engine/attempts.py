"""Who was being worked on when a worker died: marks that a worker leaves on disk and takes away if it lives.

The marks of a run lie in its own folder and mean nothing to other runs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spatialgen.store.files import store_errors


@dataclass(frozen=True, slots=True)
class Attempts:
    """The marks of one run, under `folder`, which exists."""

    folder: Path

    def deaths(self, key: str) -> int:
        """How many attempts at `key` have begun and never ended."""
        n = 0
        while (self.folder / f"{key}.{n}").exists():
            n += 1
        return n

    @contextmanager
    def attempt(self, key: str) -> Iterator[Path]:
        """Mark `key` as being worked on. The mark stays only if the process dies inside."""
        with store_errors(self.folder):
            mark = self._mark(key)
        try:
            yield mark
        finally:
            with store_errors(mark, "cannot remove"):
                mark.unlink(missing_ok=True)

    def _mark(self, key: str) -> Path:
        n = self.deaths(key)
        while True:
            mark = self.folder / f"{key}.{n}"
            try:
                os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
            except FileExistsError:
                n += 1
            else:
                return mark

    def note(self, key: str) -> None:
        """Remember something about `key` for the rest of the run."""
        with store_errors(self.folder):
            (self.folder / f"{key}.noted").touch()

    def noted(self, key: str) -> bool:
        """True if `note(key)` was called in this run."""
        return (self.folder / f"{key}.noted").exists()

    def last_words(self, key: str) -> str:
        """What the last attempt at `key` that died had written into its mark."""
        with store_errors(self.folder, "cannot read"):
            return (self.folder / f"{key}.{self.deaths(key) - 1}").read_text()
