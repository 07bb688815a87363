"""Builds as functions: plan, perceive, ask, generate. The command line prints what they return."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from spatialgen.config.loader import dump_config
from spatialgen.config.models import BuildConfig
from spatialgen.config.semantic import ask_semantic, perceive_semantic
from spatialgen.engine.ask import Asker
from spatialgen.engine.asking import AskSpec, perceived, plan_ask, run_ask
from spatialgen.engine.executor import open_executor
from spatialgen.engine.making import Hands, settle
from spatialgen.engine.perceiving import PerceiveSpec, plan_perceive, run_perceive
from spatialgen.engine.plan import (
    Cluster,
    Pool,
    check_stages,
    load_pipeline,
    place,
    refuse_shortfall,
    shortfalls,
    workers_that_fit,
)
from spatialgen.engine.run import Tally, terminable
from spatialgen.engine.stage import Stage
from spatialgen.errors import BuildFailed
from spatialgen.estimate import disk_bytes, hours, remember_rates
from spatialgen.export.card import write_card
from spatialgen.perception.stages import build_stages
from spatialgen.perception.weights import cache
from spatialgen.qa.config import AskConfig
from spatialgen.records import Scene
from spatialgen.reports import BuildReport, PlanReport, PoolPlan, Progress, Silent, StagePlan
from spatialgen.scene.stage import LiftStage
from spatialgen.schema import SCHEMA_VERSION
from spatialgen.sources.gaps import HasWeights, open_fields
from spatialgen.sources.open import open_source
from spatialgen.status import status
from spatialgen.store.files import make_folder, replace_file
from spatialgen.store.layout import BuildPaths
from spatialgen.store.lease import Lease
from spatialgen.store.manifest import Manifest, read_manifest
from spatialgen.store.plan import PlanInfo, PlanReader, UnitLimits, read_info

__all__ = ["ask", "generate", "perceive", "plan_build", "status"]

SILENT = Silent()


def plan_build(config: BuildConfig, extend: bool = False, progress: Progress = SILENT) -> PlanReport:
    """Plan the build, or look at its plan, without running anything. `extend` adds the source's new records.

    Raises PlanError if the folder was planned with other settings, LeaseError if a run is using it, SourceError if
    the source cannot be read. What would make a run refuse to start is in `problems` of the report.
    """
    spec = _perceive_spec(config)
    with _held(config):
        before = read_info(BuildPaths(spec.root).perceive)
        info = plan_perceive(spec, extend, progress)
    return _plan_report(config, spec, info, before)


def perceive(
    config: BuildConfig, progress: Progress = SILENT, retry_rejects: bool = False, extend: bool = False
) -> BuildReport:
    """Make scenes of the source's images, or finish a build that was begun.

    Raises BuildFailed if too much was rejected or internal errors happened, and whatever stops a run (see
    `engine.making.make`). Everything committed stays, and the same call goes on from there.
    """
    spec, began = _perceive_spec(config), time.monotonic()
    with _working(config, progress) as hands:
        seen = _perceive(config, spec, hands, retry_rejects=retry_rejects, extend=extend)
    return _settled(config, _report(spec.root, seen[0], None, [seen[1]], began), seen)


def ask(config: BuildConfig, progress: Progress = SILENT, extend: bool = False) -> BuildReport:
    """Make the set of questions `config.ask.name` from the finished scenes of the build. Raises as `perceive`."""
    root, began = Path(config.output.path), time.monotonic()
    with _working(config, progress) as hands:
        scenes = perceived(root)
        asked = _ask(config, scenes, hands, extend=extend)
    return _settled(config, _report(root, scenes, asked[0], [asked[1]], began), asked)


def generate(
    config: BuildConfig, progress: Progress = SILENT, retry_rejects: bool = False, extend: bool = False
) -> BuildReport:
    """Perceive, ask, and write the card. Raises as `perceive` does, after all that can be finished is finished."""
    spec, began = _perceive_spec(config), time.monotonic()
    with _working(config, progress) as hands:
        seen = _perceive(config, spec, hands, retry_rejects=retry_rejects, extend=extend)
        asked = _ask(config, seen[0], hands, extend=extend)
        if seen[1] or asked[1] or not BuildPaths(spec.root).card.exists():
            write_card(spec.root)
    return _settled(config, _report(spec.root, seen[0], asked[0], [seen[1], asked[1]], began), seen, asked)


@contextmanager
def _held(config: BuildConfig) -> Iterator[Lease]:
    """Hold the build folder, made if it is not there, for as long as the block lasts."""
    paths = BuildPaths(Path(config.output.path))
    if not paths.root.is_dir():
        make_folder(paths.root)
    with terminable(), Lease(paths.lease, config.run.lease_seconds) as lease:
        yield lease


@contextmanager
def _working(config: BuildConfig, progress: Progress) -> Iterator[Hands]:
    with _held(config) as lease, open_executor(config.run.executor, config.ray) as executor:
        yield Hands(lease, executor, progress)


def _perceive(
    config: BuildConfig, spec: PerceiveSpec, hands: Hands, *, retry_rejects: bool, extend: bool
) -> tuple[Manifest, Tally | None]:
    here = this_machine(config)
    if config.run.executor == "ray" and here is not None:
        refuse_shortfall(spec.pools, here)
    info = plan_perceive(spec, extend, hands.progress)
    replace_file(BuildPaths(spec.root).config, dump_config(config).encode())
    manifest = read_manifest(BuildPaths(spec.root).perceive)
    if manifest is None or manifest.units < info.units:
        cache.ensure(_needed_weights(spec, info), hands.progress.message)
    made = run_perceive(spec, info, hands, retry_rejects)
    if made[1] is not None:
        remember_rates(spec.stages, device(config), made[1])
    return made


def _ask(config: BuildConfig, scenes: Manifest, hands: Hands, *, extend: bool) -> tuple[Manifest, Tally | None]:
    spec = _ask_spec(config)
    info = plan_ask(spec, scenes, extend)
    return run_ask(spec, info, scenes, hands)


def _perceive_spec(config: BuildConfig) -> PerceiveSpec:
    stages = (*build_stages(config.perceive, device(config)), LiftStage(config.perceive.lift))
    source = open_source(config)
    check_stages(stages)
    return PerceiveSpec(
        root=Path(config.output.path),
        source=source,
        stages=stages,
        pools=place(stages, load_pipeline(config.run.pipeline), config.ray.pools),
        parts={
            "config": perceive_semantic(config),
            "stages": {stage.name: stage.version for stage in stages},
            "weights": {name: cache.sha256(name) for name in _weights(stages)},
            "schema": SCHEMA_VERSION,
        },
        limits=UnitLimits(config.output.unit_images, config.output.unit_bytes),
        shard_bytes=config.output.shard_bytes,
        run=config.run,
    )


def _weights(stages: tuple[Stage, ...]) -> list[str]:
    return sorted({name for stage in stages for name in getattr(stage, "weights", ())})


def _needed_weights(spec: PerceiveSpec, info: PlanInfo) -> list[str]:
    """Return what this plan cannot do without: where every record gives a field, its network never runs."""
    plan = PlanReader(BuildPaths(spec.root).perceive.plan_parquet, info.units)
    try:
        left = open_fields(spec.source, plan)
    finally:
        plan.close()
    own = spec.source.weights if isinstance(spec.source, HasWeights) else ()
    return [*own, *_weights(tuple(stage for stage in spec.stages if (stage.writes - stage.reads) & left))]


def _ask_spec(config: BuildConfig) -> AskSpec:
    return AskSpec(
        root=Path(config.output.path),
        name=config.ask.name,
        questions=Asking(config.ask),
        workers=None,
        parts={"config": ask_semantic(config), "templates": _templates_sha256(), "schema": SCHEMA_VERSION},
        run=config.run,
    )


@dataclass(frozen=True, slots=True)
class Asking:
    """The questions of spatialgen.qa, as the engine asks for them. The heavy part is imported in the workers."""

    config: AskConfig

    @property
    def is_balanced(self) -> bool:
        """True where answers are evened out over the whole build, so that all scenes are counted first."""
        return bool(self.config.balance)

    def count(self, scenes: Sequence[Scene]) -> Mapping[str, Any]:
        """Return what could be asked of `scenes`."""
        from spatialgen.qa.ask import count_scenes

        return count_scenes(scenes, self.config).to_json()

    def acceptance(self, counts: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the shares to keep, given the counts of the whole build."""
        from spatialgen.qa.ask import acceptance
        from spatialgen.qa.balance import Counts

        return acceptance(Counts.from_json(counts), self.config).to_json()

    def asker(self, acceptance: Mapping[str, Any] | None) -> Asker:
        """Return the function that makes the rows of some scenes."""
        from spatialgen.qa.ask import ask_scenes
        from spatialgen.qa.balance import Acceptance

        frozen = None if acceptance is None else Acceptance.from_json(acceptance)
        return partial(ask_scenes, config=self.config, acceptance=frozen)


def _templates_sha256() -> str:
    folder = Path(__file__).parent / "qa" / "templates"
    digest = hashlib.sha256()
    for path in sorted(folder.glob("**/*.yaml")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def device(config: BuildConfig) -> str:
    """Return where networks run: as the config says, or for `auto` on a GPU of this machine if torch can use one."""
    if config.run.device != "auto":
        return config.run.device
    if not Path("/dev/nvidiactl").exists():
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _plan_report(config: BuildConfig, spec: PerceiveSpec, info: PlanInfo, before: PlanInfo | None) -> PlanReport:
    pool_of = {step: index for index, pool in enumerate(spec.pools) for step in pool.steps}
    here = this_machine(config)
    known = config.run.executor == "ray" and here is not None
    pools = tuple(_pool_plan(pool, spec.pools, here, info.units) for pool in spec.pools)
    return PlanReport(
        out=str(spec.root),
        records=info.records,
        units=info.units,
        new_units=info.units - (before.units if before else 0),
        source_bytes=info.source_bytes,
        rejects=info.rejects,
        fingerprint=info.fingerprint,
        stages=tuple(
            StagePlan(s.name, s.version, s.batch_size, pool_of[s.name], s.resources.cpus, s.resources.gpus)
            for s in spec.stages
        ),
        pools=pools,
        disk_bytes=disk_bytes(config, info),
        hours=hours(pools, spec.stages, device(config), info.records - sum(info.rejects.values())),
        problems=tuple(shortfalls(spec.pools, here)) if known and here is not None else (),
    )


def _pool_plan(pool: Pool, pools: tuple[Pool, ...], here: Cluster | None, units: int) -> PoolPlan:
    most = workers_that_fit(pool, pools, here, units) if here else pool.max_workers or pool.min_workers
    return PoolPlan(pool.steps, pool.cpus, pool.gpus, pool.min_workers, most)


def this_machine(config: BuildConfig) -> Cluster | None:
    """Return what a local Ray would have; None where the config names a cluster, which planning does not ask."""
    if config.ray.address or os.environ.get("RAY_ADDRESS"):
        return None
    gpus = config.ray.num_gpus
    if gpus is None:
        gpus = float(len(list(Path("/dev").glob("nvidia[0-9]*"))))
    cpus = config.ray.num_cpus or len(os.sched_getaffinity(0))
    return Cluster(((float(cpus), float(gpus)),))


def _settled(config: BuildConfig, report: BuildReport, *made: tuple[Manifest, Tally | None]) -> BuildReport:
    """Return `report`, or raise BuildFailed with it if what was `made` has too many faults."""
    try:
        for each in made:
            settle(config.run, each)
    except BuildFailed as error:
        error.report = report
        raise
    return report


def _report(
    root: Path, scenes: Manifest, questions: Manifest | None, tallies: list[Tally | None], began: float
) -> BuildReport:
    counts: Mapping[str, Any] = scenes.counts
    return BuildReport(
        out=str(root),
        images=counts.get("images", 0),
        objects=counts.get("objects", 0),
        questions=questions.counts.get("questions", {}) if questions else {},
        rejects=counts.get("rejects", {}),
        object_rejects=counts.get("object_rejects", {}),
        stages=tuple(time for tally in tallies if tally for time in tally.times()),
        seconds=time.monotonic() - began,
        worked=any(tally is not None for tally in tallies),
    )
