"""The executor without Ray: one worker, in this process. For debugging, small builds, and as the reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from spatialgen.engine.worker import Fatal, Job, Worker
from spatialgen.reports import UnitDone


def run_in_process(job: Job, steps: Sequence[str], units: Iterable[int]) -> Iterator[UnitDone]:
    """Make `units` one after the other, and yield what was done. Raises what concerns the whole run."""
    worker = Worker(job, steps)
    try:
        for unit in units:
            message = worker(unit)
            if isinstance(message, Fatal):
                raise message.error()
            if isinstance(message, UnitDone):
                yield message
    finally:
        worker.close()
