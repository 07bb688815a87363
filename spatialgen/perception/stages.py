"""The stages of perception: an adapter around a backend for each field of a frame that a source may leave open.

Every stage leaves a frame alone whose field is filled, sets its backend up at the first frame that needs it (so
that given depth, objects and camera run no network at all), keeps order and length, checks what the backend
returned, and writes which models were used into the frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from spatialgen.engine.stage import Resources, Stage
from spatialgen.perception import checks, registry
from spatialgen.perception.duplicates import distinct_boxes, distinct_masks, numbered, take
from spatialgen.perception.instances import SURE_SCORE, match_instances, resolve_overlaps, unsure_yield
from spatialgen.perception.protocols import (
    Backend,
    CameraEstimator,
    Captioner,
    DepthEstimator,
    Detector,
    GravityEstimator,
    Segmenter,
)
from spatialgen.records import I32, U8, Bool, DepthMap, Detections, Frame, InstanceMap, Reject, RejectCode

GPU_SHARE = 0.25  # of one GPU for each stage with a network; placement in `pipelines/` may say otherwise

B = TypeVar("B", bound=Backend)


class BackendConfig(Protocol):
    """What the stages need to know of a backend's configuration: the name of its file."""

    @property
    def backend(self) -> str: ...


class PerceiveConfig(Protocol):
    """The part of the build configuration that names the backends."""

    @property
    def detector(self) -> BackendConfig: ...
    @property
    def depth(self) -> BackendConfig: ...
    @property
    def segmenter(self) -> BackendConfig: ...
    @property
    def captioner(self) -> BackendConfig: ...
    @property
    def camera(self) -> BackendConfig: ...
    @property
    def gravity(self) -> BackendConfig: ...


class BackendStage(Generic[B]):
    """A stage around one backend. Subclasses say which frames need it and how its results enter a frame."""

    name: str
    role: str  # the folder of the backends
    model_role: str  # the key in the configuration, and `ModelUse.role`
    reads: frozenset[str]
    writes: frozenset[str]
    adapter_version = "1"

    def __init__(self, config: BackendConfig, device: str = "cpu") -> None:
        self._backend: B = registry.load(self.role, config.backend).Backend(config)
        self._device = device
        self._is_set_up = False
        self.backend_name = config.backend
        self.version = f"{self.adapter_version}+{config.backend}-{self._backend.version}"
        self.batch_size = self._backend.batch_size
        self.weights = self._backend.weights
        on_gpu = device != "cpu" and self._backend.uses_gpu
        self.resources = Resources(cpus=1.0, gpus=GPU_SHARE if on_gpu else 0.0)

    def setup(self) -> None:
        """Do nothing: the backend is set up at the first frame that needs it."""

    def close(self) -> None:
        """Let go of the backend's weights."""
        if self._is_set_up:
            self._backend.close()
            self._is_set_up = False

    def __call__(self, batch: Sequence[Frame]) -> list[Frame | Reject]:
        """Return the frames of `batch`, in order, with this stage's fields filled."""
        results: list[Frame | Reject] = list(batch)
        needy = [i for i, frame in enumerate(batch) if self.needs(frame)]
        frames = [batch[i] for i in needy]
        for i, frame in zip(needy, self.fill(frames) if frames else [], strict=True):
            results[i] = frame
        return results

    def needs(self, frame: Frame) -> bool:
        """Return whether the source left this stage's field open."""
        raise AssertionError("each stage says which frames need it")

    def fill(self, frames: Sequence[Frame]) -> list[Frame]:
        """Return `frames` with the field filled."""
        raise AssertionError("each stage says how it fills a frame")

    def ready(self) -> B:
        """Return the backend, set up."""
        if not self._is_set_up:
            self._backend.setup(self._device)
            self._is_set_up = True
        return self._backend

    def used(self, frame: Frame, **fields: Any) -> Frame:
        """Return `frame` with `fields` and with the backend's models noted."""
        models = [replace(m, role=self.model_role) for m in self._backend.models()]
        new = tuple(m for m in models if m not in frame.models)
        return replace(frame, models=frame.models + new, **fields)


class CameraStage(BackendStage[CameraEstimator]):
    """Fills the intrinsics."""

    name = "camera"
    role = "cameras"
    model_role = "camera"
    reads = frozenset({"rgb"})
    writes = frozenset({"camera"})

    def needs(self, frame: Frame) -> bool:
        return frame.camera is None

    def fill(self, frames: Sequence[Frame]) -> list[Frame]:
        cameras = self.ready().intrinsics(frames)
        checks.check_length(self.backend_name, cameras, len(frames))
        for frame, camera in zip(frames, cameras, strict=True):
            checks.check_camera(self.backend_name, camera, frame.size_wh)
        return [self.used(f, camera=c) for f, c in zip(frames, cameras, strict=True)]


class DetectStage(BackendStage[Detector]):
    """Fills the detections, one a thing; where the source gave an instance map, those that fit an instance."""

    name = "detect"
    role = "detectors"
    model_role = "detector"
    reads = frozenset({"rgb"})
    writes = frozenset({"detections"})

    def needs(self, frame: Frame) -> bool:
        return frame.detections is None

    def fill(self, frames: Sequence[Frame]) -> list[Frame]:
        found = self.ready().detect([f.rgb for f in frames])
        checks.check_length(self.backend_name, found, len(frames))
        for frame, one in zip(frames, found, strict=True):
            checks.check_detections(self.backend_name, one, frame.size_wh)
        return [self._with_detections(f, d) for f, d in zip(frames, found, strict=True)]

    def _with_detections(self, frame: Frame, found: Detections) -> Frame:
        distinct = take(found, distinct_boxes(found.boxes_px, found.scores, found.labels))
        if frame.instances is None:
            return self.used(frame, detections=numbered(distinct))
        kept, ids = match_instances(frame.instances.ids, distinct.boxes_px)
        return self.used(frame, detections=numbered(take(distinct, kept)), instances=InstanceMap(ids))


class DepthStage(BackendStage[DepthEstimator]):
    """Fills metric depth."""

    name = "depth"
    role = "depth"
    model_role = "depth"
    reads = frozenset({"rgb", "camera"})
    writes = frozenset({"depth"})

    def needs(self, frame: Frame) -> bool:
        return frame.depth is None

    def fill(self, frames: Sequence[Frame]) -> list[Frame]:
        maps = self.ready().estimate([f.rgb for f in frames], [f.camera for f in frames])
        checks.check_length(self.backend_name, maps, len(frames))
        for depth in maps:
            checks.check_depth(self.backend_name, depth)
        return [self.used(f, depth=d) for f, d in zip(frames, maps, strict=True)]


class SegmentStage(BackendStage[Segmenter]):
    """Fills the instance map. An object left without a pixel goes with everything of its own, and a reject."""

    name = "segment"
    role = "segmenters"
    model_role = "segmenter"
    reads = frozenset({"rgb", "detections", "depth"})
    writes = frozenset({"instances", "detections"})

    def needs(self, frame: Frame) -> bool:
        return frame.instances is None

    def fill(self, frames: Sequence[Frame]) -> list[Frame]:
        usable = [_with_usable_boxes(f) for f in frames]
        prompted = [f for f in usable if len(_detections(f))]
        masks = iter(self._masks(prompted) if prompted else [])
        return [self._owned(f, next(masks)) if len(_detections(f)) else _nobody(f) for f in usable]

    def _masks(self, frames: Sequence[Frame]) -> list[Bool]:
        images: list[U8] = [f.rgb for f in frames]
        boxes = [_detections(f).boxes_px for f in frames]
        masks = self.ready().segment(images, boxes, [_depth(f) for f in frames])
        checks.check_length(self.backend_name, masks, len(frames))
        for frame, one in zip(frames, masks, strict=True):
            checks.check_masks(self.backend_name, one, len(_detections(frame)), frame.size_wh)
        return masks

    def _owned(self, frame: Frame, masks: Bool) -> Frame:
        found = _detections(frame)
        distinct = np.arange(len(found), dtype=np.int32)
        if any(m.role == DetectStage.model_role for m in frame.models):
            distinct = distinct_masks(masks, found.scores)
        owners = resolve_overlaps(unsure_yield(masks[distinct], found.scores[distinct]), _depth(frame))
        gone = np.setdiff1d(distinct, distinct[owners.kept])
        sure = [int(i) for i in gone if found.scores[i] >= SURE_SCORE]  # others were perhaps never there
        rejects = tuple(_no_pixels(frame, found.object_ids[i], self.backend_name) for i in sure)
        narrowed = _narrowed(frame, distinct[owners.kept])
        return self.used(narrowed, instances=owners.map, object_rejects=frame.object_rejects + rejects)


class DescribeStage(BackendStage[Captioner]):
    """Fills the words for each object."""

    name = "describe"
    role = "captioners"
    model_role = "captioner"
    reads = frozenset({"rgb", "detections", "instances"})
    writes = frozenset({"texts"})

    def needs(self, frame: Frame) -> bool:
        return frame.texts is None

    def fill(self, frames: Sequence[Frame]) -> list[Frame]:
        peopled = [f for f in frames if len(_detections(f))]
        texts = self.ready().describe(peopled) if peopled else []
        checks.check_length(self.backend_name, texts, len(peopled))
        for frame, words in zip(peopled, texts, strict=True):
            checks.check_texts(self.backend_name, words, len(_detections(frame)))
        said = iter(texts)
        return [self.used(f, texts=next(said)) if len(_detections(f)) else replace(f, texts=()) for f in frames]


class GravityStage(BackendStage[GravityEstimator]):
    """Fills a prior of the up direction where the source gave none; it may stay open."""

    name = "gravity"
    role = "gravity"
    model_role = "gravity"
    reads = frozenset({"rgb", "camera", "depth"})
    writes = frozenset({"gravity"})

    def needs(self, frame: Frame) -> bool:
        return frame.up_camera is None and frame.gravity is None

    def fill(self, frames: Sequence[Frame]) -> list[Frame]:
        priors = self.ready().up(frames)
        checks.check_length(self.backend_name, priors, len(frames))
        for prior in priors:
            if prior is not None:
                checks.check_gravity(self.backend_name, prior)
        return [f if p is None else self.used(f, gravity=p) for f, p in zip(frames, priors, strict=True)]


def build_stages(perceive: PerceiveConfig, device: str = "cpu") -> list[Stage]:
    """Return the stages of perception in their order, without the lift. Raises ConfigError on a wrong name."""
    return [
        CameraStage(perceive.camera, device),
        DetectStage(perceive.detector, device),
        DepthStage(perceive.depth, device),
        SegmentStage(perceive.segmenter, device),
        DescribeStage(perceive.captioner, device),
        GravityStage(perceive.gravity, device),
    ]


def _with_usable_boxes(frame: Frame) -> Frame:
    """Drop the objects whose given box cannot prompt a segmenter; detectors' boxes are checked already."""
    found = _detections(frame)
    width, height = frame.size_wh
    boxes = np.clip(found.boxes_px, 0, np.array([width, height, width, height], np.float32))
    usable = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    rejects = tuple(_no_box(frame, found.object_ids[i]) for i in np.flatnonzero(~usable))
    clipped = replace(frame, detections=replace(found, boxes_px=boxes))
    narrowed = _narrowed(clipped, np.flatnonzero(usable).astype(np.int32))
    return replace(narrowed, object_rejects=frame.object_rejects + rejects)


def _narrowed(frame: Frame, kept: I32) -> Frame:
    """Return `frame` with the objects at `kept` only, in every field that is parallel to the detections."""
    texts = None if frame.texts is None else tuple(frame.texts[int(i)] for i in kept)
    return replace(frame, detections=take(_detections(frame), kept), texts=texts)


def _nobody(frame: Frame) -> Frame:
    width, height = frame.size_wh
    return replace(frame, instances=InstanceMap(np.zeros((height, width), np.int32)))


def _no_pixels(frame: Frame, object_id: str, backend: str) -> Reject:
    detail = f"{backend} found no pixel of its own for this object"
    return Reject(frame.image_id, "segment", RejectCode.BAD_OBJECT, detail, object_id)


def _no_box(frame: Frame, object_id: str) -> Reject:
    detail = "neither an instance map nor a box inside the image says where this object is"
    return Reject(frame.image_id, "segment", RejectCode.BAD_OBJECT, detail, object_id)


def _detections(frame: Frame) -> Detections:
    if frame.detections is None:
        raise AssertionError(f"{frame.image_id}: a stage that reads detections ran before they were made")
    return frame.detections


def _depth(frame: Frame) -> DepthMap:
    if frame.depth is None:
        raise AssertionError(f"{frame.image_id}: a stage that reads depth ran before it was made")
    return frame.depth
