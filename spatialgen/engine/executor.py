"""Who runs the units: this process, or Ray, which is started at the first need and kept for the jobs that follow."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

from spatialgen.engine.local import run_in_process
from spatialgen.engine.plan import Cluster, Pool, refuse_shortfall
from spatialgen.engine.worker import Job
from spatialgen.reports import UnitDone


class Executor(Protocol):
    """Runs the units of a job."""

    def run(self, job: Job, pools: Sequence[Pool], units: Sequence[int]) -> Generator[UnitDone]:
        """Yield what was done, unit by unit. Raises what concerns the whole run."""


class InProcess:
    """One worker, in this process."""

    def run(self, job: Job, pools: Sequence[Pool], units: Sequence[int]) -> Generator[UnitDone]:
        """Yield what was done, in the order of `units`."""
        yield from run_in_process(job, [step for pool in pools for step in pool.steps], units)


class OnRay:
    """Ray, local or a cluster. `settings` are RaySettings of engine/ray.py, which is imported only when needed."""

    def __init__(self, settings: Any) -> None:
        self._settings = settings
        self._cluster: Cluster | None = None
        self._open = ExitStack()

    def run(self, job: Job, pools: Sequence[Pool], units: Sequence[int]) -> Generator[UnitDone]:
        """Yield what was done, in no particular order. Raises PlanError if the cluster cannot hold the pools."""
        from spatialgen.engine import ray

        if self._cluster is None:
            self._cluster = self._open.enter_context(ray.ray_session(self._settings, len(pools)))
        refuse_shortfall(pools, self._cluster)
        yield from ray.run_on_ray(job, pools, units, self._cluster)

    def close(self) -> None:
        """End a local Ray, leave a cluster."""
        self._open.close()


@contextmanager
def open_executor(kind: str, ray_settings: Any) -> Iterator[Executor]:
    """Yield the executor `kind`: "inprocess" or "ray"."""
    if kind == "inprocess":
        yield InProcess()
        return
    on_ray = OnRay(ray_settings)
    try:
        yield on_ray
    finally:
        on_ray.close()
