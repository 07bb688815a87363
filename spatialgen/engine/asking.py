"""Ask from its plan to its manifest: one set of questions about the scenes of a finished perceive."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from spatialgen.engine.ask import ASK, SCHEMAS, Asker, AskJob, AskProof
from spatialgen.engine.count import COUNT, CountJob, total_counts
from spatialgen.engine.making import Hands, Making, make
from spatialgen.engine.plan import Pool
from spatialgen.engine.run import Run, RunLog, RunSettings, Tally, run_units
from spatialgen.errors import PlanError
from spatialgen.records import Scene
from spatialgen.schema import SCHEMA_VERSION
from spatialgen.store.counts import count_ask
from spatialgen.store.files import make_folder
from spatialgen.store.finalize import Packing
from spatialgen.store.fingerprint import fingerprint, refuse_change
from spatialgen.store.layout import BuildPaths
from spatialgen.store.ledger import Ledger
from spatialgen.store.manifest import Manifest, is_complete, read_manifest
from spatialgen.store.plan import PlanInfo, read_info, write_info


class Questions(Protocol):
    """Makes questions. Picklable: it travels to the workers.

    Where `is_balanced`, all scenes are counted first, and what `acceptance` makes of the sum is frozen in the plan.
    """

    @property
    def is_balanced(self) -> bool: ...

    def count(self, scenes: Sequence[Scene]) -> Mapping[str, Any]: ...

    def acceptance(self, counts: Mapping[str, Any]) -> Mapping[str, Any]: ...

    def asker(self, acceptance: Mapping[str, Any] | None) -> Asker: ...


@dataclass(frozen=True, slots=True)
class AskSpec:
    """Everything about one set of questions, made from a config. `parts` are what its fingerprint is made of."""

    root: Path
    name: str
    questions: Questions
    workers: int | None
    parts: Mapping[str, Any]
    run: RunSettings


def perceived(root: Path) -> Manifest:
    """Return the manifest of the finished perceive in `root`. Raises PlanError where it is not finished."""
    paths = BuildPaths(root).perceive
    manifest, info = read_manifest(paths), read_info(paths)
    if manifest is None or info is None or not is_complete(paths) or manifest.units != info.units:
        raise PlanError(f"{root} holds no finished scenes to ask about: run perceive to its end first")
    return manifest


def plan_ask(spec: AskSpec, scenes: Manifest, extend: bool) -> PlanInfo:
    """Return the plan of this set of questions, made now if there is none. Raises PlanError if settings differ.

    `extend` lets the set grow with its scenes: those it was made of must still be there, unchanged.
    """
    paths = BuildPaths(spec.root).ask(spec.name)
    before = read_info(paths)
    parts = {**spec.parts, "scenes": scenes.identity}
    shards = [shard.files["scenes"].sha256 for shard in scenes.shards]
    if before is not None:
        grown = extend and shards[: len(before.extra["shards"])] == before.extra["shards"]
        refuse_change(str(paths.root), before.parts, parts | ({"scenes": before.parts["scenes"]} if grown else {}))
        if before.parts["scenes"] == parts["scenes"]:
            return before
    extra = dict(before.extra) if before is not None else {}
    info = PlanInfo(
        ASK,
        fingerprint(parts),
        parts,
        scenes.units,
        scenes.counts.get("images", 0),
        0,
        extra=extra | {"shards": shards},
    )
    make_folder(paths.root)
    paths.success.unlink(missing_ok=True)
    write_info(paths, info)
    return info


def run_ask(spec: AskSpec, info: PlanInfo, scenes: Manifest, hands: Hands) -> tuple[Manifest, Tally | None]:
    """Ask about what is pending and pack it (see `making.make` for what is returned and raised)."""
    if spec.questions.is_balanced and "acceptance" not in info.extra:
        info = _balanced(spec, info, hands)
    asker = spec.questions.asker(info.extra.get("acceptance"))
    build = BuildPaths(spec.root)
    paths = build.ask(spec.name)
    packing = Packing(
        dataset=ASK,
        schemas=SCHEMAS,
        schema_version=SCHEMA_VERSION,
        fingerprint=info.fingerprint,
        units=info.units,
        records=info.records,
        count=count_ask,
        proof=AskProof(build.perceive),
        groups=[(shard.first_unit, shard.units) for shard in scenes.shards],
    )
    root, out = str(spec.root.resolve()), str(paths.root.resolve())
    making = Making(
        paths, build.runs, lambda marks: AskJob(root, out, marks, asker), [_pool(spec, ASK)], packing, spec.run
    )
    return make(making, hands)


def _pool(spec: AskSpec, step: str) -> Pool:
    return Pool(step, (step,), 1.0, 0.0, max_workers=spec.workers)


def _balanced(spec: AskSpec, info: PlanInfo, hands: Hands) -> PlanInfo:
    """Count over all scenes, and freeze in the plan which share of what is to be kept."""
    build = BuildPaths(spec.root)
    paths = build.ask(spec.name)
    ledger = Ledger(paths.root / "counts")
    ledger.prepare(info.units)
    pending = [int(unit) for unit in (~ledger.committed(info.units)).nonzero()[0]]
    root, counts = str(spec.root.resolve()), str(ledger.root.resolve())
    hands.progress.start(COUNT, info.units, info.units - len(pending), info.records, 0)
    try:
        if pending:
            log = RunLog(build.runs, COUNT, str(hands.lease.holder))
            job = CountJob(root, counts, str(log.marks.resolve()), spec.questions.count)
            pools = [_pool(spec, COUNT)]
            run_units(Run(job, pools, pending, spec.run, hands.executor, hands.lease, log, hands.progress))
    finally:
        hands.progress.finish()
    acceptance = spec.questions.acceptance(total_counts(ledger, info.units))
    frozen = replace(info, extra={**info.extra, "acceptance": acceptance})
    write_info(paths, frozen)
    shutil.rmtree(ledger.root, ignore_errors=True)
    return frozen
