"""True answers about one thing: section C of spec/question-types.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from spatialgen.records import Bool
from spatialgen.testing.truth.answer import Answer, silent, untold
from spatialgen.testing.truth.pairs import bearing_deg, camera_distance_m, hour_of, longest_m, width_m
from spatialgen.testing.truth.scene import TrueObject, TrueScene

SingleTruth = Callable[[TrueScene, TrueObject], Answer]


def _box_3d(scene: TrueScene, item: TrueObject) -> Answer:
    box = item.box
    yaw = np.nan if box.yaw_deg is None else box.yaw_deg
    values = (*(float(c) for c in box.center_m), box.length_m, box.width_m, box.height_m, float(yaw))
    return Answer(0.0, values=values)


def _facing(scene: TrueScene, item: TrueObject) -> Answer:
    """The sector of the front, 0 away, 1 right, 2 towards the viewer, 3 left, from ahead and from the line of sight."""
    if item.front is None:
        return untold("shapes do not say which side is the front")
    ahead = float(np.degrees(np.arctan2(item.front[0], item.front[1])))
    turns = [ahead, ahead - bearing_deg(scene, item)]
    sectors = {round(turn / 90) % 4 for turn in turns}
    margin = min(45 - abs((turn + 45) % 90 - 45) for turn in turns)
    if len(sectors) > 1:
        return silent("it depends on whether away is along the line of sight")
    return Answer(float(sectors.pop()), margin, 10.0)


WHOLE: dict[str, SingleTruth] = {
    "width": lambda scene, item: Answer(width_m(item)),
    "length": lambda scene, item: Answer(item.box.length_m),
    "height": lambda scene, item: Answer(item.box.height_m),
    "longest_side": lambda scene, item: Answer(longest_m(item)),
    "volume": lambda scene, item: Answer(item.box.volume_m3),
    "height_above_floor": lambda scene, item: Answer(abs(item.z_interval_m[0])),
    "top_height": lambda scene, item: Answer(item.z_interval_m[1]),
    "distance_to_camera": lambda scene, item: Answer(camera_distance_m(scene, item)),
    "bearing_from_camera": lambda scene, item: Answer(bearing_deg(scene, item)),
    "clock_from_camera": lambda scene, item: hour_of(bearing_deg(scene, item)),
    "box_3d": _box_3d,
    "facing": _facing,
}
"""Types about the whole thing, hidden parts included."""

NEED_FORWARD = frozenset({"width", "bearing_from_camera", "clock_from_camera", "box_3d", "facing"})


def _third(scene: TrueScene, mask: Bool) -> Answer:
    centroid = float(np.nonzero(mask)[1].mean()) + 0.5
    return Answer(float(min(int(3 * centroid / mask.shape[1]), 2)))


def box_on_grid(mask: Bool) -> tuple[float, ...]:
    """Return the box of a mask (H, W), four integers 0..999 of the square-padded picture."""
    height, width = mask.shape
    v, u = np.nonzero(mask)
    side = max(height, width)
    pad_x, pad_y = (side - width) // 2, (side - height) // 2
    edges = (u.min() + pad_x, v.min() + pad_y, u.max() + 1 + pad_x, v.max() + 1 + pad_y)
    return tuple(float(min(999, int(1000 * edge / side))) for edge in edges)


def _nearest_depth(scene: TrueScene, mask: Bool) -> Answer:
    depth = _valid_depth(scene, mask)
    return untold("no depth reading") if depth is None else Answer(float(np.percentile(depth, 2)))


def _relative_depth(scene: TrueScene, mask: Bool) -> Answer:
    depth = _valid_depth(scene, mask)
    everything = _valid_depth(scene, np.ones_like(mask))
    if depth is None or everything is None:
        return untold("no depth reading")
    z1, z99 = np.percentile(everything, [1, 99])
    return Answer(float(np.clip((np.median(depth) - z1) / (z99 - z1), 0, 1)))


def _valid_depth(scene: TrueScene, mask: Bool) -> Any:
    if scene.depth_m is None:
        return None
    depth = scene.depth_m[mask]
    depth = depth[np.isfinite(depth) & (depth > 0)]
    return depth.astype(np.float64) if depth.size else None


VISIBLE: dict[str, Callable[[TrueScene, Bool], Answer]] = {
    "nearest_depth": _nearest_depth,
    "relative_depth": _relative_depth,
    "image_third": _third,
    "image_coverage": lambda scene, mask: Answer(float(mask.mean())),
    "box_2d": lambda scene, mask: Answer(0.0, values=box_on_grid(mask)),
}
"""Types about what is seen of a thing."""


def single_answer(scene: TrueScene, question_type: str, item: TrueObject) -> Answer:
    """Return the true answer of a type about one thing. Raises KeyError on another type."""
    if question_type in NEED_FORWARD and not scene.forward_defined:
        return silent("the camera looks straight up or down, so forward is undefined")
    if question_type in WHOLE:
        return WHOLE[question_type](scene, item)
    if scene.ids is None:
        return untold("no exact picture")
    mask = scene.ids == int(item.object_id)
    return VISIBLE[question_type](scene, mask) if mask.any() else silent("not a pixel of it is seen")


def depth_at_point(scene: TrueScene, params: Mapping[str, Any]) -> Answer:
    """Return the true z-depth at the pixel that `params["point_px"]` (u, v) names, nearest."""
    if scene.depth_m is None:
        return untold("no exact picture")
    u, v = params["point_px"]
    row, column = round(float(v)), round(float(u))
    depth = float(scene.depth_m[row, column])
    return Answer(depth) if np.isfinite(depth) and depth > 0 else silent("no depth there")
