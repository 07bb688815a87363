"""How far a build has come: read from its folder, in progress or dead, without touching it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spatialgen.reports import BuildStatus, JobStatus, State
from spatialgen.store.layout import BuildPaths, DatasetPaths
from spatialgen.store.lease import live_holder
from spatialgen.store.ledger import Ledger
from spatialgen.store.manifest import add_counts, is_complete, read_manifest
from spatialgen.store.plan import PlanInfo, read_info


def status(out: Path, lease_seconds: float = 60.0) -> BuildStatus:
    """Return the state of the build in `out`. Raises StoreError if it cannot be read."""
    paths = BuildPaths(out)
    holder = live_holder(paths.lease, lease_seconds) if paths.lease.exists() else None
    seen = _job("perceive", paths.perceive, running=holder is not None)
    asks = tuple(_job(name, paths.ask(name), running=holder is not None) for name in paths.asks())
    return BuildStatus(
        out=str(out),
        state=_overall(seen, asks, running=holder is not None),
        holder=str(holder) if holder else None,
        perceive=seen,
        asks=asks,
        last_run=last_run(paths),
    )


def last_run(paths: BuildPaths) -> Mapping[str, object] | None:
    """Return the log of the latest run, if there is one."""
    logs = sorted(paths.runs.glob("*.json")) if paths.runs.is_dir() else []
    if not logs:
        return None
    row: Mapping[str, object] = json.loads(logs[-1].read_bytes())
    return row


def _overall(seen: JobStatus, asks: tuple[JobStatus, ...], *, running: bool) -> State:
    if running:
        return "running"
    unfinished = [job.state for job in asks if job.state != "complete"]
    return unfinished[0] if seen.state == "complete" and unfinished else seen.state


def _job(name: str, paths: DatasetPaths, *, running: bool) -> JobStatus:
    info = read_info(paths)
    if info is None:
        return JobStatus(name, "absent", 0, 0, 0)
    manifest = read_manifest(paths)
    if manifest is not None and manifest.units == info.units and is_complete(paths):
        return _described(name, "complete", info, info.units, manifest.counts)
    counts, done = _staged(paths, info.units)
    if manifest is not None:
        done = max(done, manifest.units)
        add_counts(counts, manifest.counts)
    state: State = "running" if running else "interrupted" if done else "planned"
    return _described(name, state, info, done, counts)


def _staged(paths: DatasetPaths, units: int) -> tuple[dict[str, Any], int]:
    ledger = Ledger(paths.staging)
    manifest = read_manifest(paths)
    packed = manifest.units if manifest else 0
    counts: dict[str, Any] = {}
    done = ledger.committed(units)
    for unit in done.nonzero()[0]:
        if unit >= packed:
            add_counts(counts, ledger.record(int(unit)).counts)
    return counts, packed + int(done[packed:].sum())


def _described(name: str, state: State, info: PlanInfo, done: int, counts: Mapping[str, Any]) -> JobStatus:
    numbers = {key: value for key, value in counts.items() if isinstance(value, int)}
    return JobStatus(
        name,
        state,
        info.units,
        done,
        info.records,
        counts=numbers,
        by_type=counts.get("questions", {}),
        rejects=counts.get("rejects", {}),
    )
