"""What runs where: stages checked in their order, gathered into actor pools, and held against the cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml

from spatialgen.engine.stage import Stage
from spatialgen.engine.steps import READ, WRITE
from spatialgen.errors import ConfigError, PlanError

# What every source fills, or leaves open in a way that stages know how to meet.
SOURCE_WRITES = frozenset(
    {"image_id", "path", "original_sha256", "rgb", "encoded", "image_format", "exif_focal_35mm"}
    | {"up_camera", "models", "object_rejects"}
)
_PIPELINES = Path(__file__).resolve().parents[2] / "pipelines"


@dataclass(frozen=True, slots=True)
class Pool:
    """One actor pool: the steps that one actor runs, what the actor takes, and how many there may be.

    `max_workers` None: as many as the cluster holds.
    """

    name: str
    steps: tuple[str, ...]
    cpus: float
    gpus: float
    min_workers: int = 1
    max_workers: int | None = None


class PoolOverride(Protocol):
    """What a config may say about a pool of the pipeline; None leaves it as it is."""

    @property
    def min_workers(self) -> int | None: ...
    @property
    def max_workers(self) -> int | None: ...
    @property
    def cpus(self) -> float | None: ...
    @property
    def gpus(self) -> float | None: ...


def check_stages(stages: Sequence[Stage], source_writes: frozenset[str] = SOURCE_WRITES) -> None:
    """Raise PlanError if a stage reads what nothing before it writes, or if no stage makes the scene."""
    written = set(source_writes)
    names = [READ, WRITE]
    for stage in stages:
        lacking = sorted(stage.reads - written)
        if lacking:
            raise PlanError(f"stage {stage.name} reads {', '.join(lacking)}, which no source or earlier stage writes")
        if stage.name in names:
            raise PlanError(f"two stages are called {stage.name}; names must differ")
        if stage.batch_size < 1:
            raise PlanError(f"stage {stage.name} has batch size {stage.batch_size}; it must be at least 1")
        names.append(stage.name)
        written |= stage.writes
    if "scene" not in written:
        raise PlanError("no stage writes scene, so there would be nothing to store")


def load_pipeline(name: str) -> list[Mapping[str, Any]]:
    """Return the pools of a pipeline: a path, or the name of a file in `pipelines/`. Raises ConfigError."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else _PIPELINES / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in _PIPELINES.glob("*.yaml")))
        raise ConfigError(f"run.pipeline: there is no pipeline {name!r} ({path}); there are: {known}")
    try:
        pools = yaml.safe_load(path.read_text(encoding="utf-8"))["pools"]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not a pipeline, which is a mapping with a list `pools`: {error}") from error
    for pool in pools:
        unknown = set(pool) - {"name", "steps", "cpus", "gpus", "min_workers", "max_workers"}
        if unknown or not {"name", "steps"} <= set(pool):
            raise ConfigError(
                f"{path}: a pool has name and steps, and may have cpus, gpus, min_workers and max_workers; "
                f"found {sorted(pool)}"
            )
    return list(pools)


def place(
    stages: Sequence[Stage], pipeline: Sequence[Mapping[str, Any]], overrides: Mapping[str, PoolOverride]
) -> tuple[Pool, ...]:
    """Return the pools that `pipeline` gathers `stages` into. Raises PlanError if they do not fit each other.

    Unless said otherwise, an actor takes as many CPUs as its hungriest stage, since stages run one after the other;
    or, where it has any, the sum of its stages' GPU shares (at most one GPU), since their weights stay loaded
    together, and no CPU beside it, which is what Ray Data expects of an actor on a GPU.
    """
    order = [READ, *(s.name for s in stages), WRITE]
    named = [step for pool in pipeline for step in pool["steps"]]
    if named != order:
        raise PlanError(f"the pipeline runs {', '.join(named)}, but the steps are {', '.join(order)}, in this order")
    unknown = sorted(set(overrides) - {pool["name"] for pool in pipeline})
    if unknown:
        known = ", ".join(pool["name"] for pool in pipeline)
        raise PlanError(f"ray.pools.{unknown[0]}: the pipeline has no such pool; there are: {known}")
    resources = {s.name: s.resources for s in stages}
    return tuple(_pool(pool, resources, overrides.get(pool["name"])) for pool in pipeline)


def _pool(entry: Mapping[str, Any], resources: Mapping[str, Any], override: PoolOverride | None) -> Pool:
    needs = [resources[step] for step in entry["steps"] if step in resources]
    said = dict(entry)
    for key in ("cpus", "gpus", "min_workers", "max_workers"):
        value = getattr(override, key, None)
        if value is not None:
            said[key] = value
    gpus = float(said.get("gpus", min(1.0, sum(r.gpus for r in needs))))
    cpus = 0.0 if gpus else max((r.cpus for r in needs), default=1.0)
    pool = Pool(
        said["name"],
        tuple(said["steps"]),
        float(said.get("cpus", cpus)),
        gpus,
        int(said.get("min_workers", 1)),
        said.get("max_workers"),
    )
    if pool.max_workers is not None and pool.max_workers < pool.min_workers:
        raise PlanError(f"pool {pool.name}: max_workers {pool.max_workers} is less than min_workers {pool.min_workers}")
    return pool


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a cluster has: CPU cores and GPUs of each of its nodes."""

    nodes: tuple[tuple[float, float], ...]

    @property
    def cpus(self) -> float:
        return sum(cpus for cpus, _ in self.nodes)

    @property
    def gpus(self) -> float:
        return sum(gpus for _, gpus in self.nodes)


def shortfalls(pools: Sequence[Pool], cluster: Cluster) -> list[str]:
    """Return, in words, why the pools' smallest sizes do not fit the cluster; empty where they do.

    Actors are laid out first-fit, the largest first, since one actor cannot be spread over nodes.
    """
    actors = sorted(((p.gpus, p.cpus, p.name) for p in pools for _ in range(p.min_workers)), reverse=True)
    gpus, cpus = sum(a[0] for a in actors), sum(a[1] for a in actors)
    found = []
    if gpus > cluster.gpus + 1e-9:
        found.append(f"the pools need {gpus:g} GPUs at least, but the cluster has {cluster.gpus:g}")
    if cpus > cluster.cpus + 1e-9:
        found.append(f"the pools need {cpus:g} CPUs at least, but the cluster has {cluster.cpus:g}")
    return found or _unplaced(actors, cluster)


def _unplaced(actors: Sequence[tuple[float, float, str]], cluster: Cluster) -> list[str]:
    free = [list(node) for node in cluster.nodes]
    for gpus, cpus, name in actors:
        room = next((n for n in free if n[0] >= cpus - 1e-9 and n[1] >= gpus - 1e-9), None)
        if room is None:
            return [f"no node has room for an actor of pool {name} ({cpus:g} CPUs, {gpus:g} GPUs) beside the others"]
        room[0] -= cpus
        room[1] -= gpus
    return []


def refuse_shortfall(pools: Sequence[Pool], cluster: Cluster) -> None:
    """Raise PlanError if the cluster cannot hold the pools at their smallest."""
    found = shortfalls(pools, cluster)
    if found:
        raise PlanError(
            f"this plan cannot run here: {'; '.join(found)}. Lower ray.pools.*.gpus or .cpus (fractions share a "
            "device), or join more nodes."
        )


def workers_that_fit(pool: Pool, pools: Sequence[Pool], cluster: Cluster, units: int) -> int:
    """How many actors of `pool` to allow: what its share of the cluster holds, never more than there are units."""
    if pool.max_workers is not None:
        return max(pool.min_workers, min(pool.max_workers, units))
    others = [p for p in pools if p is not pool]
    cpus = cluster.cpus - sum(p.cpus * p.min_workers for p in others)
    gpus = cluster.gpus - sum(p.gpus * p.min_workers for p in others)
    limits = [cpus / pool.cpus] if pool.cpus else []
    limits += [gpus / pool.gpus] if pool.gpus else []
    fit = int(min(limits) + 1e-9) if limits else pool.min_workers
    return max(pool.min_workers, min(fit, units))
