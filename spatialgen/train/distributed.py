"""One process, torchrun or Ray Train: who am I, which device, and sums over all ranks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from spatialgen.train.errors import TrainError


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among all: its number, how many there are, and its device."""

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        """True for the rank that writes files and reports."""
        return self.rank == 0

    def total(self, *values: float) -> list[float]:
        """Return each value summed over all ranks (float64)."""
        if self.count == 1:
            return [float(v) for v in values]
        kind = torch.float64 if self.device.type in ("cpu", "cuda") else torch.float32
        summed = torch.tensor(values, dtype=kind, device=self.device)
        dist.all_reduce(summed)
        return [float(v) for v in summed]

    def gather(self, value: object) -> list[object]:
        """Return every rank's `value`, in order of rank."""
        if self.count == 1:
            return [value]
        gathered: list[object] = [None] * self.count
        dist.all_gather_object(gathered, value)
        return gathered

    def wait(self) -> None:
        """Return when all ranks are here."""
        if self.count > 1:
            dist.barrier()


@contextmanager
def ranks(device: str) -> Iterator[Ranks]:
    """Yield this process's place. Starts the process group where torchrun (or Ray) says that there are others."""
    count, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    if device == "cuda" and not torch.cuda.is_available():
        raise TrainError("run.device is cuda, but torch sees no GPU here; set run.device: cpu, or auto")
    chosen = torch.device("cuda", local % max(1, torch.cuda.device_count())) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(chosen)
    ours = count > 1 and not dist.is_initialized()
    if ours:
        dist.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Ranks(rank, count, chosen)
    finally:
        if ours:
            dist.destroy_process_group()
