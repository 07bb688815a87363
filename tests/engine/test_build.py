"""Whole builds through the functions that the command line calls: analytic scenes, real stages, real questions."""

import shutil
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from tiny_build import contents

from spatialgen import build
from spatialgen.config.models import BuildConfig
from spatialgen.errors import LeaseError, PlanError
from spatialgen.reports import Silent, UnitDone
from spatialgen.store.layout import BuildPaths
from spatialgen.store.lease import Lease
from spatialgen.store.read import read_table, verify_files


def config(out: Path, **changes: Any) -> BuildConfig:
    backends = {"detector": "coco_ssd", "depth": "fastdepth", "segmenter": "u2netp"}
    backends |= {"captioner": "measured", "camera": "exif", "gravity": "mlsd"}
    tree: dict[str, Any] = {
        "name": "test",
        "source": {"kind": "analytic", "scenes": 6, "width": 160, "height": 120},
        "output": {"path": str(out), "unit_images": 4},
        "perceive": {role: {"backend": name} for role, name in backends.items()},
        "ask": {"per_image": 20},
        "run": {"executor": "inprocess"},
    }
    for section, values in changes.items():
        tree[section] = tree.get(section, {}) | values
    return BuildConfig.model_validate(tree)


class Watching(Silent):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.jobs: list[str] = []
        self.units: list[int] = []

    def start(self, job: str, units: int, units_done: int, records: int, records_done: int) -> None:
        self.jobs.append(f"{job} {units_done}/{units} {records_done}/{records}")

    def update(self, done: UnitDone) -> None:
        self.units.append(done.unit)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "out"
    watching = Watching()
    report = build.generate(config(out), watching)
    assert watching.jobs == ["perceive 0/2 0/6", "ask 0/2 0/6"]
    assert watching.units == [0, 1, 0, 1]
    assert report.worked
    assert (report.images, dict(report.rejects)) == (6, {})
    assert report.objects > 10
    assert sum(report.questions.values()) > 60
    assert [time.stage for time in report.stages][-3:] == ["lift", "write", "ask"]
    return out


def test_a_build_is_complete_in_itself(made: Path) -> None:
    names = {name.split("/")[0] for name in contents(made)}
    whole = {"README.md", "_SUCCESS", "config.yaml", "images", "manifest.json", "plan.json", "plan.parquet", "qa"}
    assert names == whole | {"rejects", "scenes"}
    verify_files(BuildPaths(made).perceive)
    verify_files(BuildPaths(made).ask("default"))


def test_again_there_is_nothing_to_do(made: Path) -> None:
    before = contents(made)
    watching = Watching()
    report = build.generate(config(made), watching)
    assert not report.worked
    assert watching.jobs == []
    assert sum(report.questions.values()) == sum(build.status(made).asks[0].by_type.values())
    assert contents(made) == before


def test_the_same_build_elsewhere_has_the_same_bytes_and_can_be_moved(made: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    build.perceive(config(other, output={"path": str(other), "unit_images": 4}))
    moved = tmp_path / "moved"
    shutil.move(other, moved)
    report = build.ask(config(moved))
    assert report.worked
    ours, theirs = contents(made), contents(moved)
    own = {"config.yaml", "README.md"}
    assert {n: d for n, d in theirs.items() if n not in own} == {n: d for n, d in ours.items() if n not in own}


def test_status_tells_absent_planned_and_complete(made: Path, tmp_path: Path) -> None:
    assert build.status(tmp_path / "nothing").state == "absent"
    fresh = config(tmp_path / "fresh")
    build.plan_build(fresh)
    planned = build.status(tmp_path / "fresh")
    assert (planned.state, planned.perceive.units, planned.perceive.records) == ("planned", 2, 6)
    found = build.status(made)
    assert (found.state, found.holder) == ("complete", None)
    assert found.perceive.counts["images"] == 6
    assert found.asks[0].units_done == 2
    with Lease(BuildPaths(made).lease, 60) as lease:
        held = build.status(made)
    assert (held.state, held.holder) == ("running", str(lease.holder))


def test_plan_says_what_would_happen_and_what_would_be_refused(tmp_path: Path) -> None:
    cramped = config(tmp_path / "a", run={"executor": "ray", "pipeline": "pooled"}, ray={"num_cpus": 2})
    report = build.plan_build(cramped)
    assert (report.records, report.units, report.new_units) == (6, 2, 2)
    assert [s.name for s in report.stages][-1] == "lift"
    assert [p.min_workers for p in report.pools] == [1] * 6
    assert report.problems == ("the pools need 6 CPUs at least, but the cluster has 2",)
    with pytest.raises(PlanError, match="need 6 CPUs at least"):
        build.perceive(cramped)
    roomy = config(tmp_path / "a", run={"executor": "ray", "pipeline": "pooled"}, ray={"num_cpus": 6})
    assert build.plan_build(roomy).problems == ()


def test_a_changed_config_is_refused_naming_the_key(made: Path) -> None:
    with pytest.raises(PlanError, match=r"config\.seed: 0 -> 1"):
        build.perceive(config(made).model_copy(update={"seed": 1}))
    with pytest.raises(PlanError, match=r"config\.ask\.per_image: 20 -> 5"):
        build.ask(config(made, ask={"per_image": 5}))
    build.perceive(config(made, run={"executor": "ray", "max_internal_errors": 3}, ray={"num_cpus": 9}))


def test_more_sets_of_questions_leave_the_rest_alone(made: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(made, copy)
    before = contents(copy)
    report = build.ask(config(copy, ask={"name": "balanced", "balance": "prior", "per_image": "all"}))
    after = contents(copy)
    assert {name: after[name] for name in before} == before
    rows = sum(t.num_rows for t in read_table(BuildPaths(copy).ask("balanced"), "questions"))
    assert rows == sum(report.questions.values()) > 0


def test_a_build_in_use_is_refused(made: Path) -> None:
    with Lease(BuildPaths(made).lease, 60), pytest.raises(LeaseError, match="in use"):
        build.generate(config(made))


def test_a_run_outside_the_main_thread_leaves_signals_alone(made: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    reports: list[build.BuildReport] = []
    thread = threading.Thread(target=lambda: reports.append(build.perceive(config(made))))
    thread.start()
    thread.join()
    assert reports[0].images == 6
    assert signal.getsignal(signal.SIGTERM) is before
