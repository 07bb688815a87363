"""Whole objects, estimated all at once."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from spatialgen.geometry.clouds import Cloud, object_clouds
from spatialgen.geometry.crops import bounds_of, crop_object, lay_out
from spatialgen.geometry.estimate import estimate_wholes
from spatialgen.geometry.frames import View, canonical_from_camera
from spatialgen.geometry.surfaces import seen_through
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
