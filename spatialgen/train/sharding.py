"""FSDP2: every layer's weights cut across the ranks, gathered when they are needed."""

from __future__ import annotations

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

from spatialgen.train.distributed import Ranks
from spatialgen.train.errors import TrainError
from spatialgen.train.objective import Objective
from spatialgen.train.parts import tower_name


def shard(objective: Objective, ranks: Ranks, precision: str) -> None:
    """Cut `objective` across `ranks`, layer by layer, in place; computes in bf16 or float32, keeps float32."""
    if ranks.count == 1:
        raise TrainError("run.parallel is fsdp, but there is one process; start several with torchrun, or set ddp")
    mesh = init_device_mesh(ranks.device.type, (ranks.count,))
    low = torch.bfloat16 if precision == "bf16" else None
    policy = MixedPrecisionPolicy(param_dtype=low, reduce_dtype=torch.float32)
    objective.to(ranks.device)
    for module in _layers(objective.model):
        fully_shard(module, mesh=mesh, mp_policy=policy)
    fully_shard(objective, mesh=mesh, mp_policy=policy)


def _layers(model: nn.Module) -> list[nn.Module]:
    """Return the repeated layers of tower and language model: the members of their longest module lists."""
    found: list[nn.Module] = []
    for part in (tower_name(model), "model.language_model"):
        lists = [m for m in model.get_submodule(part).modules() if isinstance(m, nn.ModuleList | nn.Sequential)]
        longest = max(lists, key=len, default=None)
        found += list(longest) if longest is not None else []
    return found
