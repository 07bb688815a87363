"""Configurations: what is read, and what a user is told when something is wrong."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from spatialgen.config.loader import dump_config, load_config
from spatialgen.config.models import BuildConfig
from spatialgen.config.semantic import semantic
from spatialgen.errors import ConfigError
from spatialgen.perception import registry
from spatialgen.perception.stages import build_stages

CONFIGS = Path(__file__).parents[2] / "configs"
TEXT = """\
name: test
source:
  kind: folder
  path: photos
output: {path: out}
perceive:
  detector: {backend: coco_ssd}
  depth: {backend: fastdepth}
  segmenter: {backend: u2netp}
  captioner: {backend: measured}
  camera: {backend: exif}
  gravity: {backend: level}
ask:
  per_image: 10
"""


def load(tmp_path: Path, text: str = TEXT, *overrides: str) -> BuildConfig:
    path = tmp_path / "build.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, overrides)


def message_of(tmp_path: Path, text: str = TEXT, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, *overrides)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize("name", sorted(p.stem for p in CONFIGS.glob("*.yaml")))
def test_shipped_configurations_load_and_survive_being_written_down(tmp_path: Path, name: str) -> None:
    config = load_config(CONFIGS / f"{name}.yaml")
    assert config.name == name
    assert load(tmp_path, dump_config(config)) == config
    with pytest.raises(ValueError, match="frozen"):
        config.name = "other"  # type: ignore[misc]


def test_the_embedded_stack_fills_what_a_manifest_leaves_open() -> None:
    rgbd, embedded = (load_config(CONFIGS / f"{name}.yaml") for name in ("rgbd", "embedded"))
    for role in ("detector", "depth", "segmenter", "captioner", "camera"):
        assert getattr(rgbd.perceive, role) == getattr(embedded.perceive, role)
    assert rgbd.ask.per_image == "all"


def test_given_depth_instances_labels_and_camera_no_network_runs() -> None:
    """What such a frame still leaves open, words and the up direction, the manifest's backends do without weights."""
    stages = {stage.name: stage for stage in build_stages(load_config(CONFIGS / "rgbd.yaml").perceive)}
    assert [vars(stages[name])["weights"] for name in ("camera", "describe", "gravity")] == [(), (), ()]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "  path: photos",
            "  path: photos\n  dedup: true",
            "line 5: source.dedup: no such key; did you mean 'dedupe'?",
        ),
        ("ask:", "asks:", "line 13: asks: no such key; did you mean 'ask'?"),
        (
            "{path: out}",
            "{path: out, jpg_quality: 3}",
            "line 5: output.jpg_quality: no such key; did you mean 'jpeg_quality'?",
        ),
        (
            "coco_ssd}",
            "coco_ssd, min_scor: 1}",
            "line 7: perceive.detector.min_scor: no such key; did you mean 'min_score'?",
        ),
        (
            "coco_ssd}",
            "coco_sd}",
            "line 7: perceive.detector.backend: no backend 'coco_sd' for detectors; there are: coco_pair, coco_ssd",
        ),
        (
            "{backend: coco_ssd}",
            "coco_ssd",
            "line 7: perceive.detector: expected {backend: NAME, ...}, NAME one of coco_pair, coco_ssd",
        ),
        ("coco_ssd}", "coco_ssd, min_score: high}", "line 7: perceive.detector.min_score: expected a valid number"),
        ("  gravity: {backend: level}\n", "", "line 6: perceive.gravity: this key is missing"),
        (
            "kind: folder",
            "kind: folders",
            "line 3: source.kind: no such kind: 'folders'; there are: folder, rgbd, parquet",
        ),
        ("  kind: folder\n", "", "line 2: source: the key 'kind' is missing"),
        ("per_image: 10", "per_image: none", "line 14: ask.per_image: expected 'all', not 'none'"),
        ("per_image: 10", "types: [left_off]", "line 14: ask.types: 'left_off' is not known; did you mean 'left_of'?"),
        ("per_image: 10", "per_image: 10\nseed: x", "line 15: seed: expected a valid integer, not 'x'"),
        ("per_image: 10", "per_image: 10\nseed: true", "line 15: seed: expected a valid integer, not True"),
        ("per_image: 10", "per_image: 10\nseed: '3'", "line 15: seed: expected a valid integer, not '3'"),
        (
            "per_image: 10",
            "per_image: 10\nrun: {executor: dask}",
            "run.executor: expected 'ray' or 'inprocess', not 'dask'",
        ),
        ("name: test", "name: a/b", "line 1: name: String should match pattern"),
        ("name: test", "name: test\nname: again", "line 2: the key 'name' stands on line 1 already"),
        ("path: photos", "path: photos\n  path: other", "line 5: the key 'path' stands on line 4 already"),
        ("name: test", "name: !!python/object/apply:os.system ['true']", "line 1: not valid YAML: could not determine"),
        ("name: test", "name: [", "not valid YAML"),
        ("name: test", "name: &a [*a]", "an alias that contains itself"),
        ("name: test", "name: 2020-01-01", "only text, numbers"),
        ("{path: out}", "[out]", "line 5: output: expected an object"),
    ],
)
def test_what_is_wrong_is_named_with_key_file_and_line(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert TEXT.count(old) == 1
    message = message_of(tmp_path, TEXT.replace(old, new))
    assert expected in message
    assert str(tmp_path / "build.yaml") in message


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    message = message_of(tmp_path, TEXT.replace("kind: folder", "kind: folder\n  x: 1") + "yy: 2\n")
    assert len(message.splitlines()) == 2


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("source.pth=x", "--set source.pth=x: source.pth: no such key; did you mean 'path'?"),
        ("run.max_reject_fraction=2", "--set run.max_reject_fraction=2: run.max_reject_fraction: expected less than"),
        ("ray.pools.perceive.gpu=1", "ray.pools.perceive.gpu: no such key; did you mean 'gpus'?"),
        (
            "perceive.detector.backend=nothing",
            "--set perceive.detector.backend=nothing: perceive.detector.backend: no backend",
        ),
        ("name.x=1", "--set name.x=1: name is 'test' and has no keys of its own"),
        ("source.path", "expected KEY.KEY=VALUE"),
        (".path=x", "expected KEY.KEY=VALUE"),
        ("ask={per_image: 1, per_image: 2}", "line 1: the key 'per_image' stands on line 1 already"),
    ],
)
def test_wrong_overrides_are_told_the_same_way(tmp_path: Path, override: str, expected: str) -> None:
    assert expected in message_of(tmp_path, TEXT, override)


def test_overrides_are_yaml_and_later_ones_win(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        TEXT,
        "ask.types=[left_of, right_of]",
        "ask.per_image=all",
        "run.lease_seconds=1.5e1",
        "ray.pools.perceive={gpus: 0.5}",
        "ray.pools.perceive.max_workers=3",
        "perceive.gravity={backend: level, sigma_deg: 3}",
        "seed=1",
        "seed=2",
        "ray.address=null",
    )
    assert config.ask.types == ("left_of", "right_of")
    assert config.ask.per_image == "all"
    assert config.run.lease_seconds == 15.0
    assert (config.ray.pools["perceive"].gpus, config.ray.pools["perceive"].max_workers) == (0.5, 3)
    assert config.perceive.gravity.sigma_deg == 3  # type: ignore[attr-defined]
    assert config.seed == 2
    assert config.ray.address is None


@pytest.mark.parametrize("value", ["/data/a: b #c", "[x]", "null", "3", "~", "{a}", "- x", "'quoted'", "a=b", " "])
def test_paths_are_taken_as_they_stand(tmp_path: Path, value: str) -> None:
    assert load(tmp_path, TEXT, f"source.path={value}").source.path == value  # type: ignore[union-attr]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot read this configuration: No such file"):
        load_config(tmp_path / "nowhere.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"b\.yaml: not a UTF-8 text"):
        load_config(tmp_path / "b.yaml")
    (tmp_path / "c.yaml").write_text("- a list")
    with pytest.raises(ConfigError, match=r"c\.yaml: expected a mapping"):
        load_config(tmp_path / "c.yaml")


class PluginConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: Literal["laser"] = "laser"
    rays: int = Field(3, ge=1)
    angles: tuple[float, ...] = ()


def test_a_backend_of_another_package_needs_nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("laser")
    module.Config = PluginConfig  # type: ignore[attr-defined]

    class Entry:
        name = "laser"

        def load(self) -> ModuleType:
            return module

    monkeypatch.setattr(registry, "_entry_points", lambda role: (Entry(),) if role == "depth" else ())
    text = TEXT.replace("{backend: fastdepth}", "{backend: laser, rays: 7, angles: [1, 2.5]}")
    config = load(tmp_path, text)
    assert config.perceive.depth == PluginConfig(rays=7, angles=(1.0, 2.5))
    assert semantic(config)["perceive"]["perceive"]["depth"] == {"backend": "laser", "rays": 7, "angles": [1.0, 2.5]}
    assert load(tmp_path, dump_config(config)) == config
    message = message_of(tmp_path, text.replace("rays", "rayz"))
    assert "perceive.depth.rayz: no such key; did you mean 'rays'?" in message


@pytest.mark.parametrize(
    "override",
    [
        "output.path=elsewhere",
        "name=other",
        "ray.address=auto",
        "ray.num_cpus=1",
        "ray.pools.perceive.max_workers=4",
        "run.executor=inprocess",
        "run.pipeline=pooled",
        "run.max_internal_errors=1",
        "ask.name=second",
    ],
)
def test_where_and_how_a_run_goes_is_no_part_of_its_meaning(tmp_path: Path, override: str) -> None:
    assert semantic(load(tmp_path, TEXT, override)) == semantic(load(tmp_path))


@pytest.mark.parametrize(
    ("override", "job"),
    [
        ("seed=1", "perceive"),
        ("source.dedupe=false", "perceive"),
        ("source.max_pixels=1000", "perceive"),
        ("output.images=reference", "perceive"),
        ("output.unit_images=8", "perceive"),
        ("output.jpeg_quality=80", "perceive"),
        ("perceive.detector.min_score=0.6", "perceive"),
        ("perceive.lift.min_pixels=99", "perceive"),
        ("ask.per_image=11", "ask"),
        ("ask.types=[left_of]", "ask"),
        ("seed=1", "ask"),
    ],
)
def test_what_changes_results_changes_the_meaning_of_its_job(tmp_path: Path, override: str, job: str) -> None:
    before, after = semantic(load(tmp_path)), semantic(load(tmp_path, TEXT, override))
    assert before[job] != after[job]
    if override.startswith("ask."):
        assert before["perceive"] == after["perceive"], "asking otherwise does not touch what was perceived"
