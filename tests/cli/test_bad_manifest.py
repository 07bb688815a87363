"""A manifest with each of the faults that its spec names: one command, every fault a reject, the rest goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from spatialgen.export.reader import open_build

Run = Callable[..., Result]

FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no-image": ({"image": None}, "bad_manifest_line"),
    "missing": ({"image": "gone.png"}, "missing_file"),
    "outside": ({"depth": "../depth.npy"}, "unsafe_path"),
    "linked": ({"image": "link.png"}, "unsafe_path"),
    "focal": ({"camera": {"fx": 0, "fy": 1, "cx": 0, "cy": 0}}, "bad_camera"),
    "up": ({"up": [0, 0, 0]}, "bad_gravity"),
    "sizes": ({"instances": "small.png"}, "size_mismatch"),
    "pickled": ({"depth": "pickled.npy"}, "bad_depth"),
    "huge": ({"depth": "huge.npy"}, "too_large"),
    "text": ({"image": "text.png"}, "not_an_image"),
}


@pytest.fixture
def faulty(frames: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "frames"
    shutil.copytree(frames, folder)
    shutil.copy(folder / "room-000000" / "rgb.png", tmp_path / "outside.png")
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    Image.fromarray(np.ones((10, 10), np.uint8)).save(folder / "small.png")
    np.save(folder / "pickled.npy", np.array([[{}]], object), allow_pickle=True)
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }".ljust(117) + b"\n"
    (folder / "huge.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    (folder / "text.png").write_text("no picture")
    return folder


def test_every_fault_is_a_reject_and_the_rest_goes_on(
    faulty: Path, tmp_path: Path, run: Run, options: Callable[[Path], list[str]]
) -> None:
    good = json.loads((faulty / "frames.jsonl").read_text().splitlines()[4])
    known, *others = good["objects"]
    objects = [{"id": 99, "label": "ghost"}, {"id": known["id"], "label": "[B] {{ x }}"}, *others]
    lines = [{**good, "id": name, **fault} for name, (fault, _) in FAULTS.items()]
    lines += [good, {**good, "id": "same picture"}, {**good, "id": "objects", "objects": objects}]
    with (faulty / "frames.jsonl").open("a") as file:
        file.writelines(json.dumps({k: v for k, v in line.items() if v is not None}) + "\n" for line in lines)
        file.write("{not json\n")
    out = tmp_path / "out"
    run("generate", *options(out), "--set", f"source.path={faulty}")
    build = open_build(out)
    whole = {r["image_id"]: r["code"] for r in build.rows("rejects") if r["object_id"] is None}
    single = {(r["image_id"], r["object_id"]): r["code"] for r in build.rows("rejects") if r["object_id"] is not None}
    expected = {name: code for name, (_, code) in FAULTS.items()}
    expected |= {"gone": "missing_file", "frames.jsonl:17": "duplicate_id", "frames.jsonl:20": "bad_manifest_line"}
    assert whole == expected
    known_id = str(known["id"])
    assert single == {("objects", "99"): "object_not_in_map", ("objects", known_id): "unsafe_text"}
    scenes = {row["image_id"]: [o["object_id"] for o in row["objects"]] for row in build.rows("scenes")}
    rooms = [f"room-{i:06d}" for i in range(5)]
    assert sorted(scenes) == sorted([*rooms, "same picture", "objects"]), "equal pictures are not merged"
    assert set(scenes["room-000004"]) - set(scenes["objects"]) == {known_id}
    questions = list(build.rows("questions", "default"))
    assert {row["image_id"] for row in questions} >= {"room-000004", "same picture", "objects"}
    assert not any(mark in row["question"] + row["answer"] for row in questions for mark in ("[B]", "{{", "ghost"))
