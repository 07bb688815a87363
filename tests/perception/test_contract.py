"""One suite a protocol, run over every backend: the embedded ones on their real weights, the others on tiny ones.

A new backend joins by a line in `CHECKPOINTS` (what saves a tiny checkpoint) or, if it needs none, by existing.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import full_fixtures as tiny
import numpy as np
import pytest
from pydantic import ValidationError

from spatialgen.perception import checks, registry, weights
from spatialgen.perception.duplicates import make_detections
from spatialgen.records import Camera, DepthMap, Frame, InstanceMap

pytestmark = pytest.mark.filterwarnings("ignore:torch.meshgrid")  # of groundingdino-py, which nobody mends

CHECKPOINTS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "detectors/grounding_dino": lambda folder: {"model": str(tiny.save_grounding_dino(folder)), "threshold": 0.0},
    "detectors/grounding_dino_original": lambda folder: {
        "model": str(tiny.save_original_grounding_dino(folder)),
        "text_encoder": str(folder / "bert"),
        "threshold": 0.0,
        "shortest_edge": 96,
        "longest_edge": 160,
    },
    "detectors/owlv2": lambda folder: {"model": str(tiny.save_owlv2(folder)), "threshold": 0.0},
    "depth/depth_anything_v2": lambda folder: {"model": str(tiny.save_depth_anything(folder))},
    "segmenters/sam": lambda folder: {
        "model": str(tiny.save_sam(folder / "sam_vit_b_01ec64.pth")),
        "min_predicted_iou": -100.0,
    },
    "segmenters/sam2": lambda folder: {"model": str(tiny.save_sam2(folder)), "min_predicted_iou": -100.0},
    "captioners/florence2": lambda folder: {"model": str(tiny.save_florence2(folder))},
    "captioners/blip": lambda folder: {"model": str(tiny.save_blip(folder))},
    "depth/depth_pro": lambda folder: {"model": str(tiny.save_depth_pro(folder))},
    "cameras/depth_pro": lambda folder: {"model": str(tiny.save_depth_pro(folder))},
}
CASES = [f"{role}/{name}" for role in registry.ROLES for name in registry.names(role)]
CALLS: dict[str, Callable[[Any, list[Frame]], Any]] = {
    "detectors": lambda backend, frames: backend.detect([f.rgb for f in frames]),
    "depth": lambda backend, frames: backend.estimate([f.rgb for f in frames], [f.camera for f in frames]),
    "segmenters": lambda backend, frames: backend.segment(
        [f.rgb for f in frames], [f.detections.boxes_px for f in frames], [f.depth for f in frames]
    ),
    "captioners": lambda backend, frames: backend.describe(frames),
    "cameras": lambda backend, frames: backend.intrinsics(frames),
    "gravity": lambda backend, frames: backend.up(frames),
}


def check(role: str, name: str, result: Any, frame: Frame) -> None:
    """Raise BackendOutputError where `result` is not what the protocol of `role` promises for `frame`."""
    count = len(frame.detections)
    if role == "detectors":
        checks.check_detections(name, result, frame.size_wh)
        assert (np.diff(result.scores) <= 0).all()
        assert all(label == label.lower() for label in result.labels)
    elif role == "depth":
        checks.check_depth(name, result)
        assert np.isfinite(result.depth_m).any()
        assert result.sigma > 0
        assert result.scale_sigma > 0
    elif role == "segmenters":
        checks.check_masks(name, result, count, frame.size_wh)
    elif role == "captioners":
        checks.check_texts(name, result, count)
    elif role == "cameras":
        checks.check_camera(name, result, frame.size_wh)
    elif result is not None:
        checks.check_gravity(name, result)


def frames() -> list[Frame]:
    """Frames of several sizes, all that a stage may read filled in, the last without objects."""
    pictures = [*tiny.pictures()[:3], np.zeros((17, 40, 3), np.uint8)]
    made = [_frame(k, picture) for k, picture in enumerate(pictures)]
    none = make_detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), [], (40, 17))
    return [*made[:-1], replace(made[-1], detections=none, instances=InstanceMap(np.zeros((17, 40), np.int32)))]


def _frame(index: int, picture: np.ndarray) -> Frame:
    height, width = picture.shape[:2]
    boxes = np.array([[2, 3, width / 2, height - 5], [width / 3, 1.5, width, height]], np.float32)
    ids = np.zeros((height, width), np.int32)
    ids[3:-5, 2 : width // 2], ids[10:, width // 2 :] = 1, 2
    rows = np.linspace(4, 1, height, dtype=np.float32)[:, None].repeat(width, 1)
    return Frame(
        image_id=str(index),
        path=str(index),
        original_sha256="",
        rgb=picture,
        camera=Camera(width, width, (width - 1) / 2, (height - 1) / 2),
        depth=DepthMap(rows, "test", 0.02, 0.02),
        detections=make_detections(boxes, np.array([0.9, 0.8], np.float32), ["chair", "table"], (width, height)),
        instances=InstanceMap(ids),
    )


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Any]:
    """Role, name and configuration of a backend, with its weights on this machine."""
    role, name = request.param.split("/")
    if name == "grounding_dino_original":
        pytest.importorskip("groundingdino", reason="an extra", exc_type=ImportError)
    module = registry.load(role, name)
    options = CHECKPOINTS[request.param](tmp_path_factory.mktemp(name)) if request.param in CHECKPOINTS else {}
    config = module.Config(backend=name, **options)
    weights.ensure(module.Backend(config).weights)
    return role, name, config


@pytest.fixture(scope="module")
def backend(case: tuple[str, str, Any]) -> Iterator[Any]:
    role, name, config = case
    made = registry.load(role, name).Backend(config)
    made.setup("cpu")
    yield made
    made.close()


def same(first: Any, second: Any) -> None:
    """Assert that two results are equal, byte for byte."""
    assert pickle.dumps(first) == pickle.dumps(second)


def test_config(case: tuple[str, str, Any]) -> None:
    _, name, config = case
    assert config.backend == name
    assert type(config).model_validate_json(config.model_dump_json()) == config
    with pytest.raises(ValidationError):
        config.backend = "other"
    with pytest.raises(ValidationError, match="no_such_option"):
        type(config)(**config.model_dump(), no_such_option=1)


def test_construction_is_cheap_and_picklable(case: tuple[str, str, Any]) -> None:
    role, name, config = case
    made = pickle.loads(pickle.dumps(registry.load(role, name).Backend(config)))  # noqa: S301
    assert made.version
    assert made.batch_size >= 1
    assert all(weights.sha256(w) for w in made.weights)


def test_results_keep_the_protocol(case: tuple[str, str, Any], backend: Any) -> None:
    role, name, _ = case
    given = [f for f in frames() if role != "captioners" or len(f.detections)]
    results = CALLS[role](backend, given)
    assert len(results) == len(given)
    for result, frame in zip(results, given, strict=True):
        check(role, name, result, frame)
    assert len(CALLS[role](backend, [])) == 0


def test_the_same_again(case: tuple[str, str, Any], backend: Any) -> None:
    role, name, config = case
    given = frames()[:1]
    first = CALLS[role](backend, given)
    same(first, CALLS[role](backend, given))
    another = registry.load(role, name).Backend(config)
    another.setup("cpu")
    another.close()
    another.setup("cpu")
    same(first, CALLS[role](another, given))


def test_inputs_are_left_alone(case: tuple[str, str, Any], backend: Any) -> None:
    given = frames()[:2]
    before = pickle.dumps(given)
    CALLS[case[0]](backend, given)
    assert pickle.dumps(given) == before


def test_results_follow_their_image(case: tuple[str, str, Any], backend: Any) -> None:
    """The k-th result is that of the k-th image, whatever else is in the batch."""
    role = case[0]
    given = frames()[:2]
    forward, backward = CALLS[role](backend, given), CALLS[role](backend, given[::-1])
    for one, other in zip(forward, list(backward)[::-1], strict=True):
        _about_equal(one, other)


def test_models_name_their_licence(case: tuple[str, str, Any], backend: Any) -> None:
    used = backend.models()
    assert bool(used) == bool(backend.weights)
    for use in used:
        assert use.name
        assert use.version
        assert use.license


def test_heavy_packages_wait_for_setup() -> None:
    modules = [registry.load(*c.split("/")).__name__ for c in CASES]
    heavy = ["torch", "transformers", "onnxruntime", "cv2", "onnx", "ray", "open3d"]
    lines = [f"import {', '.join(modules)}, spatialgen.perception.stages", "import sys"]
    lines.append(f"print([m for m in {heavy} if m in sys.modules])")
    run = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def _about_equal(one: Any, other: Any) -> None:
    """Batches of several images may round otherwise than single ones; what is an array is compared as one."""
    if isinstance(one, np.ndarray):
        assert one.shape == other.shape
        assert np.mean(np.isclose(one, other, atol=1e-3, equal_nan=True)) > 0.999
    elif isinstance(one, DepthMap):
        np.testing.assert_allclose(one.depth_m, other.depth_m, rtol=1e-3)
    elif hasattr(one, "boxes_px"):
        np.testing.assert_allclose(one.boxes_px, other.boxes_px, atol=1e-2)
        assert one.labels == other.labels
    elif hasattr(one, "up_camera"):
        np.testing.assert_allclose(one.up_camera, other.up_camera)
    else:
        assert one == other
