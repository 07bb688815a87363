"""A real RGB-D frame, imgviz's arc2017: sensor depth, eight labelled masks, the camera; no network, no weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import imgviz
import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from spatialgen.export.reader import open_build

CONFIG = Path(__file__).parents[2] / "configs" / "rgbd.yaml"


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("arc2017")
    data = imgviz.data.arc2017()
    ids = np.zeros(data["rgb"].shape[:2], np.uint8)
    for i, mask in enumerate(data["masks"], start=1):
        ids[mask > 0] = i
    Image.fromarray(data["rgb"]).save(folder / "rgb.png")
    Image.fromarray(ids).save(folder / "ids.png")
    np.save(folder / "depth.npy", data["depth"])
    fx, _, cx, _, fy, cy, *_ = data["camera_info"]["K"]
    names = [data["class_names"][label].replace("_", " ") for label in data["labels"]]
    line = {
        "image": "rgb.png",
        "depth": "depth.npy",
        "instances": "ids.png",
        "camera": {"fx": fx, "fy": fy, "cx": cx, "cy": cy},
        "objects": [{"id": i, "label": name} for i, name in enumerate(names, start=1)],
    }
    (folder / "frames.jsonl").write_text(json.dumps(line))
    return folder


def test_a_real_frame_needs_no_network(
    frame: Path, tmp_path: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPATIALGEN_CACHE", str(tmp_path / "no weights here"))
    out = tmp_path / "out"
    sets = [f"source.path={frame}", f"output.path={out}", "run.executor=inprocess"]
    run("generate", "--config", CONFIG, *(part for each in sets for part in ("--set", each)))
    build = open_build(out)
    [scene] = build.rows("scenes")
    assert scene["models"] == []
    assert len(scene["objects"]) == 8
    ids, depth = np.array(Image.open(frame / "ids.png")), np.load(frame / "depth.npy")
    for item in scene["objects"]:
        readings = depth[ids == int(item["object_id"])]
        readings = readings[np.isfinite(readings) & (readings > 0)]
        assert abs(item["median_depth_m"] - np.median(readings)) < 0.01
    types = {row["question_type"] for row in build.rows("questions", "default")}
    assert {"image_third", "image_coverage", "box_2d", "exists", "count"} <= types
    nearest = [r["answer_value"] for r in build.rows("questions", "default") if r["question_type"] == "nearest_depth"]
    assert all(0.4 < depth_m < 1.1 for depth_m in nearest)
    assert not (tmp_path / "no weights here" / "weights").exists()
