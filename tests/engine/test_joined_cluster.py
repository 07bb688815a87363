"""A cluster that `ray start` made, as teams have them: joined by its address, with a token where it wants one."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from tiny_build import Tiny, contents

PROGRAM = Path(__file__).with_name("tiny_build.py")
COUNT = 40


def surroundings(home: Path) -> dict[str, str]:
    """The environment of a shell with that home; an earlier Ray of this process may have left its mode of tokens."""
    left = {name: value for name, value in os.environ.items() if name != "RAY_AUTH_MODE"}
    return left | {"HOME": str(home), "PYTHONPATH": str(PROGRAM.parent), "OMP_NUM_THREADS": "1"}


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that has a token, which makes `ray start` ask for it."""
    (tmp_path / "home/.ray").mkdir(parents=True)
    (tmp_path / "home/.ray/auth_token").write_text("0123456789abcdef" * 4)
    return tmp_path / "home"


@pytest.fixture
def address(home: Path) -> Iterator[str]:
    port = free_port()
    options = ["--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats", "--block"]
    command = [str(Path(sys.executable).with_name("ray")), "start", "--head", f"--port={port}", *options]
    head = subprocess.Popen(
        command, env=surroundings(home), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert head.stdout is not None
    for line in head.stdout:
        if "Ray runtime started" in line:
            break
    yield f"127.0.0.1:{port}"
    for process in [*psutil.Process(head.pid).children(recursive=True), head]:  # told to end, it takes half a minute
        process.kill()
    head.communicate(timeout=60)


def build(out: Path, address: str, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROGRAM), str(out), "--count", str(COUNT), "--executor", "ray"]
    command += ["--workers", "2", "--address", address]
    return subprocess.run(
        command, env=surroundings(home) | more, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.ray
@pytest.mark.slow
def test_a_cluster_is_joined_by_its_address(tmp_path: Path, home: Path, address: str) -> None:
    refused = build(tmp_path / "out", address, home)
    assert refused.returncode != 0
    assert f"can be joined at {address}" in refused.stderr
    assert "set RAY_AUTH_MODE=token" in refused.stderr

    made = build(tmp_path / "out", address, home, RAY_AUTH_MODE="token")
    assert made.returncode == 0, made.stderr
    Tiny(tmp_path / "alone", COUNT).make()
    assert contents(tmp_path / "out") == contents(tmp_path / "alone")
