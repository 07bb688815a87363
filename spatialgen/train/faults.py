"""Faults away from the main process: of a loader process, of a worker on Ray. One line for the user, a log for us."""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from spatialgen.errors import SpatialgenError
from spatialgen.train.errors import TrainError

T = TypeVar("T")
_GOES_ON = "the same command goes on from the last checkpoint"


@dataclass(frozen=True, slots=True)
class Fault:
    """What a loader process sends instead of a batch when it cannot make one.

    `error` is one of ours, which says all; otherwise `text` is the exception in a line and `trace` its traceback.
    """

    error: SpatialgenError | None
    text: str
    trace: str

    @classmethod
    def of(cls, error: Exception) -> Fault:
        """Return the fault that `error`, being handled now, is."""
        ours = error if isinstance(error, SpatialgenError) else None
        return cls(ours, _in_a_line(error), traceback.format_exc())

    def told(self, log: Path) -> SpatialgenError:
        """Return the error to raise. A traceback, where it tells more, goes to the end of `log`."""
        if self.error is not None:
            return self.error
        return TrainError(f"reading the data failed: {self.text}; {_kept(log, self.trace)}; {_GOES_ON}")


@contextmanager
def loaders_watched() -> Iterator[None]:
    """Turn torch's word that a loader process is gone, which may come at any moment, into a TrainError."""
    try:
        yield
    except RuntimeError as error:
        if (gone := loader_gone(error)) is None:
            raise
        raise _ended(f"the loader process {gone}") from error


def loader_gone(error: Exception) -> str | None:
    """Return the number of the loader process that `error` says is gone, or None where it is about something else."""
    found = re.search(r"DataLoader worker \(pid(?:\(s\))? ([\d, ]+)\)", str(error))
    return found[1] if found and isinstance(error, RuntimeError) else None


def received(items: Iterable[T]) -> Iterator[T]:
    """Yield what loader processes send. Raises TrainError where one ends while a batch of its is on the way."""
    try:
        yield from items
    except (ConnectionError, EOFError) as error:
        time.sleep(1)  # torch's own word, with the number of the process, comes as a signal in a moment
        raise _ended("a loader process") from error


def _ended(which: str) -> TrainError:
    return TrainError(
        f"{which} ended unexpectedly, as it does when the memory is used up; lower data.workers or "
        f"data.shuffle_images of the stage; {_GOES_ON}"
    )


def last_line(text: str) -> str:
    """Return the line of a traceback that names the exception, without the module where it is one of ours."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return re.sub(r"^spatialgen\.[\w.]*Error: ", "", lines[-1]) if lines else "no reason was given"


def kept_apart(text: str, log: Path) -> str:
    """Return a line that says what a traceback is about, and keep all of it at the end of `log`."""
    return f"{last_line(text)}; {_kept(log, text)}; {_GOES_ON}"


def _in_a_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _kept(log: Path, text: str) -> str:
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as out:
            out.write(text.rstrip() + "\n\n")
    except OSError as error:
        return f"its traceback could not be kept in {log} ({error.strerror})"
    return f"its traceback is in {log}"
