"""What a source does: lists its records once, in a fixed order, and reads one of them as a Frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from spatialgen.records import Frame, Reject


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One planned record: a row of `plan.parquet`. `path` is bytes, since file names need not be UTF-8.

    `image_id` is unique in the source and valid UTF-8. `size` and `mtime_ns` tell a file that changed since.
    `locator` is what else the source needs to find the record again (for a manifest: its line, as JSON text).
    """

    image_id: str
    path: bytes
    size: int
    mtime_ns: int
    locator: str = ""


class Source(Protocol):
    """A place that images come from. Picklable; `list` runs on the driver, `read` in the workers."""

    def list(self) -> Iterator[PlanRow | Reject]:
        """Yield every record, sorted by name, in memory that does not grow with their number."""

    def read(self, row: PlanRow) -> tuple[Frame | Reject, tuple[Reject, ...]]:
        """Return the record's frame or its reject, and the rejects of single objects of it."""
