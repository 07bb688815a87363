"""The tables of a build: explicit, versioned Arrow schemas, and the way from records to rows and back.

Every field carries its meaning in its metadata (`doc`). `SCHEMA_VERSION` is part of every fingerprint: raise it
whenever a column changes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from spatialgen.records import (
    Camera,
    Floor,
    Gravity,
    ModelUse,
    ObjectGeometry,
    ObjectText,
    PairGeometry,
    Reject,
    Scale,
    Scene,
    SceneObject,
)

SCHEMA_VERSION = "1"


def _field(name: str, type_: pa.DataType, doc: str, nullable: bool = False) -> pa.Field:
    return pa.field(name, type_, nullable=nullable, metadata={"doc": doc})


def _schema(table: str, fields: Sequence[pa.Field], features: dict[str, Any] | None = None) -> pa.Schema:
    metadata = {"spatialgen.table": table, "spatialgen.schema_version": SCHEMA_VERSION}
    if features is not None:
        metadata["huggingface"] = json.dumps({"info": {"features": features}}, sort_keys=True)
    return pa.schema(list(fields), metadata=metadata)


_F32_LIST = pa.list_(pa.float32())
_NAMES = pa.dictionary(pa.int32(), pa.string())

IMAGES = _schema(
    "images",
    [
        _field("image_id", pa.string(), "the source's id: manifest id, or path relative to the source"),
        _field(
            "image",
            pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())]),
            "the upright picture without location metadata; bytes is null where images are kept by reference",
            nullable=True,  # never null, but `datasets` takes only a nullable column for pictures
        ),
        _field("width", pa.int32(), "pixels, upright"),
        _field("height", pa.int32(), "pixels, upright"),
        _field("content_sha256", pa.string(), "sha256 of the file as it was found, hexadecimal"),
    ],
    {
        "image_id": {"dtype": "string", "_type": "Value"},
        "image": {"_type": "Image"},
        "width": {"dtype": "int32", "_type": "Value"},
        "height": {"dtype": "int32", "_type": "Value"},
        "content_sha256": {"dtype": "string", "_type": "Value"},
    },
)

REJECTS = _schema(
    "rejects",
    [
        _field("image_id", pa.string(), "the record"),
        _field("object_id", pa.string(), "the object, where only one object was left out", True),
        _field("stage", pa.string(), "where it happened"),
        _field("code", pa.string(), "why: a value of spatialgen.records.RejectCode"),
        _field("detail", pa.string(), "what exactly"),
    ],
)

_GEOMETRY = pa.struct(
    [
        _field("center_m", _F32_LIST, "(3,) centre of the upright box, canonical frame"),
        _field("center_cov_m2", _F32_LIST, "(9,) its covariance, row by row"),
        _field("size_m", _F32_LIST, "(3,) length >= width, height"),
        _field("size_sigma_m", _F32_LIST, "(3,) one-sigma errors of the sizes"),
        _field("volume_sigma", pa.float32(), "relative one-sigma error of the box's volume"),
        _field("yaw_deg", pa.float32(), "[0, 180), +x to the length axis, counter-clockwise from above", True),
        _field("yaw_sigma_deg", pa.float32(), "one-sigma error"),
        _field("x_interval_m", _F32_LIST, "(2,) min and max x of the whole object"),
        _field("width_sigma_m", pa.float32(), "one-sigma error of the lateral interval's length"),
        _field("z_interval_m", _F32_LIST, "(2,) bottom and top"),
        _field("z_sigma_m", _F32_LIST, "(2,) their one-sigma errors"),
        _field("support_id", pa.string(), "what it stands on: an object id, or floor", True),
        _field("points_mm", pa.list_(pa.int16()), "(3 P,) visible surface points, canonical, millimetres"),
        _field("facing_deg", pa.float32(), "where its front points: [0, 360), clockwise from forward", True),
        _field("facing_sigma_deg", pa.float32(), "one-sigma error"),
    ]
)

_OBJECT = pa.struct(
    [
        _field("object_id", pa.string(), "unique in the image"),
        _field("label", pa.string(), "class name, lower case"),
        _field("name", pa.string(), "the words given for it", True),
        _field("color", pa.string(), "dominant colour", True),
        _field("caption", pa.string(), "what a captioner said", True),
        _field("score", pa.float32(), "detector's confidence; 1 where given"),
        _field("box_px", _F32_LIST, "(4,) bounds of the visible mask, edge coordinates [x0, y0, x1, y1)"),
        _field("mask_rle", pa.binary(), "visible mask, COCO compressed counts of size (height, width)"),
        _field("pixels", pa.int32(), "visible pixels"),
        _field("centroid_px", _F32_LIST, "(2,) u, v of the visible mask"),
        _field("cut", pa.list_(pa.string()), "image borders that cut it"),
        _field("visible_share", pa.float32(), "estimated share of its silhouette that nothing hides"),
        _field("median_depth_m", pa.float32(), "median z-depth of the visible pixels"),
        _field("nearest_depth_m", pa.float32(), "2nd percentile of the visible z-depth"),
        _field("depth_sigma_m", pa.float32(), "one-sigma error of the two depths, scale aside"),
        _field("geometry", _GEOMETRY, "the whole object; null where it cannot be told", True),
    ]
)

_PAIR = pa.struct(
    [
        _field("a", pa.int16(), "index of A in objects"),
        _field("b", pa.int16(), "index of B in objects"),
        _field("gap_m", pa.float32(), "smallest distance between the whole surfaces"),
        _field("gap_sigma_m", pa.float32(), "its one-sigma error"),
        _field("inside_ab", pa.float32(), "share of A's footprint inside B's"),
        _field("inside_ba", pa.float32(), "share of B's footprint inside A's"),
        _field("rest_ab_m", pa.float32(), "A's bottom minus B's surface under A; NaN where footprints are apart"),
        _field("rest_ba_m", pa.float32(), "B's bottom minus A's surface under B; NaN where footprints are apart"),
        _field("rest_sigma_m", pa.float32(), "one-sigma error of the two"),
    ]
)

_MODEL = pa.struct(
    [
        _field("role", pa.string(), "what it was used for"),
        _field("name", pa.string(), "its name in the model list"),
        _field("version", pa.string(), "revision, or sha256 of the weights"),
        _field("license", pa.string(), "licence of the weights"),
    ]
)

SCENES = _schema(
    "scenes",
    [
        _field("image_id", pa.string(), "the source's id"),
        _field("content_sha256", pa.string(), "sha256 of the file as it was found, hexadecimal"),
        _field("width", pa.int32(), "pixels, upright"),
        _field("height", pa.int32(), "pixels, upright"),
        _field("camera_K", pa.list_(pa.float64()), "(4,) fx, fy, cx, cy in pixels; centres at integers"),
        _field("camera_source", _NAMES, "given, exif, or the estimator"),
        _field("camera_sigma", pa.float32(), "relative one-sigma error of the focal length"),
        _field("gravity_camera", pa.list_(pa.float64()), "(3,) unit vector up in OpenCV camera axes", True),
        _field("gravity_source", _NAMES, "given, floor, vertical_structure, prior", True),
        _field("gravity_sigma_deg", pa.float32(), "one-sigma error, degrees", True),
        _field("forward_defined", pa.bool_(), "false where the optical axis is within 15 degrees of vertical"),
        _field("camera_height_m", pa.float32(), "camera above the floor, where a floor was found", True),
        _field("floor_sigma_m", pa.float32(), "its one-sigma error", True),
        _field("scale_sigma", pa.float32(), "relative one-sigma error common to all lengths"),
        _field("scale_source", _NAMES, "where the metric scale comes from"),
        _field("depth_source", _NAMES, "sensor or model"),
        _field("depth_sigma", pa.float32(), "relative one-sigma error of single readings"),
        _field("depth_range_m", _F32_LIST, "(2,) 1st and 99th percentile of the valid z-depth"),
        _field("camera_center_m", _F32_LIST, "(3,) camera centre in the canonical frame"),
        _field("objects", pa.list_(_OBJECT), "what was found"),
        _field("pairs", pa.list_(_PAIR), "pairs of objects that have a geometry"),
        _field("depth_samples", _F32_LIST, "(4 D,) u px, v px, z-depth m, sigma m"),
        _field("free_floor_m", _F32_LIST, "(5 F,) x m, y m, clear radius m, u px, v px"),
        _field("models", pa.list_(_MODEL), "the models behind it"),
    ],
)

QUESTIONS = _schema(
    "questions",
    [
        _field("qa_id", pa.string(), "hash of image, type, subjects, form, params and template"),
        _field("image_id", pa.string(), "the source's id; joins with images and scenes"),
        _field("question", pa.string(), "what is asked"),
        _field("answer", pa.string(), "the right answer, in words"),
        _field("question_type", pa.string(), "see spec: what is measured"),
        _field("form", pa.string(), "open, yes_no, choice, multiple_choice, true_false, ..."),
        _field("subjects", pa.list_(pa.string()), "object ids in the order of the definition"),
        _field("status", pa.string(), "decided, same (about the same), unknown (cannot be told)"),
        _field("answer_value", pa.float64(), "the fact, unrounded", True),
        _field("answer_values", pa.list_(pa.float64()), "the fact, where one number does not do", True),
        _field("answer_unit", pa.string(), "m, m3, deg, hour, ratio, count, index, px1000, none"),
        _field("sigma", pa.float64(), "one-sigma error of the fact (of the deciding difference)", True),
        _field("params", pa.string(), "JSON with sorted keys: the point, the rank, the label asked for"),
        _field("template_id", pa.string(), "the wording"),
        _field("seed_key", pa.uint64(), "key of this row's random choices"),
        _field("content_sha256", pa.string(), "sha256 of the image's file, hexadecimal"),
        _field("split", pa.string(), "train, val or test: by the image's content, stable across builds"),
    ],
)


def split_of(content_sha256: str) -> str:
    """Return "train" (90 %), "val" or "test" (5 % each) for an image, by its content alone."""
    bucket = int(content_sha256[:8], 16) % 100
    return "test" if bucket < 5 else "val" if bucket < 10 else "train"


def rejects_table(rejects: Sequence[Reject]) -> pa.Table:
    """Return the rows of `REJECTS` for `rejects`, in order."""
    rows = [
        {
            "image_id": r.image_id,
            "object_id": r.object_id,
            "stage": r.stage,
            "code": r.code.value,
            "detail": r.detail,
        }
        for r in rejects
    ]
    return pa.Table.from_pylist(rows, schema=REJECTS)


def scenes_table(scenes: Sequence[Scene]) -> pa.Table:
    """Return the rows of `SCENES` for `scenes`, in order."""
    return pa.Table.from_pylist([_scene_row(s) for s in scenes], schema=SCENES)


def scenes_from_table(table: pa.Table | pa.RecordBatch) -> list[Scene]:
    """Return the scenes of a table with the columns of `SCENES`. Round trip: float32 where the schema says so."""
    return [_scene(row) for row in table.to_pylist()]


def _scene_row(s: Scene) -> dict[str, Any]:
    gravity, floor = s.gravity, s.floor
    return {
        "image_id": s.image_id,
        "content_sha256": s.content_sha256,
        "width": s.width,
        "height": s.height,
        "camera_K": [s.camera.fx, s.camera.fy, s.camera.cx, s.camera.cy],
        "camera_source": s.camera.source,
        "camera_sigma": s.camera.sigma,
        "gravity_camera": None if gravity is None else gravity.up_camera.tolist(),
        "gravity_source": None if gravity is None else gravity.source,
        "gravity_sigma_deg": None if gravity is None else gravity.sigma_deg,
        "forward_defined": bool(s.forward_defined),
        "camera_height_m": None if floor is None else floor.camera_height_m,
        "floor_sigma_m": None if floor is None else floor.sigma_m,
        "scale_sigma": s.scale.sigma,
        "scale_source": s.scale.source,
        "depth_source": s.depth_source,
        "depth_sigma": s.depth_sigma,
        "depth_range_m": list(s.depth_range_m),
        "camera_center_m": s.camera_center_m.tolist(),
        "objects": [_object_row(o) for o in s.objects],
        "pairs": [{name: getattr(p, name) for name in PairGeometry.__slots__} for p in s.pairs],
        "depth_samples": s.depth_samples.ravel().tolist(),
        "free_floor_m": s.free_floor_m.ravel().tolist(),
        "models": [{name: getattr(m, name) for name in ModelUse.__slots__} for m in s.models],
    }


def _object_row(o: SceneObject) -> dict[str, Any]:
    return {
        "object_id": o.object_id,
        "label": o.label,
        "name": o.name,
        "color": o.text.color,
        "caption": o.text.caption,
        "score": o.score,
        "box_px": o.box_px.tolist(),
        "mask_rle": o.mask_rle,
        "pixels": o.pixels,
        "centroid_px": o.centroid_px.tolist(),
        "cut": list(o.cut),
        "visible_share": o.visible_share,
        "median_depth_m": o.median_depth_m,
        "nearest_depth_m": o.nearest_depth_m,
        "depth_sigma_m": o.depth_sigma_m,
        "geometry": None if o.geometry is None else _geometry_row(o.geometry),
    }


def _geometry_row(g: ObjectGeometry) -> dict[str, Any]:
    points_mm = np.clip(np.rint(g.points_m * 1000.0), -32768, 32767).astype(np.int16)
    return {
        "center_m": g.center_m.tolist(),
        "center_cov_m2": g.center_cov_m2.ravel().tolist(),
        "size_m": g.size_m.tolist(),
        "size_sigma_m": g.size_sigma_m.tolist(),
        "volume_sigma": g.volume_sigma,
        "yaw_deg": g.yaw_deg,
        "yaw_sigma_deg": g.yaw_sigma_deg,
        "x_interval_m": g.x_interval_m.tolist(),
        "width_sigma_m": g.width_sigma_m,
        "z_interval_m": g.z_interval_m.tolist(),
        "z_sigma_m": g.z_sigma_m.tolist(),
        "support_id": g.support_id,
        "points_mm": points_mm.ravel().tolist(),
        "facing_deg": g.facing_deg,
        "facing_sigma_deg": g.facing_sigma_deg,
    }


def _scene(row: dict[str, Any]) -> Scene:
    fx, fy, cx, cy = row["camera_K"]
    up = row["gravity_camera"]
    gravity = None if up is None else Gravity(_f64(up), row["gravity_sigma_deg"], row["gravity_source"])
    height = row["camera_height_m"]
    return Scene(
        image_id=row["image_id"],
        content_sha256=row["content_sha256"],
        width=row["width"],
        height=row["height"],
        camera=Camera(fx, fy, cx, cy, row["camera_source"], row["camera_sigma"]),
        gravity=gravity,
        forward_defined=row["forward_defined"],
        floor=None if height is None else Floor(height, row["floor_sigma_m"]),
        scale=Scale(row["scale_sigma"], row["scale_source"]),
        depth_source=row["depth_source"],
        depth_sigma=row["depth_sigma"],
        depth_range_m=(row["depth_range_m"][0], row["depth_range_m"][1]),
        camera_center_m=_f64(row["camera_center_m"]),
        objects=tuple(_object(o) for o in row["objects"]),
        pairs=tuple(PairGeometry(**p) for p in row["pairs"]),
        depth_samples=np.array(row["depth_samples"], np.float32).reshape(-1, 4),
        free_floor_m=np.array(row["free_floor_m"], np.float32).reshape(-1, 5),
        models=tuple(ModelUse(**m) for m in row["models"]),
    )


def _object(row: dict[str, Any]) -> SceneObject:
    geometry = row["geometry"]
    return SceneObject(
        object_id=row["object_id"],
        label=row["label"],
        name=row["name"],
        text=ObjectText(row["color"], row["caption"]),
        score=row["score"],
        box_px=np.array(row["box_px"], np.float32),
        mask_rle=row["mask_rle"],
        pixels=row["pixels"],
        centroid_px=_f64(row["centroid_px"]),
        cut=tuple(row["cut"]),
        visible_share=row["visible_share"],
        median_depth_m=row["median_depth_m"],
        nearest_depth_m=row["nearest_depth_m"],
        depth_sigma_m=row["depth_sigma_m"],
        geometry=None if geometry is None else _geometry(geometry),
    )


def _geometry(row: dict[str, Any]) -> ObjectGeometry:
    return ObjectGeometry(
        center_m=_f64(row["center_m"]),
        center_cov_m2=_f64(row["center_cov_m2"]).reshape(3, 3),
        size_m=_f64(row["size_m"]),
        size_sigma_m=_f64(row["size_sigma_m"]),
        volume_sigma=row["volume_sigma"],
        yaw_deg=row["yaw_deg"],
        yaw_sigma_deg=row["yaw_sigma_deg"],
        x_interval_m=_f64(row["x_interval_m"]),
        width_sigma_m=row["width_sigma_m"],
        z_interval_m=_f64(row["z_interval_m"]),
        z_sigma_m=_f64(row["z_sigma_m"]),
        support_id=row["support_id"],
        points_m=(np.array(row["points_mm"], np.float32) / 1000.0).reshape(-1, 3),
        facing_deg=row["facing_deg"],
        facing_sigma_deg=row["facing_sigma_deg"],
    )


def _f64(values: Sequence[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array(values, np.float64)
