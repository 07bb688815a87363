"""One run over the pending units of a job: which executor, who is told, when to stop, and what is written down."""

from __future__ import annotations

import json
import secrets
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from spatialgen.engine.executor import Executor
from spatialgen.engine.plan import Pool
from spatialgen.engine.worker import Job
from spatialgen.errors import BuildFailed, StoreError
from spatialgen.records import RejectCode
from spatialgen.reports import Progress, StageTime, UnitDone
from spatialgen.store.files import make_folder, replace_file, store_errors
from spatialgen.store.lease import Lease

JUDGE_AFTER = 1000  # images, before the share of rejects means anything
_INTERNAL = (RejectCode.INTERNAL_ERROR.value, RejectCode.KILLED_WORKER.value)
_NOT_A_FAULT = (RejectCode.DUPLICATE.value,)


class RunSettings(Protocol):
    """What this module needs to know of the configuration."""

    @property
    def max_internal_errors(self) -> int: ...
    @property
    def max_reject_fraction(self) -> float: ...


@dataclass(slots=True)
class Tally:
    """What this run has done so far."""

    units: int = 0
    records: int = 0
    images: int = 0
    rejects: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    stage_images: dict[str, int] = field(default_factory=dict)
    hosts: dict[str, int] = field(default_factory=dict)
    repeated: dict[int, int] = field(default_factory=dict)

    def add(self, done: UnitDone) -> None:
        """Count one unit more."""
        self.units += 1
        self.records += done.records
        self.images += done.images
        _add(self.rejects, done.rejects)
        _add(self.seconds, done.seconds)
        _add(self.stage_images, done.stage_images)
        self.hosts[done.host] = self.hosts.get(done.host, 0) + 1
        if done.attempts > 1:
            self.repeated[done.unit] = done.attempts

    def times(self) -> tuple[StageTime, ...]:
        """Seconds and images by stage, in the order in which stages run."""
        return tuple(StageTime(name, s, self.stage_images[name]) for name, s in self.seconds.items())


def _add(total: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        total[key] = total.get(key, 0) + value


def judge(settings: RunSettings, records: int, rejects: Mapping[str, int], at_end: bool) -> None:
    """Raise BuildFailed if too much went wrong.

    Any internal error fails a run at its end, more than `max_internal_errors` at once. The share of rejects is
    judged after 1,000 records or at the end; duplicates are left out of it, as they are nobody's fault.
    """
    internal = sum(rejects.get(code, 0) for code in _INTERNAL)
    if internal > settings.max_internal_errors:
        raise BuildFailed(
            f"{internal} records failed for unknown reasons, more than run.max_internal_errors "
            f"({settings.max_internal_errors}): see the rejects internal_error and killed_worker"
        )
    duplicates = sum(rejects.get(code, 0) for code in _NOT_A_FAULT)
    refused, judged = sum(rejects.values()) - duplicates, records - duplicates
    share = refused / judged if judged else 0.0
    if share > settings.max_reject_fraction and (at_end or judged >= JUDGE_AFTER):
        raise BuildFailed(
            f"{refused} of {judged} records were rejected, more than run.max_reject_fraction "
            f"({settings.max_reject_fraction:g}): {_most(rejects)}"
        )
    if at_end and internal:
        raise BuildFailed(
            f"the build is finished, but {internal} records failed for unknown reasons: see the rejects "
            "internal_error and killed_worker; --retry-rejects tries them again"
        )


def _most(rejects: Mapping[str, int]) -> str:
    ordered = sorted(rejects.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {code}" for code, count in ordered[:5])


class RunLog:
    """`runs/<run id>.json`: times, hosts and attempts, apart from the dataset; and the folder of this run's marks."""

    def __init__(self, runs: Path, job: str, holder: str) -> None:
        self.run_id = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(3)}"
        self._path = runs / f"{self.run_id}.json"
        self.marks = runs / self.run_id
        self._row = {"run_id": self.run_id, "job": job, "holder": holder, "started": _now()}
        make_folder(runs)
        with store_errors(runs):
            for left in runs.iterdir():
                if left.is_dir():
                    shutil.rmtree(left, ignore_errors=True)  # marks of dead runs: they mean nothing to this one
        make_folder(self.marks)
        self._next = 0.0

    def write(self, state: str, tally: Tally, seconds: float) -> None:
        """Write the file anew."""
        row = self._row | {
            "state": state,
            "updated": _now(),
            "seconds": round(seconds, 3),
            "units": tally.units,
            "records": tally.records,
            "images": tally.images,
            "rejects": dict(sorted(tally.rejects.items())),
            "stages": {t.stage: {"seconds": round(t.seconds, 3), "images": t.images} for t in tally.times()},
            "hosts": tally.hosts,
            "attempts": {str(unit): n for unit, n in sorted(tally.repeated.items())},
        }
        replace_file(self._path, json.dumps(row, indent=1).encode() + b"\n")

    def now_and_then(self, tally: Tally, seconds: float) -> None:
        """Write the file anew if that was long ago."""
        if time.monotonic() >= self._next:
            self.write("running", tally, seconds)
            self._next = time.monotonic() + 10.0

    def clear(self) -> None:
        """Remove this run's marks."""
        shutil.rmtree(self.marks, ignore_errors=True)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@dataclass(frozen=True, slots=True)
class Run:
    """What a run is made of: the job with its pools and pending units, and how to go about it."""

    job: Job
    pools: Sequence[Pool]
    pending: Sequence[int]
    settings: RunSettings
    executor: Executor
    lease: Lease
    log: RunLog
    progress: Progress


def run_units(run: Run) -> Tally:
    """Make the pending units, and return what was done. Raises what stopped it; all that is committed stays."""
    tally, began, state = Tally(), time.monotonic(), "failed"
    run.log.write("running", tally, 0.0)
    try:
        with closing(run.executor.run(run.job, run.pools, run.pending)) as finished:
            for done in finished:
                tally.add(done)
                run.progress.update(done)
                run.lease.check()
                run.log.now_and_then(tally, time.monotonic() - began)
                judge(run.settings, tally.records, tally.rejects, at_end=False)
        run.lease.check()
        state = "done"
    except (KeyboardInterrupt, SystemExit):
        state = "stopped"
        raise
    finally:
        with suppress(StoreError):  # on a full disk there is no log of it, but the error that stopped the run
            run.log.write(state, tally, time.monotonic() - began)
        run.log.clear()
    return tally


@contextmanager
def terminable() -> Iterator[None]:
    """Turn SIGTERM, which pre-emption sends, into an orderly exit (status 143) within the block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(signum: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + signum)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
