"""Faults away from the main process: of a loader process, of a worker on Ray. One line for the user, a log for us."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spatialgen.errors import SpatialgenError
from spatialgen.train.errors import TrainError

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
        gone = re.search(r"DataLoader worker \(pid(?:\(s\))? ([\d, ]+)\)", str(error))
        if gone is None:
            raise
        raise TrainError(
            f"the loader process {gone[1]} ended unexpectedly, as it does when the memory is used up; lower "
            f"data.workers or data.shuffle_images of the stage; {_GOES_ON}"
        ) from error


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
