"""Perceive from its plan to its manifest: plan, run what is pending, finalize, judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spatialgen.engine.perceive import SCHEMAS, PerceiveJob, PerceiveProof
from spatialgen.engine.plan import Pool
from spatialgen.engine.run import Run, RunLog, RunSettings, Tally, judge, run_units
from spatialgen.engine.stage import Stage
from spatialgen.errors import PlanError
from spatialgen.records import Reject
from spatialgen.reports import Progress
from spatialgen.schema import SCHEMA_VERSION
from spatialgen.sources.base import PlanRow, Source
from spatialgen.store.counts import count_perceive
from spatialgen.store.finalize import Packing, finalize
from spatialgen.store.fingerprint import fingerprint, refuse_change
from spatialgen.store.layout import BuildPaths
from spatialgen.store.lease import Lease
from spatialgen.store.ledger import Ledger
from spatialgen.store.manifest import Manifest, is_complete, read_manifest
from spatialgen.store.plan import PlanInfo, PlanReader, UnitLimits, read_info, write_info, write_plan
from spatialgen.store.retry import forget_units, units_to_retry

DATASET = "perceive"


@dataclass(frozen=True, slots=True)
class PerceiveSpec:
    """Everything about one perceive, made from a config. `parts` are what its fingerprint is made of."""

    root: Path
    source: Source
    stages: tuple[Stage, ...]
    pools: tuple[Pool, ...]
    parts: Mapping[str, Any]
    limits: UnitLimits
    shard_bytes: int
    run: RunSettings
    ray: Any  # RaySettings of engine/ray.py, which only that module may name: it imports ray


def plan_perceive(spec: PerceiveSpec, extend: bool, progress: Progress) -> PlanInfo:
    """Return the plan of `spec.root`, made now if there is none. Raises PlanError if it is one of other settings.

    `extend` lists the source again and puts the records that are new into new units; nothing planned changes.
    """
    paths = BuildPaths(spec.root).perceive
    before = read_info(paths)
    if before is not None:
        refuse_change(str(spec.root), before.parts, spec.parts)
        if not extend:
            return before
    known = PlanReader(paths.plan_parquet, before.units).known() if before is not None else ()
    new = (record for record in _listed(spec.source, progress) if record.image_id not in known)
    planned = write_plan(paths, new, spec.limits, before)
    if planned.records == 0:
        raise PlanError("the source has no records: there is nothing to do; look at source.path")
    if before is not None and planned.units == before.units:
        return before
    paths.success.unlink(missing_ok=True)
    digest = fingerprint(spec.parts)
    info = PlanInfo(
        DATASET,
        digest,
        dict(spec.parts),
        planned.units,
        planned.records,
        planned.source_bytes,
        planned.rejects,
    )
    write_info(paths, info)
    return info


def _listed(source: Source, progress: Progress) -> Iterator[PlanRow | Reject]:
    for count, record in enumerate(source.list(), start=1):
        if count % 10_000 == 0:
            progress.message(f"{count} records listed")
        yield record


def run_perceive(
    spec: PerceiveSpec, info: PlanInfo, lease: Lease, progress: Progress, retry_rejects: bool = False
) -> tuple[Manifest, Tally | None]:
    """Make what is pending of the plan `info`, pack it, and return the manifest; no Tally where all was done before.

    Raises BuildFailed where too much was rejected or internal errors happened (after packing, unless there were too
    many to go on), StoreError where the folder fails, PlanError where the cluster is too small.
    """
    paths = BuildPaths(spec.root).perceive
    again = units_to_retry(paths, info.units) if retry_rejects else []
    forget_units(paths, again)
    manifest = read_manifest(paths)
    if is_complete(paths) and manifest is not None and manifest.units == info.units:
        return manifest, None
    tally = _run_pending(spec, info, lease, progress, again)
    manifest = _pack(spec, info, lease, progress)
    judge(spec.run, manifest.records, manifest.counts.get("rejects", {}), at_end=True)
    return manifest, tally


def _run_pending(spec: PerceiveSpec, info: PlanInfo, lease: Lease, progress: Progress, again: list[int]) -> Tally:
    build = BuildPaths(spec.root)
    ledger = Ledger(build.perceive.staging)
    ledger.prepare(info.units)
    done = ledger.committed(info.units)
    manifest = read_manifest(build.perceive)
    if manifest is not None:
        done[: manifest.units] = True
    done[again] = False
    pending = [int(unit) for unit in (~done).nonzero()[0]]
    log = RunLog(build.runs, DATASET, str(lease.holder))
    job = PerceiveJob(str(spec.root.resolve()), str(log.marks.resolve()), info.units, spec.source, spec.stages)
    share = info.records // max(info.units, 1)
    done_records = info.records - len(pending) * share if pending else info.records
    progress.start(DATASET, info.units, info.units - len(pending), info.records, max(done_records, 0))
    try:
        return run_units(Run(job, spec.pools, pending, spec.run, spec.ray, lease, log, progress))
    finally:
        progress.finish()


def _pack(spec: PerceiveSpec, info: PlanInfo, lease: Lease, progress: Progress) -> Manifest:
    paths = BuildPaths(spec.root).perceive
    plan = PlanReader(paths.plan_parquet, info.units)
    packing = Packing(
        dataset=DATASET,
        schemas=SCHEMAS,
        schema_version=SCHEMA_VERSION,
        fingerprint=info.fingerprint,
        units=info.units,
        records=info.records,
        count=count_perceive,
        proof=PerceiveProof(plan),
        shard_bytes=spec.shard_bytes,
    )
    progress.message("packing shards")
    try:
        return finalize(paths, packing, lambda _: lease.check())
    finally:
        plan.close()
