"""The visible surfaces of all objects of a frame, made in one go."""

from dataclasses import fields

import numpy as np
import pytest

from spatialgen.geometry.camera import depth_on_image_grid
from spatialgen.geometry.clouds import Cloud, object_clouds
from spatialgen.geometry.crops import Crop, bounds_of, crop_object, lay_out
from spatialgen.geometry.frames import View, canonical_from_camera
from spatialgen.geometry.masks import EdgeQuality, restored
from spatialgen.testing.degrade import Degradation, degrade
from spatialgen.testing.frames import to_frame
from spatialgen.testing.render import render
from spatialgen.testing.scenes import sample_scene


def crops_and_view(seed: int, how: Degradation) -> tuple[list[Crop], View]:
    scene = sample_scene(seed)
    frame = to_frame(scene, degrade(render(scene, shadows=False), how, seed), how)
    assert frame.depth is not None
    assert frame.instances is not None
    ids, depth = frame.instances.ids, depth_on_image_grid(frame.depth.depth_m, 640, 480)
    found = enumerate(bounds_of(ids, int(ids.max())), start=1)
    crops = [crop_object(depth, ids, owner, bounds) for owner, bounds in found if bounds is not None]
    return crops, View(scene.view.camera, canonical_from_camera(scene.view.up_camera), 1.4)


def arrays(cloud: Cloud | None) -> list[object]:
    if cloud is None:
        return []
    own = [getattr(cloud, field.name) for field in fields(cloud) if field.name != "rim"]
    return own + [getattr(cloud.rim, field.name) for field in fields(cloud.rim)]


@pytest.mark.parametrize(
    ("how", "quality", "look_px"),
    [
        (Degradation(), EdgeQuality(), 1),
        (Degradation(flying_px=2, holes=0.05), EdgeQuality(bleeds=True), 9),
        (Degradation(mask_px=-2), EdgeQuality(offset_px=2), 3),
    ],
)
def test_every_object_is_as_it_would_be_alone(how: Degradation, quality: EdgeQuality, look_px: int) -> None:
    crops, view = crops_and_view(4, how)
    assert any(not 0 < c.u0 < 639 - c.mask.shape[1] or not 0 < c.v0 < 479 - c.mask.shape[0] for c in crops)
    crops = [restored(crop, quality) for crop in crops]
    together = object_clouds(lay_out(crops), view, look_px, 0.01)
    assert sum(cloud is not None for cloud in together) >= 3
    for crop, cloud in zip(crops, together, strict=True):
        (alone,) = object_clouds(lay_out([crop]), view, look_px, 0.01)
        for a, b in zip(arrays(alone), arrays(cloud), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_frame_without_objects_has_no_surfaces() -> None:
    _, view = crops_and_view(4, Degradation())
    assert object_clouds(lay_out([]), view) == []
