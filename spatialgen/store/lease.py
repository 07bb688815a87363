"""One run at a time on a build folder: a lease file with its holder, kept alive by a heartbeat.

Ages are differences between modification times that the same file system gave, so that clocks need not agree.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from spatialgen.errors import LeaseError, StoreError
from spatialgen.store.files import aside, create_file, store_errors

BEAT_S = 5.0


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a folder. `kernel` tells machines (and containers) apart, `started` one process from a later one."""

    token: str
    host: str
    pid: int
    started: str
    kernel: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def this_process() -> Holder:
    """Return this process as a holder, with a new token."""
    return Holder(secrets.token_hex(8), socket.gethostname(), os.getpid(), _started(os.getpid()), _kernel())


def _started(pid: int) -> str:
    """The process's start time in clock ticks since boot; "" where there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def _kernel() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def read_holder(path: Path) -> Holder | None:
    """Return the holder that the lease file names; None where there is no lease."""
    with store_errors(path, "cannot read"):
        try:
            return Holder(**json.loads(path.read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise StoreError(f"{path} is not a lease ({error}); delete it if no run is using the folder") from error


def live_holder(path: Path, seconds: float) -> Holder | None:
    """Return the holder of a lease that is still alive: seen running on this machine, or heard of lately."""
    holder = read_holder(path)
    if holder is None:
        return None
    if holder.kernel == _kernel():
        return holder if _started(holder.pid) == holder.started else None
    return holder if _age_s(path) <= seconds else None


def _age_s(path: Path) -> float:
    """How long ago the lease was kept alive, by the clock of its own file system; infinite where it is gone."""
    probe = aside(path)
    with store_errors(path):
        handle = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            return os.fstat(handle).st_mtime - path.stat().st_mtime
        except FileNotFoundError:
            return float("inf")
        finally:
            os.close(handle)
            probe.unlink(missing_ok=True)


class Lease:
    """Holds a build folder while the context lasts. `check` raises as soon as the lease has been lost."""

    def __init__(self, path: Path, seconds: float) -> None:
        self._path, self._seconds = path, seconds
        self.holder = this_process()
        self._lost: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self._take()
        self._thread.start()
        return self

    def _take(self) -> None:
        data = json.dumps(asdict(self.holder)).encode()
        if create_file(self._path, data):
            return
        alive = live_holder(self._path, self._seconds)
        if alive is None:
            self._evict()
            if create_file(self._path, data):
                return
        raise LeaseError(
            f"{self._path.parent} is in use by {alive or 'another run'}. Wait for it or stop it; the lease of a run "
            f"that died on another machine expires after {self._seconds:g} s."
        )

    def _evict(self) -> None:
        """Take a dead holder's lease away, but give back one that another run took in this very moment."""
        dead = aside(self._path)
        with store_errors(self._path):
            try:
                os.rename(self._path, dead)
            except FileNotFoundError:
                return
            if live_holder(dead, self._seconds) is not None:
                os.link(dead, self._path)
            dead.unlink()

    def _beat(self) -> None:
        while not self._stop.wait(min(self._seconds / 4, BEAT_S)):
            try:
                found = read_holder(self._path)
                if found is None or found.token != self.holder.token:
                    self._lost = f"another run took over {self._path.parent}" if found else _gone(self._path)
                    return
                os.utime(self._path)
            except (OSError, StoreError) as error:
                self._lost = f"the lease {self._path} cannot be kept: {error}"
                return

    def check(self) -> None:
        """Raise LeaseError if this run no longer holds the folder."""
        if self._lost is not None:
            raise LeaseError(f"{self._lost}; this run stops, and can be started again")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        try:
            found = read_holder(self._path)
            if found is not None and found.token == self.holder.token:
                self._path.unlink(missing_ok=True)
        except (OSError, StoreError):
            # The folder is lost or read-only: the run has ended all the same, and its lease is known to be dead.
            return


def _gone(path: Path) -> str:
    return f"the output folder {path.parent} has gone away, or its lease was deleted"
