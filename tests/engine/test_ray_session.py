"""A local Ray: on loopback only, without a dashboard, gone afterwards; and clusters that do not answer."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from spatialgen.errors import SpatialgenError

LISTENING = "0A"
LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}


def family(pid: int) -> Iterator[int]:
    """A process and all its descendants."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from family(int(child))


def sockets(pid: int) -> set[str]:
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(link)
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


def listening() -> dict[str, str]:
    """The local address of each listening TCP socket, by inode."""
    rows = [line.split() for table in ("tcp", "tcp6") for line in Path("/proc/net", table).read_text().splitlines()[1:]]
    return {row[9]: row[1].split(":")[0] for row in rows if row[3] == LISTENING}


@pytest.mark.ray
@pytest.mark.slow
def test_a_local_ray_listens_on_loopback_only(local_ray: None) -> None:
    addresses = listening()
    ours = {inode for pid in family(os.getpid()) for inode in sockets(pid)}
    found = {addresses[inode] for inode in ours if inode in addresses}
    assert found, "Ray listens somewhere"
    assert found <= LOOPBACK


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_that_does_not_answer_is_named(address: str) -> None:
    from spatialgen.engine.ray import _refuse_silence

    with pytest.raises(SpatialgenError, match=rf"no Ray cluster answers at {address} \(ray\.address"):
        _refuse_silence(address)
