"""A run that dies at its n-th change of the disk, for every n: the next run ends with the bytes of a quiet one."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_build import Tiny, contents

CHANGES = ("link", "replace", "rename", "unlink", "mkdir", "write", "fsync", "open", "rmdir")


class Dead(BaseException):
    """No handler catches this, and from here on the disk cannot be changed: as after kill -9."""


class Disk:
    """Counts the changes of the disk, and dies at one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.changes = 0
        self.dies_at = -1
        for name in CHANGES:
            monkeypatch.setattr(os, name, self._counted(getattr(os, name), name))

    def _counted(self, real: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if name == "open" and not args[1] & (os.O_CREAT | os.O_WRONLY):
                return real(*args, **kwargs)
            self.changes += 1
            if 0 <= self.dies_at <= self.changes:
                raise Dead(f"change {self.changes}: {name} {args[:1]}")
            return real(*args, **kwargs)

        return call


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def tiny(out: Path) -> Tiny:
    return Tiny(out, count=20, unit_images=8, shard_bytes=9_000)


def run_until_dead(out: Path, disk: Disk, at: int) -> None:
    disk.changes, disk.dies_at = 0, at
    try:
        tiny(out).make()
    except Dead:
        pass
    finally:
        disk.dies_at = -1
    lease = out / "lease.json"
    if lease.exists():  # it names this process, which lives on: make it an earlier one of the same number
        lease.write_text(json.dumps(json.loads(lease.read_text()) | {"started": "0"}))


@pytest.mark.slow
def test_death_at_every_change_of_the_disk(tmp_path: Path, disk: Disk) -> None:
    tiny(tmp_path / "quiet").make()
    steps = disk.changes
    quiet = contents(tmp_path / "quiet")
    assert steps > 50
    assert sum(name.startswith("images/") for name in quiet) > 1
    for at in range(1, steps + 1, 5):
        out = tmp_path / str(at)
        run_until_dead(out, disk, at)
        run_until_dead(out, disk, at // 2 + 1)
        tiny(out).make()
        assert contents(out) == quiet, f"died at change {at} of {steps}"


@pytest.mark.soak
def test_death_at_every_change_of_the_disk_and_at_every_change_of_the_next_run(tmp_path: Path, disk: Disk) -> None:
    tiny(tmp_path / "quiet").make()
    steps = disk.changes
    quiet = contents(tmp_path / "quiet")
    for at in range(1, steps + 1):
        for again in range(1, steps + 1, 7):
            out = tmp_path / f"{at}.{again}"
            run_until_dead(out, disk, at)
            run_until_dead(out, disk, again)
            tiny(out).make()
            assert contents(out) == quiet, f"died at change {at} of {steps}, then at {again}"
