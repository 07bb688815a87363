"""Disks that fill up, become read-only or vanish: a clear message, nothing lost, and the run goes on afterwards."""

import json
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tiny_build import Tiny, contents

from spatialgen.errors import LeaseError, SpatialgenError, StoreError
from spatialgen.store.ledger import Ledger

COUNT = 60


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("quiet")
    Tiny(out, COUNT).make()
    return contents(out)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 kB, too small for the build."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)], check=False).returncode:
        pytest.skip("mounting a file system takes root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def remount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)


def after_commits(monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], None]) -> None:
    """Have `act` happen once `number` units are committed."""
    real = Ledger.commit
    commits = iter(range(1, 1_000_000))

    def commit(*args: object) -> bool:
        won = real(*args)  # type: ignore[arg-type]
        if next(commits) == number:
            act()
        return won

    monkeypatch.setattr(Ledger, "commit", commit)


def leave_lease_to_the_dead(out: Path) -> None:
    """A lease that could not be given back names this process; make it one that is gone, as it would be."""
    lease = out / "lease.json"
    if lease.exists():
        lease.write_text(json.dumps(json.loads(lease.read_text()) | {"started": "0"}))


def test_a_full_disk(small_disk: Path, quiet: dict[str, bytes]) -> None:
    tiny = Tiny(small_disk / "out", COUNT)
    with pytest.raises(StoreError, match="the disk is full; free some space and run the same command again"):
        tiny.make()
    assert len(list(tiny.out.glob("staging/0*/*.json"))) > 2, "it came some way"
    remount(small_disk, "size=20m")
    leave_lease_to_the_dead(tiny.out)
    tiny.make()
    assert contents(tiny.out) == quiet


def test_a_disk_too_small_for_the_shards(small_disk: Path, quiet: dict[str, bytes]) -> None:
    remount(small_disk, "size=750k")
    tiny = Tiny(small_disk / "out", COUNT)
    with pytest.raises(StoreError, match="the disk is full"):
        tiny.make()
    assert len(list(tiny.out.glob("staging/0*/*.json"))) == 8, "all units are there, but not all shards"
    remount(small_disk, "size=20m")
    leave_lease_to_the_dead(tiny.out)
    _, tally = tiny.make()
    assert tally is not None
    assert tally.units == 0, "no unit was made again"
    assert contents(tiny.out) == quiet


def test_a_disk_that_becomes_read_only(
    small_disk: Path, quiet: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    remount(small_disk, "size=20m")
    tiny = Tiny(small_disk / "out", COUNT)
    after_commits(monkeypatch, 3, lambda: remount(small_disk, "ro"))
    with pytest.raises(StoreError, match="read-only; choose another output"):
        tiny.make()
    remount(small_disk, "rw")
    leave_lease_to_the_dead(tiny.out)
    tiny.make()
    assert contents(tiny.out) == quiet


def test_a_limit_on_file_sizes(tmp_path: Path, quiet: dict[str, bytes]) -> None:
    tiny = Tiny(tmp_path / "out", COUNT)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(StoreError, match="refuses files of this size"):
            tiny.make()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    tiny.make()
    assert contents(tiny.out) == quiet


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    """An immutable folder, since tests may run as root, whom permissions do not stop."""
    if subprocess.run(["chattr", "+i", str(tmp_path)], check=False, capture_output=True).returncode:
        pytest.skip("the file system knows no immutable folders")
    try:
        with pytest.raises(StoreError, match=r"give this user write access, or choose another output\.path"):
            Tiny(tmp_path, COUNT).make()
    finally:
        subprocess.run(["chattr", "-i", str(tmp_path)], check=True)


def test_an_output_folder_that_is_lost(
    tmp_path: Path, quiet: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny, away = Tiny(tmp_path / "out", COUNT), tmp_path / "away"
    after_commits(monkeypatch, 3, lambda: shutil.move(tiny.out, away) and None)
    with pytest.raises(SpatialgenError, match="gone away"):
        tiny.make()
    assert not (tiny.out / "staging").exists(), "nothing was written to where the folder had been"
    shutil.rmtree(tiny.out, ignore_errors=True)
    shutil.move(away, tiny.out)
    leave_lease_to_the_dead(tiny.out)
    tiny.make()
    assert contents(tiny.out) == quiet


def test_a_lease_that_is_taken_over_stops_the_run(
    tmp_path: Path, quiet: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = Tiny(tmp_path / "out", COUNT)
    after_commits(monkeypatch, 3, (tiny.out / "lease.json").unlink)
    monkeypatch.setattr("spatialgen.store.lease.BEAT_S", 0.001)
    with pytest.raises(LeaseError, match="can be started again"):
        Tiny(tmp_path / "out", COUNT, seconds=0.02).make()
    tiny.make()
    assert contents(tiny.out) == quiet
