"""Scenes survive the way through Arrow, and the schemas say what each column means."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pyarrow as pa
import pytest

from spatialgen import schema
from spatialgen.records import (
    Camera,
    Floor,
    Gravity,
    ModelUse,
    ObjectGeometry,
    ObjectText,
    PairGeometry,
    Reject,
    RejectCode,
    Scale,
    Scene,
    SceneObject,
)


def _object(object_id: str, geometry: ObjectGeometry | None) -> SceneObject:
    return SceneObject(
        object_id=object_id,
        label="mug",
        name=None,
        text=ObjectText("red", None),
        score=0.5,
        box_px=np.array([1, 2, 30, 40], np.float32),
        mask_rle=b"abc\x00",
        pixels=321,
        centroid_px=np.array([15.5, 20.25]),
        cut=("left",),
        visible_share=0.75,
        median_depth_m=2.0,
        nearest_depth_m=1.5,
        depth_sigma_m=0.25,
        geometry=geometry,
    )


def _scene() -> Scene:
    geometry = ObjectGeometry(
        center_m=np.array([0.5, 2.0, 0.25]),
        center_cov_m2=np.diag([0.25, 0.5, 1.0]),
        size_m=np.array([1.0, 0.5, 0.25]),
        size_sigma_m=np.array([0.5, 0.25, 0.125]),
        volume_sigma=0.25,
        yaw_deg=None,
        yaw_sigma_deg=2.0,
        x_interval_m=np.array([0.0, 1.0]),
        width_sigma_m=0.125,
        z_interval_m=np.array([0.0, 0.5]),
        z_sigma_m=np.array([0.125, 0.25]),
        support_id="floor",
        points_m=np.array([[0.001, 2.5, -0.125]], np.float32),
    )
    return Scene(
        image_id="a/b.jpg",
        content_sha256="ab" * 32,
        width=640,
        height=480,
        camera=Camera(600.0, 601.0, 319.5, 239.5),
        gravity=Gravity(np.array([0.0, -1.0, 0.0]), 0.5, "given"),
        forward_defined=True,
        floor=Floor(1.5, 0.125),
        scale=Scale(0.0, "given"),
        depth_source="given",
        depth_sigma=0.0,
        depth_range_m=(1.0, 4.0),
        camera_center_m=np.array([0.0, 0.0, 1.5]),
        objects=(_object("1", geometry), _object("2", None)),
        pairs=(PairGeometry(0, 1, 0.5, 0.25, 0.0, 1.0, float("nan"), 0.125, 0.5),),
        depth_samples=np.array([[1, 2, 3, 0.5]], np.float32),
        free_floor_m=np.zeros((0, 5), np.float32),
        models=(ModelUse("depth", "d", "1", "MIT"),),
    )


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "__slots__"):
        return {name: _plain(getattr(value, name)) for name in value.__slots__}
    return "nan" if isinstance(value, float) and np.isnan(value) else value


def test_scene_round_trip() -> None:
    scene = _scene()
    table = schema.scenes_table([scene, scene])
    assert table.schema.equals(schema.SCENES, check_metadata=True)
    back = schema.scenes_from_table(table)
    assert len(back) == 2
    assert _plain(back[0]) == _plain(scene)


def test_scene_without_gravity_and_floor() -> None:
    scene = dataclasses.replace(_scene(), gravity=None, floor=None, objects=(), pairs=())
    (back,) = schema.scenes_from_table(schema.scenes_table([scene]))
    assert back.gravity is None
    assert back.floor is None
    assert back.objects == ()


@pytest.mark.parametrize("table", [schema.IMAGES, schema.REJECTS, schema.SCENES, schema.QUESTIONS])
def test_every_field_is_documented(table: pa.Schema) -> None:
    assert all(field.metadata and field.metadata.get(b"doc") for field in table)


def test_rejects_rows() -> None:
    table = schema.rejects_table([Reject("i", "read", RejectCode.EMPTY_FILE, "0 bytes")])
    assert table.to_pylist() == [
        {"image_id": "i", "object_id": None, "stage": "read", "code": "empty_file", "detail": "0 bytes"}
    ]


def test_split_is_stable_and_near_its_shares() -> None:
    splits = [schema.split_of(hashlib.sha256(str(i).encode()).hexdigest()) for i in range(5000)]
    assert splits[:3] == [schema.split_of(hashlib.sha256(str(i).encode()).hexdigest()) for i in range(3)]
    assert 0.88 < splits.count("train") / 5000 < 0.92
    assert abs(splits.count("val") - splits.count("test")) < 120
