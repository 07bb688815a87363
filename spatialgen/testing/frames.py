"""Analytic scenes as frames in memory, as the RGB-D source would read them."""

from __future__ import annotations

import numpy as np

from spatialgen.records import F64, DepthMap, Detections, Frame, InstanceMap, ObjectText
from spatialgen.seeding import key_digest
from spatialgen.testing.degrade import EXACT, Degradation
from spatialgen.testing.render import Rendered
from spatialgen.testing.scenes import AnalyticObject, AnalyticScene


def to_frame(scene: AnalyticScene, picture: Rendered, how: Degradation = EXACT) -> Frame:
    """Return the frame of a (spoiled) picture with depth, masks, labels, and camera and up where `how` gives them.

    Objects without a pixel in the instance map are left out; object ids are those of the scene, as text.
    """
    seen = set(np.unique(picture.ids).tolist())
    listed = [item for item in scene.objects if item.object_id in seen]
    digest = key_digest(scene.scene_id).hex()
    return Frame(
        image_id=scene.scene_id,
        path=scene.scene_id,
        original_sha256=digest,
        rgb=picture.rgb,
        camera=scene.view.camera if how.give_camera else None,
        up_camera=scene.view.up_camera if how.give_up else None,
        depth=DepthMap(picture.depth_m, source="given"),
        detections=_detections(scene, listed, picture),
        instances=_instances(listed, picture),
        texts=tuple(ObjectText(color=item.color) for item in listed),
    )


def _detections(scene: AnalyticScene, listed: list[AnalyticObject], picture: Rendered) -> Detections:
    boxes = np.zeros((len(listed), 4), dtype=np.float32)
    for row, item in enumerate(listed):
        v, u = np.nonzero(picture.ids == item.object_id)
        boxes[row] = u.min(), v.min(), u.max() + 1, v.max() + 1
    return Detections(
        boxes_px=boxes,
        scores=np.ones(len(listed), dtype=np.float32),
        labels=tuple(item.label for item in listed),
        object_ids=tuple(str(item.object_id) for item in listed),
        names=tuple(item.name for item in listed),
        fronts=np.array([_front(scene, item) for item in listed], np.float64).reshape(-1, 3),
    )


def _front(scene: AnalyticScene, item: AnalyticObject) -> F64:
    return np.full(3, np.nan) if item.front is None else scene.view.in_camera(item.front)


def _instances(listed: list[AnalyticObject], picture: Rendered) -> InstanceMap:
    table = np.zeros(int(picture.ids.max(initial=0)) + 1, dtype=np.int32)
    for row, item in enumerate(listed):
        table[item.object_id] = row + 1
    return InstanceMap(table[picture.ids])
