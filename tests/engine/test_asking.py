"""Questions about the scenes of a tiny build: two passes, alignment, resumption, growth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tiny_build import Tiny, TinySource, contents

from spatialgen.config.models import RunConfig
from spatialgen.engine.ask import Asker
from spatialgen.engine.asking import AskSpec, perceived, plan_ask, run_ask
from spatialgen.engine.executor import InProcess
from spatialgen.engine.making import Hands, settle
from spatialgen.errors import BuildFailed, PlanError
from spatialgen.records import Scene
from spatialgen.reports import Silent
from spatialgen.schema import QUESTIONS
from spatialgen.store.layout import BuildPaths
from spatialgen.store.lease import Lease
from spatialgen.store.manifest import Manifest, is_complete, read_manifest
from spatialgen.store.plan import read_info
from spatialgen.store.read import read_table, verify_files


@dataclass(frozen=True)
class Depths:
    """Two questions a scene about the depth of its mug, none about image 8; `fails` and `mixes` break it."""

    is_balanced: bool = False
    fails: tuple[str, ...] = ()
    mixes: bool = False

    def count(self, scenes: Sequence[Scene]) -> Mapping[str, Any]:
        return {"seen": {"scenes": len(scenes)}}

    def acceptance(self, counts: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"of": counts["seen"]["scenes"]}

    def asker(self, acceptance: Mapping[str, Any] | None) -> Asker:
        return _Ask(self, None if acceptance is None else acceptance["of"])


@dataclass(frozen=True)
class _Ask:
    depths: Depths
    of: int | None

    def __call__(self, scenes: Sequence[Scene]) -> pa.Table:
        rows = [self._row(scene, k) for scene in scenes for k in range(2) if not scene.image_id.endswith("8")]
        return pa.Table.from_pylist(rows[::-1] if self.depths.mixes else rows, schema=QUESTIONS)

    def _row(self, scene: Scene, k: int) -> dict[str, Any]:
        if scene.image_id in self.depths.fails:
            raise LookupError("no template")
        blank: dict[str, Any] = {f.name: None if f.nullable else "" for f in QUESTIONS}
        said = {"qa_id": f"{scene.image_id}.{k}", "image_id": scene.image_id, "question_type": "nearest_depth"}
        values = {"subjects": ["1"], "seed_key": k, "answer_value": scene.objects[0].nearest_depth_m}
        return blank | said | values | {"question": f"How far of {self.of}?"}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tiny = Tiny(tmp_path_factory.mktemp("scenes"), count=60)
    tiny.make()
    return tiny.out


@pytest.fixture
def out(scenes: Path, tmp_path: Path) -> Path:
    for name, data in contents(scenes).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def ask(out: Path, questions: Depths, name: str = "default", extend: bool = False, seed: int = 0) -> Manifest:
    spec = AskSpec(out, name, questions, None, {"seed": seed}, RunConfig())
    with Lease(BuildPaths(out).lease, 60) as lease:
        hands = Hands(lease, InProcess(), Silent())
        found = perceived(out)
        made = run_ask(spec, plan_ask(spec, found, extend), found, hands)
    settle(spec.run, made)
    return made[0]


def questions_of(out: Path, name: str = "default") -> list[dict[str, Any]]:
    return [row for t in read_table(BuildPaths(out).ask(name), "questions") for row in t.to_pylist()]


def test_shards_hold_the_questions_of_the_same_images_in_the_same_order(out: Path) -> None:
    manifest = ask(out, Depths())
    verify_files(BuildPaths(out).ask("default"))
    seen = read_manifest(BuildPaths(out).perceive)
    assert seen is not None
    assert [(s.first_unit, s.units) for s in manifest.shards] == [(s.first_unit, s.units) for s in seen.shards]
    tables = zip(
        read_table(BuildPaths(out).ask("default"), "questions"), seen.shards, strict=True
    )  # few rows: one row group a shard
    for questions, shard in tables:
        images = pa.parquet.read_table(out / shard.files["images"].path)["image_id"].to_pylist()
        asked = list(dict.fromkeys(questions["image_id"].to_pylist()))
        assert asked == [name for name in images if not name.endswith("8")]
    assert manifest.counts["questions"] == {"nearest_depth": 104}
    assert manifest.records == 58


def test_two_passes_freeze_the_acceptance_in_the_plan(out: Path) -> None:
    ask(out, Depths(is_balanced=True))
    info = read_info(BuildPaths(out).ask("default"))
    assert info is not None
    assert info.extra["acceptance"] == {"of": 58}
    assert {row["question"] for row in questions_of(out)} == {"How far of 58?"}
    assert not (BuildPaths(out).ask("default").root / "counts").exists()


def test_asking_leaves_what_was_perceived_alone_and_other_sets_too(out: Path) -> None:
    before = contents(out)
    ask(out, Depths())
    first = contents(out)
    assert {name: first[name] for name in before} == before
    ask(out, Depths(is_balanced=True), name="other")
    assert {name: data for name, data in contents(out).items() if "qa/other" not in name} == first
    assert BuildPaths(out).asks() == ["default", "other"]


def test_asked_again_with_other_settings_is_refused(out: Path) -> None:
    ask(out, Depths())
    with pytest.raises(PlanError, match=r"seed: 0 -> 1\n.*another ask\.name"):
        ask(out, Depths(), seed=1)
    assert ask(out, Depths(), name="second", seed=1).records == 58


def test_scenes_that_are_not_finished_are_not_asked_about(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="run perceive to its end first"):
        ask(tmp_path, Depths())


def test_a_scene_that_cannot_be_asked_is_a_reject(out: Path) -> None:
    with pytest.raises(BuildFailed, match="1 records failed"):
        ask(out, Depths(fails=("img00017",)))
    paths = BuildPaths(out).ask("default")
    assert is_complete(paths)
    rejects = [row for t in read_table(paths, "rejects") for row in t.to_pylist()]
    assert [(r["image_id"], r["stage"], r["code"]) for r in rejects] == [("img00017", "ask", "internal_error")]
    assert len(questions_of(out)) == 102


def test_questions_out_of_order_are_found_out(out: Path) -> None:
    ask(out, Depths())
    ask(out, Depths(mixes=True), name="mixed")
    mixed = [row["image_id"] for row in questions_of(out, "mixed")]
    assert mixed == [row["image_id"] for row in questions_of(out)], "each scene was asked alone instead"


def test_a_set_grows_with_its_scenes(out: Path) -> None:
    ask(out, Depths(is_balanced=True))
    before = {name: data for name, data in contents(out).items() if name.startswith("qa/default/questions")}
    Tiny(out, source=TinySource(75)).make(extend=True)
    with pytest.raises(PlanError, match="scenes"):
        ask(out, Depths(is_balanced=True))
    manifest = ask(out, Depths(is_balanced=True), extend=True)
    assert manifest.records == 73
    after = contents(out)
    assert {name: after[name] for name in before} == before
    assert {row["question"] for row in questions_of(out)} == {"How far of 58?"}, "what was accepted stays frozen"


def test_scenes_that_were_made_again_are_refused_even_with_extend(out: Path) -> None:
    ask(out, Depths())
    again = Tiny(out.parent / "again", count=60, seconds=0.0, unit_images=8)
    again.make()
    moved = read_manifest(BuildPaths(again.out).perceive)
    assert moved is not None
    spec = AskSpec(out, "default", Depths(), None, {"seed": 0}, RunConfig())
    changed = replace(moved.shards[0], files={t: replace(f, sha256="0") for t, f in moved.shards[0].files.items()})
    with pytest.raises(PlanError, match="scenes"):
        plan_ask(spec, replace(moved, shards=(changed, *moved.shards[1:])), extend=True)
