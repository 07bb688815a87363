"""Runs that are really killed, then run again: the shards are byte for byte those of an undisturbed run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tiny_build import Tiny, contents

PROGRAM = Path(__file__).resolve().parents[1] / "engine" / "tiny_build.py"
COUNT = 120


@dataclass(frozen=True)
class Victim:
    """A tiny build in a process of its own, in a session of its own, so that all of it can be looked for."""

    out: Path
    executor: str
    seconds: float = 0.004
    address: str | None = None

    def start(self) -> subprocess.Popen[bytes]:
        """Start it."""
        options = ["--count", str(COUNT), "--executor", self.executor, "--seconds", str(self.seconds)]
        options += ["--workers", "2"] + (["--address", self.address] if self.address else [])
        command = [sys.executable, str(PROGRAM), str(self.out), *options]
        environment = os.environ | {"PYTHONPATH": str(PROGRAM.parent), "OMP_NUM_THREADS": "1"}
        # whoever started the tests in the background may have had SIGINT ignored, which children inherit
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.PIPE)
        finally:
            signal.signal(signal.SIGINT, before)

    def committed(self) -> int:
        """How many units are committed."""
        return len(list(self.out.glob("staging/0*/*.json"))) if self.out.exists() else 0

    def finish(self) -> None:
        """Run it to its end, undisturbed, without Ray, which must not matter."""
        process = replace(self, executor="inprocess", seconds=0.0).start()
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("quiet")
    Tiny(out, COUNT).make()
    return contents(out)


def until(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.005)
    return False


def running_in(session: int) -> list[int]:
    """The live processes of a session, by /proc."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.fixture
def reap() -> Iterator[list[int]]:
    """Sessions that a test started; what still runs of them at its end is killed."""
    sessions: list[int] = []
    yield sessions
    for session in sessions:
        for pid in running_in(session):
            os.kill(pid, signal.SIGKILL)


def lives_on(session: int, *words: str) -> bool:
    """True if a process of the session runs a command with one of `words` in it."""
    for pid in running_in(session):
        command = Path(f"/proc/{pid}/cmdline")
        if command.exists() and any(word.encode() in command.read_bytes() for word in words):
            return True
    return False


def workers_of(session: int) -> list[int]:
    return [pid for pid in running_in(session) if b"MapWorker" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def meet(victim: Victim, process: subprocess.Popen[bytes], more: int) -> bool:
    """Wait until `more` units more are committed; False where the run ends before."""
    before = victim.committed()
    return until(lambda: victim.committed() >= before + more or process.poll() is not None) and process.poll() is None


def kill_at_random(victim: Victim, rng: random.Random, reap: list[int], times: int) -> int:
    """Kill the driver `times` times at random moments; return how many kills met it in the middle of its work."""
    met = 0
    for _ in range(times):
        process = victim.start()
        reap.append(process.pid)
        meet(victim, process, 1)
        time.sleep(rng.uniform(0.0, 0.5))
        met += process.poll() is None
        process.kill()
        process.communicate()
    return met


@pytest.mark.slow
def test_kill_9_of_the_driver_in_process(tmp_path: Path, quiet: dict[str, bytes], reap: list[int]) -> None:
    victim = Victim(tmp_path / "out", "inprocess")
    assert kill_at_random(victim, random.Random(1), reap, times=4) >= 1
    victim.finish()
    assert contents(victim.out) == quiet


@pytest.mark.slow
def test_two_runs_at_once(tmp_path: Path, quiet: dict[str, bytes], reap: list[int]) -> None:
    victim = Victim(tmp_path / "out", "inprocess", seconds=0.02)
    first = victim.start()
    reap.append(first.pid)
    assert meet(victim, first, 1)
    second = victim.start()
    _, errors = second.communicate(timeout=60)
    assert second.returncode == 1
    assert f"LeaseError: {victim.out} is in use by process {first.pid}" in errors.decode()
    _, errors = first.communicate(timeout=60)
    assert first.returncode == 0, errors.decode()
    assert contents(victim.out) == quiet


@pytest.mark.ray
@pytest.mark.slow
def test_kill_9_of_the_driver_on_ray(tmp_path: Path, quiet: dict[str, bytes], reap: list[int]) -> None:
    victim = Victim(tmp_path / "out", "ray", seconds=0.04)
    assert kill_at_random(victim, random.Random(2), reap, times=1) == 1
    gone = until(lambda: not lives_on(reap[0], "raylet", "gcs_server", "MapWorker"))
    assert gone, "Ray outlives its driver"
    victim.finish()
    assert contents(victim.out) == quiet


@pytest.mark.ray
@pytest.mark.slow
def test_kill_9_of_workers_then_sigterm_of_the_driver(tmp_path: Path, quiet: dict[str, bytes], reap: list[int]) -> None:
    victim = Victim(tmp_path / "out", "ray", seconds=0.05)
    process = victim.start()
    reap.append(process.pid)
    assert meet(victim, process, 1)
    workers = workers_of(process.pid)
    assert workers
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    assert meet(victim, process, 4), "it goes on with new workers"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 143
    assert not (victim.out / "lease.json").exists()
    assert not lives_on(process.pid, "raylet", "gcs_server", "MapWorker")
    assert victim.committed() < 15, "it was stopped before its end"
    victim.finish()
    assert contents(victim.out) == quiet


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)])
def test_a_signal_ends_a_run_in_process(
    tmp_path: Path, quiet: dict[str, bytes], reap: list[int], number: signal.Signals, code: int
) -> None:
    victim = Victim(tmp_path / "out", "inprocess", seconds=0.02)
    process = victim.start()
    reap.append(process.pid)
    assert meet(victim, process, 2)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == code
    assert not (victim.out / "lease.json").exists()
    assert 2 <= victim.committed() < 15
    victim.finish()
    assert contents(victim.out) == quiet


ALONE = "SPATIALGEN_TEST_ALONE"


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.skipif(ALONE in os.environ, reason="is the one that starts the other")
def test_a_whole_node_dies_in_a_process_of_its_own() -> None:
    """A Ray that this process ran before leaves traces that keep a second node from being reached."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")} | {ALONE: "1"}
    command = [sys.executable, "-m", "pytest", f"{__file__}::test_kill_9_of_a_whole_node"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "1 passed" in done.stdout


@pytest.mark.skipif(ALONE not in os.environ, reason="started by the test above")
@pytest.mark.ray
@pytest.mark.slow
def test_kill_9_of_a_whole_node(
    tmp_path: Path, quiet: dict[str, bytes], reap: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("PYTHONPATH", str(PROGRAM.parent))
    soon = {"health_check_period_ms": 1000, "health_check_failure_threshold": 3, "health_check_initial_delay_ms": 0}
    head = {"num_cpus": 1, "include_dashboard": False, "_system_config": soon}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        second = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        victim = Victim(tmp_path / "out", "ray", seconds=0.05, address=cluster.address)
        process = victim.start()
        reap.append(process.pid)
        assert meet(victim, process, 2), process.communicate(timeout=60)[1].decode()
        cluster.remove_node(second, allow_graceful=False)
        assert victim.committed() < 15, "the node went in the middle of the work"
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
    finally:
        cluster.shutdown()
    assert contents(victim.out) == quiet


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_a_hundred_kills_of_the_driver(tmp_path: Path, quiet: dict[str, bytes], reap: list[int], seed: int) -> None:
    rng = random.Random(seed)
    victim = Victim(tmp_path / "out", "ray" if seed % 2 else "inprocess", seconds=0.05)
    assert kill_at_random(victim, rng, reap, times=10) >= 3
    victim.finish()
    assert contents(victim.out) == quiet
