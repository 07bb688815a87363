"""Verify: the pipeline on scenes with truth, under one condition after another, judged and summarised."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from spatialgen.errors import ConfigError
from spatialgen.records import Scene
from spatialgen.testing.furniture import Shapes
from spatialgen.testing.manifest import write_manifest
from spatialgen.testing.scenes import Kind, sample_scene
from spatialgen.testing.truth import TrueScene
from spatialgen.verify.conditions import DEFAULT_CONDITIONS, condition
from spatialgen.verify.folders import read_truth
from spatialgen.verify.judge import judge_rows
from spatialgen.verify.judged import Judged, Summary, by_type
from spatialgen.verify.pipeline import build_config, run_build

BATCH = 40
GIVEN = "as given"
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What to verify. `frames`: a folder with frames.jsonl and truth.jsonl instead of analytic scenes.

    `scenes`: analytic scenes of each of `kinds`, from the seed `first`, furnished with the `shapes` of that name;
    `size_wh` in pixels, None for a mix of sizes. `config`: the build's configuration, None for that of
    configs/rgbd.yaml. Not `worded`: facts are judged as they are before they become questions, which is quicker.
    """

    scenes: int = 40
    first: int = 0
    shapes: Shapes = "usual"
    kinds: tuple[Kind, ...] = ("room",)
    size_wh: tuple[int, int] | None = (640, 480)
    conditions: tuple[str, ...] = DEFAULT_CONDITIONS
    frames: Path | None = None
    config: Path | None = None
    worded: bool = True


@dataclass(slots=True)
class ConditionReport:
    """What one condition gave: every judged answer, gravity errors in degrees, scenes lifted of those given."""

    name: str
    judged: list[Judged] = field(default_factory=list)
    gravity_deg: list[float] = field(default_factory=list)
    scenes: int = 0
    lifted: int = 0
    seconds: float = 0.0

    def summaries(self) -> list[Summary]:
        """Return what is known of each type, and of all qualities and quantities at the end."""
        return by_type(self.judged)

    def gravity_quantiles(self) -> tuple[float, float, float]:
        """Return the 50th, 95th and 100th percentile of the error of gravity, NaN where it was never told."""
        values = np.quantile(self.gravity_deg, [0.5, 0.95, 1.0]) if self.gravity_deg else np.full(3, np.nan)
        return float(values[0]), float(values[1]), float(values[2])


def run(options: VerifyOptions, tell: Tell = lambda text: None) -> list[ConditionReport]:
    """Run and judge all conditions; `tell` hears of progress. Nothing is left on the disk.

    Raises ConfigError on unknown conditions or nothing to do, and whatever a build raises.
    """
    for name in options.conditions:
        condition(name)
    if options.frames is None and options.scenes < 1:
        raise ConfigError("no scenes to verify: --scenes must be at least 1")
    with tempfile.TemporaryDirectory(prefix="spatialgen-verify-") as folder:
        if options.frames is not None:
            return [_given(options, options.frames, Path(folder), tell)]
        return _analytic(options, Path(folder), tell)


def _given(options: VerifyOptions, frames: Path, work: Path, tell: Tell) -> ConditionReport:
    report = ConditionReport(GIVEN)
    _judge_folder(report, read_truth(frames), frames, work / "build", options, tell)
    return report


def _analytic(options: VerifyOptions, work: Path, tell: Tell) -> list[ConditionReport]:
    reports = {name: ConditionReport(name) for name in options.conditions}
    for batch, (kind, seeds) in enumerate(_batches(options)):
        scenes = [sample_scene(seed, kind=kind, size_wh=options.size_wh, shapes=options.shapes) for seed in seeds]
        write_manifest(work / f"{batch}-truth", scenes)
        truths = read_truth(work / f"{batch}-truth")
        for name, report in reports.items():
            folder = work / f"{batch}-{name}"
            write_manifest(folder / "frames", scenes, condition(name))
            _judge_folder(report, truths, folder / "frames", folder / "build", options, tell)
            shutil.rmtree(folder)  # pictures of many conditions would fill a small disk
            tell(f"{kind} {seeds[0]}-{seeds[-1]}, {name}: {len(report.judged)} facts judged so far")
    return list(reports.values())


def _batches(options: VerifyOptions) -> Iterator[tuple[Kind, Sequence[int]]]:
    """Yield runs of seeds small enough for their pictures to stay in memory."""
    for kind in options.kinds:
        end = options.first + options.scenes
        for start in range(options.first, end, BATCH):
            yield kind, range(start, min(start + BATCH, end))


def _judge_folder(
    report: ConditionReport, truths: Iterable[TrueScene], frames: Path, out: Path, options: VerifyOptions, tell: Tell
) -> None:
    began = time.monotonic()
    scenes, rows = run_build(build_config(frames, out, options.config), worded=options.worded, tell=tell)
    report.seconds += time.monotonic() - began
    for truth in truths:
        report.scenes += 1
        scene = scenes.get(truth.scene_id)
        if scene is not None:
            report.lifted += 1
            report.gravity_deg += gravity_errors_deg(scene, truth)
        report.judged += judge_rows(rows.get(truth.scene_id, ()), truth)


def gravity_errors_deg(scene: Scene, truth: TrueScene) -> list[float]:
    """Return the angle between the scene's up and the true one, in a list that is empty where it has none."""
    if scene.gravity is None:
        return []
    return [float(np.degrees(np.arccos(np.clip(scene.gravity.up_camera @ truth.up_camera, -1, 1))))]
