"""The true scene that answers are judged by: whole things as solids, in the canonical frame."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spatialgen.records import F32, F64, I32, Camera
from spatialgen.testing.primitives import Ball, Box, Frustum, Solid
from spatialgen.testing.render import Rendered
from spatialgen.testing.scenes import AnalyticScene
from spatialgen.testing.truth.extents import UprightBox, interval, upright_box
from spatialgen.testing.truth.gap import gap_m

_X, _Z = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, eq=False)
class TrueObject:
    """One whole thing; `object_id` as text, as in QA rows. Measures are computed once, when asked for.

    `front` (3,) is where its front points, if that is known.
    """

    object_id: str
    label: str
    solids: tuple[Solid, ...]
    front: F64 | None = None

    @functools.cached_property
    def box(self) -> UprightBox:
        """The upright box of least footprint."""
        return upright_box(self.solids)

    @functools.cached_property
    def x_interval_m(self) -> tuple[float, float]:
        """The lateral interval."""
        return interval(self.solids, _X)

    @functools.cached_property
    def z_interval_m(self) -> tuple[float, float]:
        """Bottom and top."""
        return interval(self.solids, _Z)


@dataclass(frozen=True, eq=False)
class TrueScene:
    """Things, camera and, for types about what is seen, the exact depth (H, W) and ids (H, W) of the picture.

    `up_camera` (3,) is the true unit vector up in camera axes. `depth_m` and `ids` may be None: types that need
    them then have no truth. `backdrop` are the walls; `camera` the true intrinsics.
    """

    scene_id: str
    objects: tuple[TrueObject, ...]
    camera_center_m: F64
    up_camera: F64
    depth_m: F32 | None = None
    ids: I32 | None = None
    backdrop: tuple[Solid, ...] = ()
    camera: Camera | None = None
    _gaps: dict[tuple[str, str], float] = field(default_factory=dict, repr=False)

    def by_id(self, object_id: str) -> TrueObject:
        """Return the object of that id. Raises KeyError."""
        for item in self.objects:
            if item.object_id == object_id:
                return item
        raise KeyError(f"no true object {object_id!r} in scene {self.scene_id}")

    @functools.cached_property
    def visible(self) -> tuple[str, ...]:
        """The ids of the things with at least one pixel in the exact picture, none without one."""
        seen = set() if self.ids is None else set(np.unique(self.ids).tolist())
        return tuple(item.object_id for item in self.objects if int(item.object_id) in seen)

    @property
    def forward_defined(self) -> bool:
        """False where the optical axis is within 15 degrees of vertical."""
        return abs(float(self.up_camera[2])) < float(np.cos(np.radians(15.0)))

    def point_m(self, u_px: float, v_px: float) -> F64 | None:
        """Return the canonical point (3,) seen at the pixel nearest to (u, v), None without picture or reading."""
        if self.depth_m is None or self.camera is None:
            return None
        u, v = round(u_px), round(v_px)
        depth = float(self.depth_m[v, u])
        if not np.isfinite(depth) or depth <= 0:
            return None
        ray = np.array([(u - self.camera.cx) / self.camera.fx, (v - self.camera.cy) / self.camera.fy, 1.0])
        forward = np.array([0.0, 0.0, 1.0]) - self.up_camera[2] * self.up_camera
        forward /= np.linalg.norm(forward)
        axes = np.array([np.cross(forward, self.up_camera), forward, self.up_camera])
        point: F64 = self.camera_center_m + axes @ (depth * ray)
        return point

    def gap_m(self, a: TrueObject, b: TrueObject) -> float:
        """Return the smallest distance between two things' surfaces, metres."""
        key = (min(a.object_id, b.object_id), max(a.object_id, b.object_id))
        if key not in self._gaps:
            self._gaps[key] = gap_m(a.solids, b.solids)
        return self._gaps[key]


def from_analytic(scene: AnalyticScene, picture: Rendered | None = None) -> TrueScene:
    """Return the truth of an analytic scene, with its exact picture where types about what is seen matter."""
    objects = tuple(TrueObject(str(item.object_id), item.label, item.solids, item.front) for item in scene.objects)
    return TrueScene(
        scene_id=scene.scene_id,
        objects=objects,
        camera_center_m=scene.view.center_m,
        up_camera=scene.view.up_camera,
        depth_m=None if picture is None else picture.depth_m,
        ids=None if picture is None else picture.ids,
        backdrop=scene.backdrop,
        camera=scene.view.camera,
    )


def to_json(scene: TrueScene) -> dict[str, Any]:
    """Return the scene's shapes as plain JSON values: a line of `truth.jsonl`."""
    return {
        "id": scene.scene_id,
        "camera_center": scene.camera_center_m.tolist(),
        "up": scene.up_camera.tolist(),
        "objects": [
            {"id": item.object_id, "label": item.label, "solids": [_solid_to_json(s) for s in item.solids]}
            | ({} if item.front is None else {"front": item.front.tolist()})
            for item in scene.objects
        ],
        "backdrop": [_solid_to_json(s) for s in scene.backdrop],
    }


def from_json(
    line: Mapping[str, Any], depth_m: F32 | None = None, ids: I32 | None = None, camera: Camera | None = None
) -> TrueScene:
    """Return the scene of a line of `truth.jsonl`. Raises ValueError on a shape that is not known."""
    objects = tuple(
        TrueObject(
            str(item["id"]),
            str(item["label"]),
            tuple(_solid_from_json(s) for s in item["solids"]),
            np.array(item["front"], dtype=float) if "front" in item else None,
        )
        for item in line["objects"]
    )
    up = np.array(line["up"], dtype=float)
    return TrueScene(
        scene_id=str(line["id"]),
        objects=objects,
        camera_center_m=np.array(line["camera_center"], dtype=float),
        up_camera=up / np.linalg.norm(up),
        depth_m=depth_m,
        ids=ids,
        backdrop=tuple(_solid_from_json(s) for s in line.get("backdrop", ())),
        camera=camera,
    )


def _solid_to_json(solid: Solid) -> dict[str, Any]:
    pose = {"center": solid.center_m.tolist(), "rotation": solid.rotation.tolist()}
    if isinstance(solid, Box):
        return {"shape": "box", **pose, "half": solid.half_m.tolist()}
    if isinstance(solid, Ball):
        return {"shape": "ball", **pose, "radius": solid.radius_m}
    if isinstance(solid, Frustum):
        radii = [solid.bottom_radius_m, solid.top_radius_m]
        return {"shape": "frustum", **pose, "radii": radii, "half_height": solid.half_height_m}
    raise TypeError(f"{type(solid).__name__} has no JSON form; add one to spatialgen.testing.truth.scene")


def _solid_from_json(data: Mapping[str, Any]) -> Solid:
    center = np.array(data["center"], dtype=float)
    rotation = np.array(data.get("rotation", np.eye(3)), dtype=float)
    shape = data["shape"]
    if shape == "box":
        return Box(center, np.array(data["half"], dtype=float), rotation=rotation)
    if shape == "ball":
        return Ball(center, float(data["radius"]), rotation=rotation)
    if shape == "frustum":
        bottom, top = data["radii"]
        return Frustum(center, float(bottom), float(top), float(data["half_height"]), rotation=rotation)
    raise ValueError(f"unknown shape {shape!r} in truth.jsonl; known are box, ball and frustum")
