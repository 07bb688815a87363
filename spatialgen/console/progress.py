"""Progress of a run: live on a terminal, plain lines elsewhere, JSON lines for machines. All on standard error."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spatialgen.console.words import duration, rate
from spatialgen.reports import Progress, UnitDone

if TYPE_CHECKING:
    from rich.progress import TaskID

PLAIN_SECONDS = 5.0
JSON_SECONDS = 1.0


@contextmanager
def watching(as_json: bool) -> Iterator[Progress]:
    """Yield the progress that fits where standard error goes."""
    if as_json:
        yield JsonLines()
    elif sys.stderr.isatty():
        live = Live()
        try:
            yield live
        finally:
            live.finish()
    else:
        yield PlainLines()


@dataclass(slots=True)
class Count:
    """How far a job is. `began` counts from the start of this run, so that rates leave out what was done before."""

    job: str
    units: int
    units_done: int
    records: int
    records_done: int
    at_start: int = field(init=False)
    began: float = -1.0

    def __post_init__(self) -> None:
        self.at_start = self.records_done
        self.began = time.monotonic() if self.began < 0 else self.began

    def add(self, done: UnitDone) -> None:
        """Count one unit more."""
        self.units_done += 1
        self.records_done += done.records

    @property
    def per_second(self) -> float:
        """Records a second in this run; 0 before the first unit."""
        return (self.records_done - self.at_start) / max(time.monotonic() - self.began, 1e-6)

    @property
    def seconds_left(self) -> float | None:
        """About how long the rest takes; None before the first unit."""
        left = max(self.records - self.records_done, 0)
        return left / self.per_second if self.per_second > 0 else None

    def line(self) -> str:
        """Return all of it in words."""
        rest = "" if self.seconds_left is None else f", {duration(self.seconds_left)} left"
        return (
            f"{self.job}: {self.records_done}/{self.records} images in {self.units_done}/{self.units} units, "
            f"{rate(self.per_second)} images/s{rest}"
        )


class PlainLines:
    """A line now and then."""

    def __init__(self) -> None:
        self._count: Count | None = None
        self._next = 0.0
        self._told = -1

    def start(self, job: str, units: int, units_done: int, records: int, records_done: int) -> None:
        """Begin a job."""
        self._count, self._told = Count(job, units, units_done, records, records_done), -1
        before = f", {records_done} of them done before" if records_done else ""
        _say(f"{job}: {records} images in {units} units{before}")
        self._next = time.monotonic() + PLAIN_SECONDS

    def update(self, done: UnitDone) -> None:
        """Count one unit more."""
        if self._count is None:
            return
        self._count.add(done)
        if time.monotonic() >= self._next:
            self._tell(self._count)
            self._next = time.monotonic() + PLAIN_SECONDS

    def message(self, text: str) -> None:
        """Print `text`."""
        _say(text)

    def finish(self) -> None:
        """Print how far the job has come, if that was not the last line."""
        if self._count is not None and self._told != self._count.units_done:
            self._tell(self._count)
        self._count = None

    def _tell(self, count: Count) -> None:
        _say(count.line())
        self._told = count.units_done


class JsonLines:
    """One JSON object a line, at most one a second but for starts, messages and ends."""

    def __init__(self) -> None:
        self._count: Count | None = None
        self._next = 0.0

    def start(self, job: str, units: int, units_done: int, records: int, records_done: int) -> None:
        """Begin a job."""
        self._count = Count(job, units, units_done, records, records_done)
        self._write("start")

    def update(self, done: UnitDone) -> None:
        """Count one unit more."""
        if self._count is None:
            return
        self._count.add(done)
        if time.monotonic() >= self._next:
            self._write("progress")
            self._next = time.monotonic() + JSON_SECONDS

    def message(self, text: str) -> None:
        """Write `text`."""
        _say(json.dumps({"event": "message", "text": text}))

    def finish(self) -> None:
        """End the job."""
        if self._count is not None:
            self._write("finish")
            self._count = None

    def _write(self, event: str) -> None:
        if self._count is None:
            return
        count, left = self._count, self._count.seconds_left
        row = {"event": event, "job": count.job, "units": count.units, "units_done": count.units_done}
        row |= {"images": count.records, "images_done": count.records_done}
        row |= {"images_per_s": round(count.per_second, 3), "seconds_left": None if left is None else round(left, 1)}
        _say(json.dumps(row))


class Live:
    """A bar with rate and time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("images  {task.fields[note]}"),
            TimeElapsedColumn(),
        )
        self._bars = Progress(*columns, console=Console(stderr=True))
        self._task: TaskID | None = None
        self._count: Count | None = None

    def start(self, job: str, units: int, units_done: int, records: int, records_done: int) -> None:
        """Show the bar of a job."""
        self._bars.start()
        self._count = Count(job, units, units_done, records, records_done)
        self._task = self._bars.add_task(job, total=records, completed=records_done, note="")

    def update(self, done: UnitDone) -> None:
        """Move the bar."""
        if self._count is None or self._task is None:
            return
        self._count.add(done)
        left = self._count.seconds_left
        rest = "" if left is None else f", {duration(left)} left"
        note = f"{rate(self._count.per_second)}/s{rest}"
        self._bars.update(self._task, completed=self._count.records_done, note=note)

    def message(self, text: str) -> None:
        """Print `text` above the bars."""
        self._bars.console.print(text, markup=False, highlight=False)

    def finish(self) -> None:
        """Leave the bars as they are."""
        self._bars.stop()
        self._count = self._task = None


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
