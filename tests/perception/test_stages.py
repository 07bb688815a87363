"""Stages: what a source gave stays, backends wake up when needed, nonsense is named, indices never shift."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import stage_fakes as fakes

from spatialgen.engine.stage import Stage
from spatialgen.perception import registry, stages
from spatialgen.perception.checks import BackendOutputError
from spatialgen.records import Camera, DepthMap, Detections, Frame, InstanceMap, ObjectText, RejectCode

MakeStage = Callable[..., Any]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> MakeStage:
    """Return a function that makes a stage of a class around a scripted backend."""
    monkeypatch.setattr(registry, "load", lambda role, name: SimpleNamespace(Backend=fakes.Backend))

    def stage(kind: type[stages.BackendStage[Any]], answer: Callable[..., Any], device: str = "cpu") -> Stage:
        return kind(fakes.Config("fake", answer), device)

    return stage


GIVEN = {
    stages.CameraStage: {"camera": fakes.CAMERA},
    stages.DetectStage: {"detections": fakes.found((1, 1, 9, 9, "cup"))},
    stages.DepthStage: {"depth": fakes.flat_depth()},
    stages.SegmentStage: {"instances": InstanceMap(np.zeros((24, 32), np.int32))},
    stages.DescribeStage: {"texts": ()},
    stages.GravityStage: {"up_camera": np.array([0.0, -1.0, 0.0])},
}
ANSWERS: dict[Any, Callable[..., Any]] = {
    stages.CameraStage: lambda frames: [fakes.CAMERA for _ in frames],
    stages.DetectStage: lambda images: [fakes.found((1, 1, 9, 9, "cup")) for _ in images],
    stages.DepthStage: lambda images, cameras: [fakes.flat_depth() for _ in images],
    stages.SegmentStage: lambda images, boxes, depths: [fakes.box_masks(b) for b in boxes],
    stages.DescribeStage: lambda frames: [(fakes.RED,) * len(f.detections) for f in frames],
    stages.GravityStage: lambda frames: [fakes.UP for _ in frames],
}


def ready(kind: Any, name: str = "a") -> Frame:
    """Return a frame that has what a stage of `kind` reads."""
    made = fakes.frame(name, camera=fakes.CAMERA, depth=fakes.flat_depth(), detections=fakes.found((1, 1, 9, 9, "cup")))
    ids = np.zeros((24, 32), np.int32)
    ids[1:9, 1:9] = 1
    cleared = {"camera": "camera", "detect": "detections", "depth": "depth"}.get(kind.name)
    made = made if kind.name == "segment" else replace(made, instances=InstanceMap(ids))
    if kind.name == "detect":
        made = replace(made, instances=None)
    return replace(made, **{cleared: None}) if cleared else made


@pytest.mark.parametrize("kind", list(GIVEN))
def test_what_the_source_gave_stays_and_nothing_wakes_up(kind: Any, make: MakeStage) -> None:
    stage = make(kind, ANSWERS[kind])
    frames = [fakes.frame("a", **GIVEN[kind]), fakes.frame("b", **GIVEN[kind])]
    stage.setup()
    assert stage(frames) == frames
    assert stage._backend.devices == []
    assert stage._backend.calls == []


@pytest.mark.parametrize("kind", list(GIVEN))
def test_only_open_frames_are_filled_in_order_with_the_model_noted(kind: Any, make: MakeStage) -> None:
    stage = make(kind, ANSWERS[kind], device="cuda")
    given = replace(ready(kind, "b"), **GIVEN[kind])
    result = stage([ready(kind, "a"), given, ready(kind, "c")])
    assert [f.image_id for f in result] == ["a", "b", "c"]
    assert result[1] is given
    assert stage._backend.calls == [2]
    assert stage._backend.devices == ["cuda"]
    assert result[0].models == (replace(fakes.USE, role=kind.model_role),)
    for field in kind.writes:
        assert getattr(result[2], field) is not None
    stage.close()
    assert stage._backend.devices == ["cuda", "closed"]


@pytest.mark.parametrize("kind", list(GIVEN))
def test_protocol(kind: Any, make: MakeStage) -> None:
    stage = make(kind, ANSWERS[kind])
    assert stage.reads <= set(Frame.__slots__)
    assert stage.writes <= set(Frame.__slots__)
    assert "fake" in stage.version
    assert "7" in stage.version
    assert stage.batch_size == 3
    assert stage.resources.gpus == 0
    assert make(kind, ANSWERS[kind], device="cuda").resources.gpus > 0


def nothing(*_: Any) -> list[Any]:
    return []


NONSENSE: list[tuple[Any, Callable[..., Any], str]] = [
    *((kind, nothing, "0 results for 1") for kind in GIVEN),
    (stages.CameraStage, lambda f: [Camera(30, 30, 99, 5)], "outside the image"),
    (stages.CameraStage, lambda f: [Camera(1e5, 30, 5, 5)], "focal"),
    (stages.CameraStage, lambda f: [Camera(30, 30, 5, 5, sigma=float("nan"))], "sigma"),
    (stages.DepthStage, lambda i, c: [DepthMap(np.zeros((2, 2), np.float32), "x")], "4 depths outside"),
    (stages.DepthStage, lambda i, c: [DepthMap(np.full((2, 2), np.inf, np.float32), "x")], "4 depths outside"),
    (stages.DepthStage, lambda i, c: [DepthMap(np.ones((0, 2), np.float32), "x")], "empty depth map"),
    (stages.DepthStage, lambda i, c: [DepthMap(np.ones((2, 2), np.float32), "x", -1)], "sigma -1"),
    (stages.SegmentStage, lambda i, b, d: [np.zeros((2, 24, 32), bool)], "instead of"),
    (stages.SegmentStage, lambda i, b, d: [np.zeros((1, 24, 32), np.uint8)], "instead of"),
    (stages.DescribeStage, lambda f: [()], "0 texts for 1"),
    (stages.DescribeStage, lambda f: [(ObjectText(" "),)], "blank"),
    (stages.GravityStage, lambda f: [replace(fakes.UP, sigma_deg=float("nan"))], "nan degrees"),
]


@pytest.mark.parametrize(("kind", "answer", "message"), NONSENSE)
def test_nonsense_names_the_backend(kind: Any, answer: Callable[..., Any], message: str, make: MakeStage) -> None:
    with pytest.raises(BackendOutputError, match=f"backend fake .*{message}"):
        make(kind, answer)([ready(kind)])


@pytest.mark.parametrize(
    ("box", "score", "label", "message"),
    [
        ((0, 0, np.nan, 5), 0.5, "cup", "not finite"),
        ((0, 0, 5, 5), np.inf, "cup", "not finite"),
        ((0, 0, 33, 5), 0.5, "cup", "outside the image"),
        ((-1, 0, 5, 5), 0.5, "cup", "outside the image"),
        ((5, 0, 5, 5), 0.5, "cup", "empty boxes"),
        ((0, 0, 5, 5), 1.5, "cup", "scores outside"),
        ((0, 0, 5, 5), 0.5, " ", "empty labels"),
    ],
)
def test_nonsense_boxes(box: Any, score: float, label: str, message: str, make: MakeStage) -> None:
    wrong = Detections(np.array([box], np.float32), np.array([score], np.float32), (label,), ("1",), (None,))
    with pytest.raises(BackendOutputError, match=message):
        make(stages.DetectStage, lambda images: [wrong])([fakes.frame()])


def test_one_thing_is_one_object(make: MakeStage) -> None:
    twice = fakes.found((1, 1, 20, 20, "sofa"), (1, 1, 20, 19, "couch"), (3, 3, 8, 8, "cushion"))
    result = make(stages.DetectStage, lambda images: [twice])([fakes.frame()])[0]
    assert result.detections.labels == ("sofa", "cushion")
    assert result.detections.object_ids == ("1", "2")


def test_detections_are_matched_to_a_given_map(make: MakeStage) -> None:
    ids = np.zeros((24, 32), np.int32)
    ids[1:9, 1:9], ids[12:20, 12:20] = 5, 2
    seen = fakes.found((12, 12, 20, 20, "cup"), (22, 0, 30, 9, "ghost"))
    given = fakes.frame(instances=InstanceMap(ids))
    result = make(stages.DetectStage, lambda images: [seen])([given])[0]
    assert result.detections.labels == ("cup",)
    assert result.instances.ids[15, 15] == 1
    assert result.instances.ids[5, 5] == 2


def test_an_empty_mask_shifts_nothing(make: MakeStage) -> None:
    three = fakes.found((1, 1, 9, 9, "cup"), (10, 1, 18, 9, "book"), (20, 1, 28, 9, "lamp"))
    masks = fakes.box_masks(three.boxes_px)
    masks[1] = False
    prompted = fakes.frame(detections=three, depth=fakes.flat_depth(), texts=tuple(ObjectText(c) for c in "xyz"))
    result = make(stages.SegmentStage, lambda i, b, d: [masks])([prompted])[0]
    assert result.detections.labels == ("cup", "lamp")
    assert result.detections.object_ids == ("1", "3")
    assert [t.color for t in result.texts] == ["x", "z"]
    assert (result.instances.ids[1:9, 20:28] == 2).all()
    (reject,) = result.object_rejects
    assert (reject.object_id, reject.code, reject.stage) == ("2", RejectCode.BAD_OBJECT, "segment")


def test_twins_by_mask_go_only_if_a_detector_found_them(make: MakeStage) -> None:
    pair = fakes.found((1, 1, 12, 12, "monitor"), (1, 1, 18, 18, "desk"))
    same = np.repeat(fakes.box_masks(pair.boxes_px)[:1], 2, axis=0)
    same[1, 1, 12] = True
    stage = make(stages.SegmentStage, lambda i, b, d: [same])
    by_source = fakes.frame(detections=pair, depth=fakes.flat_depth())
    by_detector = replace(by_source, models=(replace(fakes.USE, role="detector"),))
    assert len(stage([by_source])[0].detections) == 2
    assert stage([by_detector])[0].detections.labels == ("monitor",)


def test_a_given_object_that_is_nowhere_is_dropped_alone(make: MakeStage) -> None:
    boxes = np.array([[np.nan] * 4, [2, 2, 40, 9], [40, 2, 50, 9]], np.float32)
    given = Detections(boxes, np.ones(3, np.float32), ("cup", "book", "lamp"), ("x", "y", "z"), (None, "my book", None))
    stage = make(stages.SegmentStage, lambda i, b, d: [fakes.box_masks(one) for one in b])
    result = stage([fakes.frame(detections=given, depth=fakes.flat_depth())])[0]
    assert result.detections.names == ("my book",)
    assert result.detections.boxes_px.tolist() == [[2, 2, 32, 9]]
    assert [r.object_id for r in result.object_rejects] == ["x", "z"]


def test_an_image_without_objects_needs_no_backend(make: MakeStage) -> None:
    empty = fakes.frame(detections=fakes.found(), depth=fakes.flat_depth())
    segment, describe = (make(kind, nothing) for kind in (stages.SegmentStage, stages.DescribeStage))
    (segmented,) = segment([empty])
    assert segmented.instances.ids.shape == (24, 32)
    assert describe([segmented])[0].texts == ()
    assert segment._backend.calls == []
    assert describe._backend.devices == []


def test_gravity_may_stay_open(make: MakeStage) -> None:
    stage = make(stages.GravityStage, lambda frames: [None] * len(frames))
    result = stage([ready(stages.GravityStage)])[0]
    assert result.gravity is None
    assert result.models == ()


def test_build_stages_in_order_and_picklable() -> None:
    chosen = {
        "detector": "coco_ssd", "depth": "fastdepth", "segmenter": "u2netp", "captioner": "measured",
        "camera": "exif", "gravity": "mlsd",
    }  # fmt: skip
    folders = {s.model_role: s.role for s in GIVEN}
    configs = {key: registry.load(folders[key], name).Config() for key, name in chosen.items()}
    built = stages.build_stages(SimpleNamespace(**configs), "cpu")
    assert [s.name for s in built] == ["camera", "detect", "depth", "segment", "describe", "gravity"]
    again = pickle.loads(pickle.dumps(built))  # noqa: S301
    assert [s.version for s in again] == [s.version for s in built]
