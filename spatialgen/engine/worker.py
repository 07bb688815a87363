"""What one worker does with one unit, in process and on Ray alike, and how it survives records that kill it."""

from __future__ import annotations

import contextlib
import pickle
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from spatialgen import errors
from spatialgen.engine.attempts import Attempts
from spatialgen.engine.steps import Asked, Clock, Counted, Finished, Item, Step, run_steps
from spatialgen.engine.threads import single_thread
from spatialgen.errors import BuildFailed, SpatialgenError
from spatialgen.records import Reject, RejectCode
from spatialgen.reports import UnitDone

PROBE_AFTER = 2  # deaths in a unit, after which its records are tried alone
GUILTY_AFTER = 2  # deaths of a record alone, after which it is rejected
ALONE_AFTER = 4  # deaths in a unit without its killers, after which it is run record by record
GIVE_UP_AFTER = 8  # deaths in a unit, after which the run stops


@dataclass(frozen=True, slots=True)
class Passed:
    """A unit on its way from one pool to the next: pickled items, and the time spent so far."""

    items: bytes
    clock: Clock
    attempts: int


@dataclass(frozen=True, slots=True)
class Fatal:
    """Why the whole run must stop: an error of `spatialgen.errors`, by name."""

    kind: str
    text: str

    def error(self) -> SpatialgenError:
        """Return the error as it was raised."""
        made: SpatialgenError = getattr(errors, self.kind, SpatialgenError)(self.text)
        return made


@dataclass(frozen=True, slots=True)
class Skipped:
    """The unit had been committed before."""

    unit: int


Message = Passed | UnitDone | Fatal | Skipped


class Job(Protocol):
    """A dataset in the making. Picklable: it travels to the workers."""

    def open(self) -> Workshop:
        """Return what a worker needs, opened in the worker."""


class Workshop(Protocol):
    """A job opened in a worker."""

    def is_done(self, unit: int) -> bool:
        """True where the unit is committed."""

    def items(self, unit: int) -> list[Item]:
        """Return the records of a unit."""

    def steps(self, names: Sequence[str]) -> list[Step]:
        """Return the steps of a pool."""

    def commit(self, unit: int, items: Sequence[Item]) -> bool:
        """Store a finished unit; False where another worker was first."""

    def attempts(self) -> Attempts:
        """Return the marks of this run."""


class Worker:
    """One worker of one pool: `first` reads the plan, `last` commits."""

    def __init__(self, job: Job, steps: Sequence[str], pool: int = 0, last: bool = True) -> None:
        single_thread()
        self._shop = job.open()
        self._steps = self._shop.steps(steps)
        self._pool, self._last = pool, last
        self._attempts = self._shop.attempts()
        self._host = socket.gethostname()

    def __call__(self, unit: int, message: Message | None = None) -> Message:
        """Take a unit one pool further. What concerns the whole run comes back as Fatal."""
        if isinstance(message, Fatal | Skipped | UnitDone):
            return message
        try:
            if self._shop.is_done(unit):
                return Skipped(unit)
            return self._work(unit, message)
        except SpatialgenError as error:
            return Fatal(type(error).__name__, str(error))

    def _work(self, unit: int, message: Passed | None) -> Message:
        single_thread()  # once more for each unit: stages import their libraries when they first need them
        items = self._shop.items(unit) if message is None else pickle.loads(message.items)  # noqa: S301 (our own)
        clock = Clock() if message is None else message.clock
        key = f"u{unit:08d}.p{self._pool}"
        deaths = self._attempts.deaths(key)
        if deaths >= PROBE_AFTER:
            items = self._without_killers(key, items)
        if deaths >= GIVE_UP_AFTER:
            raise BuildFailed(f"unit {unit} took its worker down {deaths} times, though no record of it does so alone")
        with self._attempts.attempt(key):
            if deaths >= ALONE_AFTER:
                items = [done for item in items for done in run_steps(self._steps, [item], clock)]
            else:
                items = run_steps(self._steps, items, clock)
            attempts = deaths + 1 if message is None else max(message.attempts, deaths + 1)
            if not self._last:
                return Passed(pickle.dumps(items, protocol=5), clock, attempts)
            if not self._shop.commit(unit, items):
                return Skipped(unit)
        return unit_done(unit, items, clock, self._host, attempts)

    def _without_killers(self, key: str, items: Sequence[Item]) -> list[Item]:
        """Try every record alone; one that took its worker down twice, alone, becomes a reject."""
        return [self._probed(f"{key}.r{place:05d}", item) for place, item in enumerate(items)]

    def _probed(self, key: str, item: Item) -> Item:
        if self._attempts.deaths(key) >= GUILTY_AFTER:
            step = self._attempts.last_words(key)
            detail = f"took its worker down {GUILTY_AFTER} times, alone, in one run"
            return replace(item, value=Reject(item.image_id, step, RejectCode.KILLED_WORKER, detail))
        if not self._attempts.noted(key) and not isinstance(item.value, Reject):
            with self._attempts.attempt(key) as mark:
                run_steps(self._steps, [item], Clock(), lambda step: _write(mark, step))
            self._attempts.note(key)
        return item

    def close(self) -> None:
        """Let go of the stages."""
        for step in self._steps:
            with contextlib.suppress(Exception):
                step.close()


def _write(mark: Path, step: str) -> None:
    mark.write_text(step, encoding="utf-8")


def unit_done(unit: int, items: Sequence[Item], clock: Clock, host: str, attempts: int) -> UnitDone:
    """Return what the driver is told of a finished unit."""
    rejects: dict[str, int] = {}
    for item in items:
        if isinstance(item.value, Reject):
            rejects[item.value.code.value] = rejects.get(item.value.code.value, 0) + 1
    images = sum(isinstance(item.value, Finished | Asked | Counted) for item in items)
    return UnitDone(unit, len(items), images, rejects, clock.seconds, clock.images, host, attempts)
