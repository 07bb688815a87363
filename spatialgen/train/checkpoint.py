"""Checkpoints: all that a run needs to go on, written whole or not at all, verified when read.

A checkpoint is a folder `step-00000200` with `weights.safetensors` (everything that trains: adapters, projector and
whatever else), `optimizer.safetensors`, `state.json` (step, places of the lanes) and `files.json` with the sha256 of
each. It is written aside, flushed and renamed; older ones go only then.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.distributed.tensor import DTensor, distribute_tensor

from spatialgen.store.parquet import file_sha256
from spatialgen.train.errors import TrainError
from spatialgen.train.faults import loader_gone

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint holds: tensors on the CPU by name, and JSON values."""

    step: int
    weights: Tensors
    optimizer: Tensors
    state: Mapping[str, Any]


def collect(model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[Tensors, Tensors]:
    """Return the trained weights and the optimiser's state by parameter name. Every rank must call it."""
    weights = {n: _whole(p) for n, p in model.named_parameters() if p.requires_grad}
    states: Tensors = {}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            states[f"{name}//{key}"] = _whole(value)
    return weights, states


def restore(found: Checkpoint, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Put a checkpoint back. Raises TrainError where it does not belong to this model."""
    parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
    if set(parameters) != set(found.weights):
        odd = sorted(set(parameters) ^ set(found.weights))[:3]
        raise TrainError(f"the checkpoint belongs to another setting of what trains; it differs in {', '.join(odd)}")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(_like(found.weights[name], parameter))
    for name, parameter in parameters.items():
        prefix = f"{name}//"
        states = {k.removeprefix(prefix): v for k, v in found.optimizer.items() if k.startswith(prefix)}
        for key, value in states.items():
            optimizer.state[parameter][key] = (
                _like(value, parameter) if value.shape == parameter.shape else value.to(parameter.device, copy=True)
            )


def _whole(tensor: torch.Tensor) -> torch.Tensor:
    full = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
    return full.detach().cpu().clone()


def _like(whole: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    if isinstance(parameter, DTensor):
        return distribute_tensor(whole.to(parameter.device), parameter.device_mesh, parameter.placements)
    return whole.to(parameter.device)


def write(folder: Path, checkpoint: Checkpoint, keep: int) -> Path:
    """Write a checkpoint under `folder`, keep the newest `keep`, and return its path.

    Raises TrainError naming the last good checkpoint where the disk is full or the folder cannot be written.
    """
    place = folder / f"step-{checkpoint.step:08d}"
    aside = folder / f".{place.name}.partial"
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        save_file(checkpoint.weights, aside / "weights.safetensors")
        save_file(checkpoint.optimizer, aside / "optimizer.safetensors")
        (aside / "state.json").write_text(json.dumps({"step": checkpoint.step, **checkpoint.state}))
        names = ("weights.safetensors", "optimizer.safetensors", "state.json")
        (aside / "files.json").write_text(json.dumps({n: file_sha256(aside / n) for n in names}))
        for name in (*names, "files.json"):
            _flush(aside / name)
        shutil.rmtree(place, ignore_errors=True)
        aside.rename(place)
        _flush(folder)
    except Exception as error:
        shutil.rmtree(aside, ignore_errors=True)
        if loader_gone(error):  # which may come at any moment, this one too
            raise
        raise explained(error, folder) from error
    for old in _all(folder)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return place


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def explained(error: Exception, folder: Path) -> TrainError:
    """Return an error of writing as one that names the last good checkpoint in `folder`."""
    full = getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error)
    last = _all(folder)
    rest = f"the last good checkpoint is {last[-1]}" if last else "there is no checkpoint yet"
    what = "the disk is full" if full else str(error)
    return TrainError(f"{folder}: cannot write: {what}; {rest}; make room and run the same command again")


def _all(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("step-*") if p.is_dir())


def newest(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """Return the newest checkpoint that verifies (None if there is none), and what was wrong with newer ones."""
    faults: list[str] = []
    for place in reversed(_all(folder)):
        fault = _fault(place)
        if fault is None:
            state = json.loads((place / "state.json").read_text())
            tensors = [load_file(place / f"{n}.safetensors") for n in ("weights", "optimizer")]
            return Checkpoint(state["step"], tensors[0], tensors[1], state), faults
        faults.append(f"{place}: {fault}")
    return None, faults


def _fault(place: Path) -> str | None:
    try:
        listed = json.loads((place / "files.json").read_text())
        bad = next((n for n, digest in listed.items() if file_sha256(place / n) != digest), None)
    except (OSError, ValueError) as error:
        return f"cannot be read: {error}"
    return None if bad is None else f"{bad} is damaged: its sha256 is not the one written down"
