"""Whole objects, estimated all at once."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from spatialgen.geometry.boxes import Rectangle
from spatialgen.geometry.clouds import Cloud, object_clouds
from spatialgen.geometry.crops import bounds_of, crop_object, lay_out
from spatialgen.geometry.estimate import estimate_wholes
from spatialgen.geometry.frames import View, canonical_from_camera
from spatialgen.geometry.kinds import with_hidden_back
from spatialgen.geometry.surfaces import seen_through
from spatialgen.geometry.whole import Whole
from spatialgen.testing.frames import to_frame
from spatialgen.testing.render import render
from spatialgen.testing.scenes import sample_scene


def seen(seed: int, edge_sigma_px: float) -> tuple[list[Cloud], View, np.ndarray]:
    """The clouds of a furnished room's objects, the view and the depth map."""
    scene = sample_scene(seed)
    frame = to_frame(scene, render(scene))
    assert frame.camera is not None
    assert frame.depth is not None
    assert frame.instances is not None
    assert frame.up_camera is not None
    depth, ids = frame.depth.depth_m, frame.instances.ids
    view = View(frame.camera, canonical_from_camera(np.asarray(frame.up_camera, np.float64)), 1.5)
    bounds = bounds_of(ids, int(ids.max()))
    crops = [crop_object(depth, ids, k + 1, window) for k, window in enumerate(bounds) if window is not None]
    found = object_clouds(lay_out(crops), view, edge_sigma_px=edge_sigma_px)
    return [cloud for cloud in found if cloud is not None], view, depth


@pytest.mark.parametrize("edge_sigma_px", [0.0, 0.6])
@pytest.mark.parametrize("seed", range(4))
def test_objects_are_estimated_together_as_each_alone(seed: int, edge_sigma_px: float) -> None:
    clouds, view, depth = seen(seed, edge_sigma_px)
    eye = np.array([0.0, 0.0, view.height_m])
    ways = [None if k == 0 else lambda points: seen_through(points, view, depth, 0.01) for k in range(len(clouds))]
    together = estimate_wholes(clouds, [0.15] * len(clouds), eye, 0.01, ways)
    assert len(together) == len(clouds) > 1
    for cloud, way, whole in zip(clouds, ways, together, strict=True):
        (alone,) = estimate_wholes([cloud], [0.15], eye, 0.01, [way])
        assert (whole.kind, whole.low_state) == (alone.kind, alone.low_state)
        np.testing.assert_allclose(whole.rectangle.center_m, alone.rectangle.center_m, rtol=1e-9)
        np.testing.assert_allclose(whole.rectangle.half_m, alone.rectangle.half_m, rtol=1e-9)
        for field in fields(whole):
            if field.name not in ("kind", "low_state", "rectangle"):
                np.testing.assert_allclose(getattr(whole, field.name), getattr(alone, field.name), rtol=1e-9)


def test_nothing_seen_is_nothing_estimated() -> None:
    assert estimate_wholes([], [], np.zeros(3), 0.01, []) == []


@pytest.mark.parametrize("side_sigma_m", [0.0, 0.17])
def test_a_back_is_looked_for_where_a_seat_seems_to_be_and_not_only_where_it_may_reach(side_sigma_m: float) -> None:
    """What covers it hides the footprint as it is; around it one sees through."""
    half = np.array([0.25, 0.21])
    box = Rectangle(np.array([0.0, 2.5]), np.array([1.0, 0.0]), half)
    seat = Whole(
        kind="box",
        rectangle=box,
        outline_m=box.corners_m,
        x_m=np.array([-0.25, 0.25]),
        z_m=np.array([0.0, 0.44]),
        side_sigma_m=np.full(4, side_sigma_m),
        x_sigma_m=np.full(2, side_sigma_m),
        z_sigma_m=np.zeros(2),
        low_state="seen",
    )

    def through(points_m: np.ndarray) -> np.ndarray:
        return (np.abs(points_m[:2].T - box.center_m) > half + 0.01).any(axis=1)

    assert with_hidden_back(seat, "chair", through).z_sigma_m[1] > 0.1
    assert with_hidden_back(seat, "table", through) is seat
    assert with_hidden_back(seat, "chair", lambda points: np.ones(points.shape[1], bool)) is seat
