"""The embedded stack on real photos, against what a person sees in them and against sensors."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import imgviz
import numpy as np
import pytest
import stage_fakes as fakes
from PIL import Image

from spatialgen.perception import stages, weights
from spatialgen.perception.cameras import exif
from spatialgen.perception.captioners import measured
from spatialgen.perception.depth import fastdepth
from spatialgen.perception.detectors import coco_pair
from spatialgen.perception.gravity import level, mlsd
from spatialgen.perception.instances import depth_at_pixels
from spatialgen.perception.segmenters import u2netp
from spatialgen.records import U8, Frame, InstanceMap

ROOM = "photo-36236147"  # an armchair on the right, a plant behind a small table on the left
KITCHEN = "photo-7303782"  # a chair in front, vases and a bowl on the counter behind


def photo(name: str) -> U8:
    (path,) = weights.ensure([name])
    return np.asarray(Image.open(path).convert("RGB"))


def ready(module: Any, **options: Any) -> Any:
    backend = module.Backend(module.Config(**options))
    weights.ensure(backend.weights)
    backend.setup("cpu")
    return backend


def chosen(gravity: Any) -> Any:
    """Return the configuration of the embedded stack."""
    return SimpleNamespace(
        detector=coco_pair.Config(),
        depth=fastdepth.Config(),
        segmenter=u2netp.Config(),
        captioner=measured.Config(),
        camera=exif.Config(),
        gravity=gravity,
    )


@pytest.fixture(scope="module")
def room() -> Frame:
    """The room after all stages."""
    weights.ensure(["coco-ssd", "nanodet", "fastdepth", "u2netp", "mlsd-tiny"])
    batch: list[Any] = [Frame(image_id="room", path="room", original_sha256="", rgb=photo(ROOM))]
    for stage in stages.build_stages(chosen(mlsd.Config()), "cpu"):
        batch = list(stage(batch))
        stage.close()
    return batch[0]


def test_what_is_in_the_room(room: Frame) -> None:
    assert set(room.detections.labels) == {"chair", "potted plant", "dining table"}
    x_of = {
        label: box[[0, 2]].mean() for label, box in zip(room.detections.labels, room.detections.boxes_px, strict=True)
    }
    width = room.size_wh[0]
    assert x_of["chair"] > 0.45 * width
    assert max(x_of["potted plant"], x_of["dining table"]) < 0.35 * width
    assert all(
        text.color in {"beige", "white"}
        for text, label in zip(room.texts, room.detections.labels, strict=True)
        if label == "chair"
    )


def test_every_object_owns_pixels_in_its_box(room: Frame) -> None:
    for k, (x0, y0, x1, y1) in enumerate(room.detections.boxes_px):
        rows, cols = np.nonzero(room.instances.ids == k + 1)
        assert len(rows) > 0.15 * (x1 - x0) * (y1 - y0)
        assert x0 - 1 <= cols.min() <= cols.max() <= x1
        assert y0 - 1 <= rows.min() <= rows.max() <= y1


def test_models_and_licences_are_noted(room: Frame) -> None:
    assert {(m.role, m.name, m.license) for m in room.models} == {
        ("detector", "coco-ssd", "Apache-2.0"),
        ("detector", "nanodet", "MIT"),
        ("depth", "fastdepth", "MIT"),
        ("segmenter", "u2netp", "Apache-2.0"),
        ("gravity", "mlsd-tiny", "Apache-2.0"),
    }
    assert {m.version for m in room.models} == {weights.sha256(m.name) for m in room.models}


def test_the_kitchen_chair_is_nearer_than_what_stands_behind() -> None:
    picture = photo(KITCHEN)
    (found,), (depth,) = ready(coco_pair).detect([picture]), ready(fastdepth).estimate([picture], [None])
    metres = depth_at_pixels(depth, (picture.shape[1], picture.shape[0]))
    at = {}
    for label, (x0, y0, x1, y1) in zip(found.labels, found.boxes_px.astype(int), strict=True):
        at.setdefault(label, []).append(np.nanmedian(metres[y0:y1, x0:x1]))
    assert max(at["chair"]) < 0.8 * min(at["vase"] + at["bowl"])


def test_depth_says_how_wrong_it_is() -> None:
    """Against the sensor of a close-up, which is not what the network has learned: within what it claims."""
    truth = imgviz.data.arc2017()
    (depth,) = ready(fastdepth).estimate([truth["rgb"]], [None])
    guessed, seen = depth_at_pixels(depth, (640, 480)), truth["depth"]
    valid = (seen > 0.2) & (seen < 5) & np.isfinite(guessed)
    error = np.log(guessed[valid] / seen[valid])
    assert abs(np.median(error)) < 2.5 * depth.scale_sigma
    assert 0.3 * depth.sigma < 1.4826 * np.median(np.abs(error - np.median(error))) < 1.5 * depth.sigma


def test_masks_are_better_than_boxes() -> None:
    truth = imgviz.data.voc()
    height, width = truth["rgb"].shape[:2]
    boxes = truth["bboxes"][:, [1, 0, 3, 2]].astype(np.float32)
    solid = [k for k, mask in enumerate(truth["masks"]) if mask.sum() > 0.3 * np.prod(boxes[k, 2:] - boxes[k, :2])]
    (masks,) = ready(u2netp).segment([truth["rgb"]], [boxes[solid]], [fakes.flat_depth()])

    def mean_iou(drawn: Any) -> float:
        pairs = zip(drawn, truth["masks"][solid], strict=True)
        return float(np.mean([np.sum(a & b) / np.sum(a | b) for a, b in pairs]))

    filled = np.stack([u2netp._inside((width, height), boxes[k]) for k in solid])
    assert len(solid) >= 5
    assert mean_iou(masks) > mean_iou(filled) + 0.05


@pytest.mark.parametrize("name", ["photo-36358763", "photo-7688357", KITCHEN])
def test_rooms_with_many_verticals_are_nearly_level(name: str) -> None:
    frame = Frame(image_id=name, path=name, original_sha256="", rgb=photo(name))
    (camera,) = exif.Backend(exif.Config()).intrinsics([frame])
    (gravity,) = ready(mlsd).up([Frame(image_id=name, path=name, original_sha256="", rgb=frame.rgb, camera=camera)])
    assert gravity.source == "vertical_structure"
    assert gravity.sigma_deg < 4
    x, y, z = gravity.up_camera
    assert abs(math.degrees(math.atan2(x, -y))) < 3
    assert abs(math.degrees(math.asin(z))) < 15


def test_a_close_up_says_nothing_of_gravity() -> None:
    frame = fakes.frame(camera=fakes.CAMERA)
    (gravity,) = ready(mlsd).up([frame])
    assert (gravity.source, gravity.sigma_deg) == ("prior", 14.0)


def test_given_depth_objects_and_camera_run_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPATIALGEN_CACHE", str(tmp_path))  # where there are no weights
    ids = np.zeros((24, 32), np.int32)
    ids[1:9, 1:9] = 1
    found = fakes.found((1, 1, 9, 9, "cup"))
    given = fakes.frame(camera=fakes.CAMERA, depth=fakes.flat_depth(), detections=found, instances=InstanceMap(ids))
    batch: list[Any] = [given]
    for stage in stages.build_stages(chosen(level.Config()), "cpu"):
        batch = list(stage(batch))
    assert batch[0].models == ()
    assert batch[0].gravity.source == "prior"
    assert batch[0].texts is not None


def test_what_one_network_alone_sees_in_a_box_of_groceries_is_not_sure() -> None:
    (found,) = ready(coco_pair, min_score=0.2).detect([imgviz.data.arc2017()["rgb"]])
    assert "snowboard" in found.labels
    assert (found.scores < 0.5).all()
