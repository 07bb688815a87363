"""The whole pipeline of configs/full.yaml with tiny random networks in their real formats, on a local Ray.

Random networks see nothing that is there, so thresholds are down and few detections allowed: objects flow through
every stage, and what is checked is that each stage ran, in order, and wrote what it should.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from full_fixtures import save_depth_anything, save_florence2, save_grounding_dino, save_sam, write_card
from PIL import Image

from spatialgen import build
from spatialgen.config.loader import load_config
from spatialgen.errors import PlanError
from spatialgen.schema import scenes_from_table

ROOT = Path(__file__).parents[2]
NETWORKS = {"detector": "Apache-2.0", "depth": "Apache-2.0", "segmenter": "not stated", "captioner": "MIT"}
IMAGES = 3
GPU_SHARE = 0.5


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Local paths of the four networks; the cards of three say their licence."""
    folder = tmp_path_factory.mktemp("checkpoints")
    models = {
        "detector": save_grounding_dino(folder / "grounding_dino"),
        "depth": save_depth_anything(folder / "depth_anything"),
        "segmenter": save_sam(folder / "sam_vit_b_01ec64.pth"),
        "captioner": save_florence2(folder / "florence2"),
    }
    for role, license_name in NETWORKS.items():
        if role != "segmenter":
            write_card(models[role], license_name)
    return {role: str(path) for role, path in models.items()}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    sizes = [(320, 240), (240, 320), (320, 240)]
    for k, (width, height) in enumerate(sizes):
        v, u = np.mgrid[:height, :width]
        waves = 128 + 100 * np.sin(u / (9 + 4 * k)) * np.cos(v / 17)
        picture = np.stack([u * 255 / width, v * 255 / height, waves], axis=-1)
        Image.fromarray(picture.astype(np.uint8)).save(folder / f"photo {k}.png")
    return folder


def overrides(checkpoints: dict[str, str], photos: Path, out: Path) -> list[str]:
    models = [f"perceive.{role}.model={path}" for role, path in checkpoints.items()]
    return [
        *models,
        f"source.path={photos}",
        f"output.path={out}",
        "output.unit_images=2",
        "perceive.detector.classes=[chair, coffee table, mug, potted plant, lamp]",
        "perceive.detector.threshold=0",
        "perceive.detector.max_detections=6",
        "perceive.segmenter.min_predicted_iou=-100",
        "perceive.gravity={backend: level}",  # the other one has weights of its own, from a package registry
        "ask.per_image=30",
        "run.device=cpu",
        "ray.num_cpus=2",
        "ray.num_gpus=1",  # logical: two actors may share it
        f"ray.pools.perceive.gpus={GPU_SHARE}",
    ]


def table(folder: Path) -> pa.Table:
    return pa.concat_tables(pq.read_table(shard) for shard in sorted(folder.glob("*.parquet")))


@pytest.fixture(scope="module")
def built(checkpoints: dict[str, str], photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    out = tmp_path_factory.mktemp("build") / "full"
    config = load_config(ROOT / "configs" / "full.yaml", overrides(checkpoints, photos, out))
    return build.generate(config), out


@pytest.mark.ray
@pytest.mark.slow
def test_every_table_is_written_and_every_stage_ran(built: tuple[Any, Path]) -> None:
    report, out = built
    assert report.images == IMAGES
    assert report.rejects == {}
    assert report.objects > 0
    assert {"camera", "detect", "depth", "segment", "describe", "gravity", "lift"} <= {s.stage for s in report.stages}
    assert table(out / "images").num_rows == table(out / "scenes").num_rows == IMAGES
    assert (out / "_SUCCESS").exists()
    assert (out / "qa" / "default" / "_SUCCESS").exists()
    assert table(out / "qa" / "default" / "questions").num_rows > 0


@pytest.mark.ray
@pytest.mark.slow
def test_models_and_their_licences_are_in_the_scenes(built: tuple[Any, Path]) -> None:
    first, *others = table(built[1] / "scenes").column("models").to_pylist()
    assert others == [first] * (IMAGES - 1)
    used = {m["role"]: m for m in first}
    assert {role: used[role]["license"] for role in NETWORKS} == NETWORKS
    assert all(used[role]["version"].startswith("sha256:") for role in NETWORKS)


@pytest.mark.ray
@pytest.mark.slow
def test_a_second_run_finds_everything_done(built: tuple[Any, Path], checkpoints: dict[str, str], photos: Path) -> None:
    config = load_config(ROOT / "configs" / "full.yaml", overrides(checkpoints, photos, built[1]))
    assert not build.generate(config).worked


@pytest.mark.slow
def test_without_ray_every_byte_is_the_same(
    built: tuple[Any, Path], checkpoints: dict[str, str], photos: Path, tmp_path: Path
) -> None:
    """Float by float: one thread a worker, batches that do not depend on who runs them."""
    sets = [*overrides(checkpoints, photos, tmp_path / "out"), "run.executor=inprocess"]
    build.perceive(load_config(ROOT / "configs" / "full.yaml", sets))
    for name in ("images", "scenes", "rejects"):
        shards = sorted((built[1] / name).glob("*.parquet"))
        assert shards
        for shard in shards:
            assert (tmp_path / "out" / name / shard.name).read_bytes() == shard.read_bytes(), shard


@pytest.mark.gpu
@pytest.mark.slow
def test_a_gpu_sees_the_same(
    built: tuple[Any, Path], checkpoints: dict[str, str], photos: Path, tmp_path: Path
) -> None:
    """The tolerance that the README states: a pixel of a box, 1 % of a length."""
    sets = [*overrides(checkpoints, photos, tmp_path / "out"), "run.executor=inprocess", "run.device=cuda"]
    build.perceive(load_config(ROOT / "configs" / "full.yaml", sets))
    ours, theirs = (scenes_from_table(table(folder / "scenes")) for folder in (tmp_path / "out", built[1]))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.depth_range_m, other.depth_range_m, rtol=0.01)
        for a, b in zip(one.objects, other.objects, strict=True):
            np.testing.assert_allclose(a.box_px, b.box_px, atol=1.0)
            assert a.label == b.label
            np.testing.assert_allclose(a.nearest_depth_m, b.nearest_depth_m, rtol=0.01)
            assert (a.geometry is None) == (b.geometry is None)
            if a.geometry is not None and b.geometry is not None:
                np.testing.assert_allclose(a.geometry.size_m, b.geometry.size_m, rtol=0.01, atol=0.001)


def test_actors_share_the_logical_gpu(checkpoints: dict[str, str], photos: Path, tmp_path: Path) -> None:
    sets = overrides(checkpoints, photos, tmp_path / "out")
    report = build.plan_build(load_config(ROOT / "configs" / "full.yaml", sets))
    assert [(pool.gpus, pool.max_workers) for pool in report.pools] == [(GPU_SHARE, 2)]
    assert report.problems == ()
    sets = [*overrides(checkpoints, photos, tmp_path / "too much"), "ray.pools.perceive.gpus=2"]
    assert build.plan_build(load_config(ROOT / "configs" / "full.yaml", sets)).problems


def test_other_weights_make_another_build(checkpoints: dict[str, str], photos: Path, tmp_path: Path) -> None:
    copies = {role: shutil.copytree(path, tmp_path / role) for role, path in checkpoints.items() if role == "depth"}
    mixed = checkpoints | {role: str(path) for role, path in copies.items()}
    config = load_config(ROOT / "configs" / "full.yaml", overrides(mixed, photos, tmp_path / "out"))
    build.plan_build(config)
    build.plan_build(config)
    settings = copies["depth"] / "preprocessor_config.json"
    settings.write_text(settings.read_text().replace("56", "70"))
    with pytest.raises(PlanError, match=r"weights\..*depth: \"sha256:"):
        build.plan_build(config)


@pytest.mark.parametrize("name", ["full", "cluster"])
def test_the_plan_downloads_nothing(name: str, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def download(*_: object, local_files_only: bool = False, **__: object) -> str:
        raise OSError("not here") if local_files_only else AssertionError("a plan must not download")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    sets = [f"source.path={photos}", f"output.path={tmp_path / 'out'}"]
    report = build.plan_build(load_config(ROOT / "configs" / f"{name}.yaml", sets))
    assert report.records == IMAGES
    assert [s.name for s in report.stages][:2] == ["camera", "detect"]
