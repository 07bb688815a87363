"""What plan, run and status say: plain records that the command line prints, as tables or as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class StageTime:
    """Seconds that all workers together spent in one stage of this run, and the images that went through it."""

    stage: str
    seconds: float
    images: int

    @property
    def images_per_s(self) -> float:
        """Images a second of one worker; 0 where nothing was done."""
        return self.images / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class StagePlan:
    """One stage of a plan: what it is and what one worker of it needs."""

    name: str
    version: str
    batch_size: int
    pool: int
    cpus: float
    gpus: float


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """One actor pool: the stages that run in it, what one actor takes, how many there are at least and at most."""

    stages: tuple[str, ...]
    cpus: float
    gpus: float
    min_workers: int
    max_workers: int


@dataclass(frozen=True, slots=True)
class PlanReport:
    """A plan as made or found. `disk_bytes` and `hours` are estimates; `problems` would make a run refuse to start."""

    out: str
    records: int
    units: int
    new_units: int
    source_bytes: int
    rejects: Mapping[str, int]
    fingerprint: str
    stages: tuple[StagePlan, ...]
    pools: tuple[PoolPlan, ...]
    disk_bytes: int
    hours: float | None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build holds after a run. Counts are those of the whole build, times those of this run.

    `worked` is False where everything had been done before.
    """

    out: str
    images: int
    objects: int
    questions: Mapping[str, int]
    rejects: Mapping[str, int]
    object_rejects: Mapping[str, int]
    stages: tuple[StageTime, ...]
    seconds: float
    worked: bool


State = Literal["absent", "planned", "running", "interrupted", "complete"]


@dataclass(frozen=True, slots=True)
class JobStatus:
    """How far perceive, or one set of questions, has come."""

    name: str
    state: State
    units: int
    units_done: int
    records: int
    counts: Mapping[str, int] = field(default_factory=dict)
    by_type: Mapping[str, int] = field(default_factory=dict)
    rejects: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BuildStatus:
    """A build folder as it is found, in progress or dead. `holder` is the live run that holds it, in words."""

    out: str
    state: State
    holder: str | None
    perceive: JobStatus
    asks: tuple[JobStatus, ...]
    last_run: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class UnitDone:
    """What a worker tells of one finished unit. Small: this is all that crosses back to the driver."""

    unit: int
    records: int
    images: int
    rejects: Mapping[str, int]
    seconds: Mapping[str, float]
    stage_images: Mapping[str, int]
    host: str = ""
    attempts: int = 1


class Progress(Protocol):
    """Who watches a run. Every method returns at once."""

    def start(self, job: str, units: int, units_done: int, records: int, records_done: int) -> None:
        """A job ("plan", "perceive", "ask", "finalize") begins, of which some units were done before."""

    def update(self, done: UnitDone) -> None:
        """One unit more is committed."""

    def message(self, text: str) -> None:
        """Something a user should see."""

    def finish(self) -> None:
        """The job has ended, well or not."""


class Silent:
    """A Progress that says nothing."""

    def start(self, job: str, units: int, units_done: int, records: int, records_done: int) -> None:
        pass

    def update(self, done: UnitDone) -> None:
        pass

    def message(self, text: str) -> None:
        pass

    def finish(self) -> None:
        pass
