"""The commands on a small build: what they print, what they write, what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import Result
from PIL import Image

from spatialgen.export.reader import open_build

Run = Callable[..., Result]
Options = Callable[[Path], list[str]]


def test_generate_ends_with_a_table(tmp_path: Path, run: Run, options: Options) -> None:
    out = tmp_path / "out"
    first = run("generate", *options(out))
    for word in ("questions by type", "rejected images", "missing_file", "images/s", "lift", "objects", str(out)):
        assert word in first.stdout.replace("\n", "")
    assert "perceive: 6 images in 3 units" in first.stderr
    shards = {path: path.read_bytes() for path in out.rglob("*.parquet")}
    again = run("generate", *options(out))
    assert "everything had been done before" in again.stdout
    assert {path: path.read_bytes() for path in out.rglob("*.parquet")} == shards


def test_json_is_one_object_on_standard_output_and_lines_on_the_other(
    tmp_path: Path, run: Run, options: Options
) -> None:
    result = run("generate", *options(tmp_path / "out"), "--json")
    report = json.loads(result.stdout)
    assert report["images"] == 5
    assert report["rejects"] == {"missing_file": 1}
    assert report["worked"] is True
    assert sum(report["questions"].values()) > 20
    assert {stage["stage"] for stage in report["stages"]} >= {"read", "lift", "ask"}
    events = [json.loads(line) for line in result.stderr.splitlines()]
    starts = [event["job"] for event in events if event["event"] == "start"]
    ends = [(e["job"], e["units_done"], e["images_done"]) for e in events if e["event"] == "finish"]
    assert starts == ["perceive", "ask"]
    assert ends[0] == ("perceive", 3, 6)


def test_plan_shows_what_a_run_would_do_and_runs_nothing(tmp_path: Path, run: Run, options: Options) -> None:
    out = tmp_path / "out"
    shown = run("plan", *options(out)).stdout
    for word in ("5 of 6 records", "units", "disk, about", "time, about", "missing_file", "'gone.png'", "segment"):
        assert word in shown
    report = json.loads(run("plan", *options(out), "--json").stdout)
    assert (report["records"], report["units"], report["rejects"]) == (6, 3, {"missing_file": 1})
    assert next(stage["name"] for stage in report["stages"]) == "camera"
    assert not list(out.glob("images/*"))


def test_a_plan_that_cannot_run_here_is_refused(tmp_path: Path, run: Run, options: Options) -> None:
    sets = ["--set", "run.executor=ray", "--set", "ray.pools.perceive.gpus=2", "--set", "ray.num_gpus=1"]
    result = run("plan", *options(tmp_path / "out"), *sets, code=2)
    assert "a run would be refused" in result.stdout
    assert result.stderr.startswith("error: this plan cannot run here")


def test_perceive_then_ask_twice(tmp_path: Path, run: Run, options: Options) -> None:
    out = tmp_path / "out"
    assert "no finished scenes" in run("ask", *options(out), code=2).stderr
    run("perceive", *options(out))
    run("ask", *options(out))
    run("ask", *options(out), "--set", "ask.name=few", "--set", "ask.types=[distance]")
    assert sorted(open_build(out).sets) == ["default", "few"]
    changed = run("perceive", *options(out), "--set", "seed=5", code=2)
    assert "config.seed: 0 -> 5" in changed.stderr


def test_status_of_a_build(built: Path, tmp_path: Path, run: Run, options: Options) -> None:
    shown = run("status", built).stdout
    assert "complete" in shown
    assert "3/3" in shown
    assert json.loads(run("status", built, "--json").stdout)["perceive"]["counts"]["images"] == 5
    out = tmp_path / "out"
    run("plan", *options(out))
    assert json.loads(run("status", out, "--json").stdout)["state"] == "planned"


def test_the_card_says_what_manifest_and_tables_say(built: Path, run: Run) -> None:
    path = Path(run("card", built).stdout.strip())
    assert path == built / "README.md"
    text = path.read_text()
    _, front, body = text.split("---\n", 2)
    header = yaml.safe_load(front)
    assert [c["config_name"] for c in header["configs"]] == ["questions_default", "images", "scenes"]
    assert all((built / file).is_file() for c in header["configs"] for file in c["data_files"])
    counts = open_build(built).sets["default"].counts["questions"]
    for name, count in counts.items():
        assert f"| `{name}` | {count} |" in body
    assert "| `missing_file` | 1 | 0 |" in body
    assert "no network ran" in body
    before = path.read_bytes()
    run("card", built)
    assert path.read_bytes() == before


def test_inspect_lists_images(built: Path, run: Run) -> None:
    assert "room-000003" in run("inspect", built).stdout
    rows = json.loads(run("inspect", built, "--json").stdout)
    assert [row["image_id"] for row in rows] == [f"room-{i:06d}" for i in range(5)]


def test_inspect_shows_an_image_in_words_and_in_a_picture(built: Path, tmp_path: Path, run: Run) -> None:
    path, name = tmp_path / "seen.png", "room-000004"
    shown = run("inspect", built, "--image", name, "--picture", path, "--questions", "3").stdout
    row = json.loads(run("inspect", built, "--image", name, "--picture", path, "--json").stdout)
    assert row["objects"]
    for item in row["objects"]:
        assert item["name"] in shown
    assert f"3 of {len(row['questions'])} questions" in shown
    assert {q["qa"] for q in row["questions"]} == {"default"}
    [image] = open_build(built).rows_of(name, "images").to_pylist()
    with Image.open(path) as picture:
        seen = np.array(picture)
    zoom = 4
    assert seen.shape[:2] == (image["height"] * zoom, 2 * image["width"] * zoom + 46)
    x0, y0, x1, y1 = (int(v * zoom) for v in row["objects"][0]["box_px"])
    left = seen[:, : image["width"] * zoom]
    edge = np.concatenate([left[y0, x0:x1], left[y1 - 1, x0:x1]])
    colors, counts = np.unique(edge, axis=0, return_counts=True)
    assert counts.max() > 0.3 * len(edge), "the box is drawn where the scene says it is"
    assert colors[counts.argmax()].max() > 200


def test_inspect_says_why_an_image_is_absent(built: Path, run: Run) -> None:
    assert "was rejected in read: missing_file" in run("inspect", built, "--image", "gone", code=1).stderr
    assert "has no image 'nothing'" in run("inspect", built, "--image", "nothing", code=1).stderr


def test_export_writes_llava_records(built: Path, tmp_path: Path, run: Run) -> None:
    run("export", built, "--to", tmp_path / "llava")
    records = json.loads((tmp_path / "llava" / "all.json").read_text())
    rows = {row["qa_id"]: row for row in open_build(built).rows("questions", "default")}
    assert [r["id"] for r in records] == list(rows)
    images = {row["image_id"]: row["image"]["bytes"] for row in open_build(built).rows("images")}
    for record in records:
        row = rows[record["id"]]
        human, gpt = record["conversations"]
        assert human == {"from": "human", "value": f"<image>\n{row['question']}"}
        assert gpt == {"from": "gpt", "value": row["answer"]}
        assert (tmp_path / "llava" / record["image"]).read_bytes() == images[row["image_id"]]
    splits = {row["split"] for row in rows.values()}
    run("export", built, "--to", tmp_path / "one", "--split", sorted(splits)[0])
    [path] = (tmp_path / "one").glob("*.json")
    assert len(json.loads(path.read_text())) == sum(r["split"] == sorted(splits)[0] for r in rows.values())
    assert "there is no split 'dev'" in run("export", built, "--to", tmp_path / "x", "--split", "dev", code=1).stderr


def test_coordinates_in_the_text_are_those_of_the_padded_square(built: Path) -> None:
    """160x120 pixels are padded by 20 above and below; LLaVA's `pad` sees the same square."""
    boxes = [r for r in open_build(built).rows("questions", "default") if r["question_type"] == "box_2d"]
    objects = {
        (row["image_id"], o["object_id"]): o["box_px"]
        for row in open_build(built).rows("scenes", columns=["image_id", "objects"])
        for o in row["objects"]
    }
    assert boxes
    for row in boxes:
        x0, y0, x1, y1 = objects[row["image_id"], row["subjects"][0]]
        padded = [min(999, int(1000 * v / 160)) for v in (x0, y0 + 20, x1, y1 + 20)]
        assert row["answer_values"] == padded


def test_pictures_by_reference_are_found_again(tmp_path: Path, run: Run, options: Options, frames: Path) -> None:
    out = tmp_path / "out"
    run("generate", *options(out), "--set", "output.images=reference")
    [image] = open_build(out).rows_of("room-000001", "images").to_pylist()
    assert image["image"] == {"bytes": None, "path": str(frames / "room-000001" / "rgb.png")}
    run("inspect", out, "--image", "room-000001", "--picture", tmp_path / "x.png")
    assert (tmp_path / "x.png").is_file()


@pytest.mark.parametrize("table", ["images", "scenes"])
def test_shards_hold_the_same_images_in_the_same_order(built: Path, table: str) -> None:
    build = open_build(built)
    for first, second in zip(build.files("images"), build.files(table), strict=True):
        assert pq.read_table(first)["image_id"].equals(pq.read_table(second)["image_id"])
