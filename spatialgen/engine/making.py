"""From a plan to a manifest, for any dataset: run what is pending, pack it, judge it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spatialgen.engine.executor import Executor
from spatialgen.engine.plan import Pool
from spatialgen.engine.run import Run, RunLog, RunSettings, Tally, judge, run_units
from spatialgen.engine.worker import Job
from spatialgen.reports import Progress
from spatialgen.store.finalize import Packing, finalize, remove_leftovers
from spatialgen.store.layout import DatasetPaths
from spatialgen.store.lease import Lease
from spatialgen.store.ledger import Ledger
from spatialgen.store.manifest import Manifest, is_complete, read_manifest


@dataclass(frozen=True, slots=True)
class Making:
    """One dataset to make. `job(marks)` is its job, given the folder of the run's marks; `runs` keeps the logs."""

    paths: DatasetPaths
    runs: Path
    job: Callable[[str], Job]
    pools: Sequence[Pool]
    packing: Packing
    run: RunSettings


@dataclass(frozen=True, slots=True)
class Hands:
    """What a run works with: the hold on the folder, the executor, and who watches."""

    lease: Lease
    executor: Executor
    progress: Progress


def make(making: Making, hands: Hands, again: Sequence[int] = ()) -> tuple[Manifest, Tally | None]:
    """Make what is pending, and the units `again`; pack; return the manifest. No Tally where all was done before.

    Raises BuildFailed where too much went wrong to go on, StoreError where the folder fails, PlanError where the
    cluster is too small. What went wrong in a dataset that could be finished is for `settle` to judge.
    """
    manifest = read_manifest(making.paths)
    if is_complete(making.paths) and manifest is not None and manifest.units == making.packing.units:
        remove_leftovers(making.paths, manifest)
        return manifest, None
    tally = _run_pending(making, manifest, hands, again)
    hands.progress.message("packing shards")
    manifest = finalize(making.paths, making.packing, lambda _: hands.lease.check())
    return manifest, tally


def settle(run: RunSettings, made: tuple[Manifest, Tally | None]) -> None:
    """Raise BuildFailed if the dataset was finished by this run, with internal errors or too many rejects in it."""
    manifest, tally = made
    if tally is not None:
        judge(run, manifest.records, manifest.counts.get("rejects", {}), at_end=True)


def _run_pending(making: Making, manifest: Manifest | None, hands: Hands, again: Sequence[int]) -> Tally:
    packing, ledger = making.packing, Ledger(making.paths.staging)
    ledger.prepare(packing.units)
    done = ledger.committed(packing.units)
    if manifest is not None:
        done[: manifest.units] = True
    done[list(again)] = False
    pending = [int(unit) for unit in (~done).nonzero()[0]]
    finished = packing.units - len(pending)
    before = packing.records * finished // max(packing.units, 1)
    hands.progress.start(packing.dataset, packing.units, finished, packing.records, before)
    try:
        return _run(making, pending, hands) if pending else Tally()
    finally:
        hands.progress.finish()


def _run(making: Making, pending: Sequence[int], hands: Hands) -> Tally:
    log = RunLog(making.runs, making.packing.dataset, str(hands.lease.holder))
    job = making.job(str(log.marks.resolve()))
    return run_units(
        Run(job, making.pools, pending, making.run, hands.executor, hands.lease, log, hands.progress),
    )
