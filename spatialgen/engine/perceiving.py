"""Perceive from its plan to its manifest: plan, run what is pending, finalize, judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spatialgen.engine.making import Hands, Making, make
from spatialgen.engine.perceive import SCHEMAS, PerceiveJob, PerceiveProof
from spatialgen.engine.plan import Pool
from spatialgen.engine.run import RunSettings, Tally
from spatialgen.engine.stage import Stage
from spatialgen.errors import PlanError
from spatialgen.records import Reject
from spatialgen.reports import Progress
from spatialgen.schema import SCHEMA_VERSION
from spatialgen.sources.base import PlanRow, Source
from spatialgen.store.counts import count_perceive
from spatialgen.store.finalize import Packing
from spatialgen.store.fingerprint import fingerprint, refuse_change
from spatialgen.store.layout import BuildPaths
from spatialgen.store.manifest import Manifest
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
    spec: PerceiveSpec, info: PlanInfo, hands: Hands, retry_rejects: bool = False
) -> tuple[Manifest, Tally | None]:
    """Make what is pending of the plan `info` and pack it (see `making.make` for what is returned and raised).

    `retry_rejects` makes the units anew that hold killers, internal errors or records that memory was too small for.
    """
    build = BuildPaths(spec.root)
    again = units_to_retry(build.perceive, info.units) if retry_rejects else []
    forget_units(build.perceive, again)
    plan = PlanReader(build.perceive.plan_parquet, info.units)
    root, units = str(spec.root.resolve()), info.units
    making = Making(
        build.perceive,
        build.runs,
        lambda marks: PerceiveJob(root, marks, units, spec.source, spec.stages),
        spec.pools,
        _packing(spec, info, plan),
        spec.run,
    )
    try:
        return make(making, hands, again)
    finally:
        plan.close()


def _packing(spec: PerceiveSpec, info: PlanInfo, plan: PlanReader) -> Packing:
    return Packing(
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
