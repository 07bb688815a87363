import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from spatialgen.errors import LeaseError
from spatialgen.store import lease as module
from spatialgen.store.lease import Lease, live_holder, read_holder, this_process


def elsewhere(path: Path, age_s: float) -> None:
    holder = replace(this_process(), host="other", kernel="another machine")
    path.write_text(json.dumps(asdict(holder)))
    then = time.time() - age_s
    os.utime(path, (then, then))


def check_for_a_while(held: Lease) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        held.check()
        time.sleep(0.02)


def test_a_second_holder_is_refused_and_told_who(tmp_path: Path) -> None:
    path = tmp_path / "lease.json"
    with Lease(path, 60) as first:
        with pytest.raises(LeaseError, match=rf"in use by process {os.getpid()} on"), Lease(path, 60):
            pass
        assert read_holder(path) == first.holder
    assert not path.exists()
    with Lease(path, 60):
        pass


def test_a_dead_process_of_this_machine_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lease.json"
    code = f"""if True:
        import os
        from pathlib import Path
        from spatialgen.store.lease import Lease
        Lease(Path({str(path)!r}), 9e9).__enter__()
        os._exit(9)
    """
    subprocess.run([sys.executable, "-c", code], check=False)
    assert path.exists()
    assert live_holder(path, 9e9) is None
    with Lease(path, 9e9):
        pass


def test_a_later_process_with_the_same_number_is_another_one(tmp_path: Path) -> None:
    path = tmp_path / "lease.json"
    path.write_text(json.dumps(asdict(replace(this_process(), started="1"))))
    assert live_holder(path, 9e9) is None


def test_a_holder_on_another_machine_is_trusted_until_it_falls_silent(tmp_path: Path) -> None:
    path = tmp_path / "lease.json"
    elsewhere(path, age_s=5)
    with pytest.raises(LeaseError, match="on other"), Lease(path, 60):
        pass
    elsewhere(path, age_s=61)
    with Lease(path, 60) as mine:
        assert read_holder(path) == mine.holder


def test_the_heartbeat_keeps_a_lease_alive(tmp_path: Path) -> None:
    path = tmp_path / "lease.json"
    with Lease(path, 0.4) as held:
        os.utime(path, (0, 0))
        deadline = time.monotonic() + 10
        while path.stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert path.stat().st_mtime > 0
        held.check()


@pytest.mark.parametrize("loss", ["deleted", "taken", "folder gone"])
def test_a_lost_lease_stops_its_run(tmp_path: Path, loss: str) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    path = folder / "lease.json"
    with Lease(path, 0.2) as held:
        if loss == "taken":
            elsewhere(path, 0)
        else:
            path.unlink()
        if loss == "folder gone":
            folder.rmdir()
        with pytest.raises(LeaseError, match="can be started again"):
            check_for_a_while(held)
    assert path.exists() == (loss == "taken")  # the new holder's lease is left alone


def test_a_lease_taken_between_look_and_eviction_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lease.json"
    elsewhere(path, age_s=1000)
    looks = iter([None])  # the first look finds a dead holder; before the eviction a live one has come

    def first_look(where: Path, seconds: float) -> object:
        for found in looks:
            elsewhere(path, age_s=0)
            return found
        return live_holder(where, seconds)

    monkeypatch.setattr(module, "live_holder", first_look)
    with pytest.raises(LeaseError), Lease(path, 60):
        pass
    holder = read_holder(path)
    assert holder is not None
    assert holder.host == "other"
    assert os.listdir(tmp_path) == ["lease.json"]
