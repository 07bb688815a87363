"""Given objects and given instance maps, brought together as detections and a map of who owns each pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spatialgen.records import F32, F64, I32, Detections, InstanceMap, RejectCode
from spatialgen.sources.fault import Fault
from spatialgen.sources.manifest import ManifestObject

ObjectFaults = list[tuple[str, Fault]]
_COUNTED = 65_535


def number_instances(
    ids: I32, objects: Sequence[ManifestObject]
) -> tuple[list[ManifestObject], InstanceMap, ObjectFaults]:
    """Return the objects that the map `ids` (H, W) shows, the map with k + 1 for the k-th, and the others' faults.

    Ids without an entry follow as values above the number of objects: unnamed things.
    """
    small, values = _compact(ids)
    present = set(values.tolist()) - {0}
    kept = [o for o in objects if o.map_value in present]
    faults = [(o.object_id, _not_in_map(o)) for o in objects if o.map_value not in present]
    numbers = {o.map_value: k + 1 for k, o in enumerate(kept)}
    for value in sorted(present - numbers.keys()):
        numbers[value] = len(numbers) + 1
    lookup = np.array([numbers.get(v, 0) for v in values.tolist()], np.int32)
    return kept, InstanceMap(lookup[small]), faults


def _compact(ids: I32) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Return for each pixel the place of its id among the sorted distinct ids, and those.

    Counting is ten times faster than sorting where the ids are those of 16-bit maps, as they mostly are.
    """
    if int(ids.max(initial=0)) > _COUNTED:
        values, places = np.unique(ids, return_inverse=True)
        return places.reshape(ids.shape), values
    seen = np.bincount(ids.ravel()) > 0
    return (np.cumsum(seen) - 1)[ids], np.flatnonzero(seen)


def detections_of(objects: Sequence[ManifestObject], boxes_px: F32) -> Detections:
    """Return `objects` as detections with `boxes_px` (N, 4)."""
    return Detections(
        boxes_px=boxes_px.reshape(-1, 4),
        scores=np.ones(len(objects), np.float32),
        labels=tuple(o.label for o in objects),
        object_ids=tuple(o.object_id for o in objects),
        names=tuple(o.name for o in objects),
        fronts=_fronts(objects),
    )


def _fronts(objects: Sequence[ManifestObject]) -> F64 | None:
    if all(o.front_camera is None for o in objects):
        return None
    return np.array([o.front_camera or (np.nan, np.nan, np.nan) for o in objects], np.float64)


def mask_boxes(objects: Sequence[ManifestObject], instances: InstanceMap) -> F32:
    """Return the boxes (N, 4) of `objects`: as given, else the bounds of their masks; edge coordinates."""
    height, width = instances.ids.shape
    slices = ndimage.find_objects(instances.ids, max_label=len(objects)) if objects else []  # 0 would mean all
    bounds = [(s[1].start, s[0].start, s[1].stop, s[0].stop) for s in slices if s is not None]
    given = [clipped(o, width, height) for o in objects]
    return np.array([g or b for g, b in zip(given, bounds, strict=True)], np.float32).reshape(-1, 4)


def boxed(objects: Sequence[ManifestObject], width: int, height: int) -> tuple[list[ManifestObject], F32, ObjectFaults]:
    """Return the objects whose box can prompt a segmenter, their boxes (N, 4), and the others' faults."""
    boxes = [clipped(o, width, height) for o in objects]
    kept = [o for o, box in zip(objects, boxes, strict=True) if box]
    faults = [(o.object_id, _nowhere(o)) for o, box in zip(objects, boxes, strict=True) if not box]
    return kept, np.array([box for box in boxes if box], np.float32).reshape(-1, 4), faults


def clipped(item: ManifestObject, width: int, height: int) -> tuple[float, float, float, float] | None:
    """Return the object's box cut at the image's borders; None without a box, or when nothing of it is inside."""
    if item.box_px is None:
        return None
    x0, y0, x1, y1 = item.box_px
    x0, y0, x1, y1 = max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height))
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _not_in_map(item: ManifestObject) -> Fault:
    return Fault(RejectCode.OBJECT_NOT_IN_MAP, f"no pixel of the instance map has the id {item.object_id}")


def _nowhere(item: ManifestObject) -> Fault:
    if item.box_px is None:
        return Fault(RejectCode.BAD_OBJECT, "neither an instance map nor a `box` says where it is")
    return Fault(RejectCode.BAD_OBJECT, f"its box {list(item.box_px)} lies outside the image")
