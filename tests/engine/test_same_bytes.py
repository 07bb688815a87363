"""The same bytes whatever the executor, the number of workers and the placement."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tiny_build import BAD, LISTED_BAD, POOLED, Tiny, contents

from spatialgen.store.layout import BuildPaths
from spatialgen.store.manifest import Manifest, read_manifest
from spatialgen.store.read import read_table, verify_files


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    tiny = Tiny(tmp_path_factory.mktemp("quiet"), count=60)
    tiny.make()
    return tiny


def manifest_of(out: Path) -> Manifest:
    found = read_manifest(BuildPaths(out).perceive)
    assert found is not None
    return found


def cameras(out: Path) -> list[list[float]]:
    return [row for t in read_table(BuildPaths(out).perceive, "scenes") for row in t["camera_K"].to_pylist()]


def test_rows_and_rejects_make_up_the_plan_in_its_order(quiet: Tiny) -> None:
    paths = BuildPaths(quiet.out).perceive
    images = [name for t in read_table(paths, "images", ["image_id"]) for name in t["image_id"].to_pylist()]
    rejects = [row for t in read_table(paths, "rejects") for row in t.to_pylist()]
    whole = {row["image_id"]: row["code"] for row in rejects if row["object_id"] is None}
    assert whole == {BAD: "truncated_image", LISTED_BAD: "empty_file"}
    assert images == [f"img{i:05d}" for i in range(60) if f"img{i:05d}" not in whole]
    single = [row["image_id"] for row in rejects if row["object_id"] is not None]
    assert single == [name for name in images if name.endswith("3")]


def test_shards_are_aligned_and_about_as_large_as_asked(quiet: Tiny) -> None:
    shards = manifest_of(quiet.out).shards
    assert len(shards) > 2
    for shard in shards:
        images = pq.read_table(quiet.out / shard.files["images"].path)
        scenes = pq.read_table(quiet.out / shard.files["scenes"].path)
        assert images["image_id"].to_pylist() == scenes["image_id"].to_pylist()
        assert images["content_sha256"].to_pylist() == scenes["content_sha256"].to_pylist()
        assert shard.files["images"].rows == len(images) == sum(shard.unit_rows["images"])


def test_the_manifest_vouches_for_every_file(quiet: Tiny) -> None:
    manifest = verify_files(BuildPaths(quiet.out).perceive)
    assert manifest.counts["images"] == 58
    assert manifest.counts["objects"] == 58
    assert manifest.counts["rejects"] == {"empty_file": 1, "truncated_image": 1}
    assert manifest.records == 60
    assert not (quiet.out / "staging").exists()


def test_times_and_hosts_stay_out_of_the_dataset(quiet: Tiny) -> None:
    log = json.loads(next((quiet.out / "runs").glob("*.json")).read_text())
    assert log["state"] == "done"
    assert log["images"] == 58
    assert set(log["stages"]) == {"read", "blur", "faulty", "lift", "write"}
    for name, data in contents(quiet.out).items():
        assert next(iter(log["hosts"])).encode() not in data or len(next(iter(log["hosts"]))) < 4, name


def test_a_finished_build_is_left_alone(quiet: Tiny) -> None:
    before = contents(quiet.out)
    _, tally = quiet.make()
    assert tally is None
    assert contents(quiet.out) == before


def test_a_stage_that_depends_on_its_batch_shows_that_units_are_cut_alike(quiet: Tiny, tmp_path: Path) -> None:
    other = replace(quiet, out=tmp_path / "out", unit_images=7)
    other.make()
    assert cameras(quiet.out) != cameras(other.out)  # so equal bytes below mean something


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize(
    ("pools", "workers"), [(None, 1), (None, 2), (POOLED, 1)], ids=["fused-1", "fused-2", "pooled"]
)
def test_ray_makes_the_same_bytes(
    quiet: Tiny, local_ray: None, tmp_path: Path, pools: tuple[tuple[str, tuple[str, ...]], ...] | None, workers: int
) -> None:
    on_ray = replace(quiet, out=tmp_path / "out", executor="ray", pools=pools or quiet.pools, workers=workers)
    on_ray.make()
    assert contents(on_ray.out) == contents(quiet.out)
