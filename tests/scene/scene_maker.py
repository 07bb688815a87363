"""Small scenes made by hand, whose every length is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spatialgen.records import Frame, Scene, SceneObject
from spatialgen.scene.build import build_scene
from spatialgen.scene.config import LiftConfig
from spatialgen.testing.degrade import EXACT, Degradation, degrade
from spatialgen.testing.frames import to_frame
from spatialgen.testing.primitives import Box, Solid, yaw_rotation
from spatialgen.testing.render import Rendered, render_depth_and_ids
from spatialgen.testing.scenes import AnalyticObject, AnalyticScene
from spatialgen.testing.viewpoint import Viewpoint, pinhole

Thing = tuple[str, tuple[Solid, ...]]


def block(x: float, y: float, size: tuple[float, float, float], yaw: float = 0.0, bottom: float = 0.0) -> Box:
    """A box of full extents `size` that stands at (x, y) with its bottom at `bottom`."""
    return Box(np.array([x, y, bottom + size[2] / 2]), np.array(size) / 2, rotation=yaw_rotation(yaw))


def picture(
    *things: Thing,
    pitch: float = 22.0,
    roll: float = 0.0,
    height: float = 1.5,
    walls: tuple[Solid, ...] = (),
    floor: bool = True,
    how: Degradation = EXACT,
) -> Frame:
    """The frame of labelled things on a floor, ids "1", "2", ... in order."""
    objects = tuple(
        AnalyticObject(k + 1, label, "red", solids, (1.0,) * len(solids)) for k, (label, solids) in enumerate(things)
    )
    view = Viewpoint(640, 480, pinhole(640, 480, 60.0), height, pitch, roll)
    extent = (-20.0, 20.0, -5.0, 20.0) if floor else None
    scene = AnalyticScene("made", view, objects, walls, extent, np.array([0.0, 0.0, 1.0]))
    depth, ids = render_depth_and_ids(scene)
    spoiled = degrade(Rendered(np.zeros((480, 640, 3), np.uint8), depth, ids), how, seed=1)
    return to_frame(scene, spoiled, how)


def lift(frame: Frame) -> Scene:
    """The scene of a frame, by the stage's own defaults."""
    return build_scene(frame, LiftConfig())


def by_id(scene: Scene, object_id: str) -> SceneObject:
    """The object of that id."""
    return next(item for item in scene.objects if item.object_id == object_id)


def scaled(frame: Frame, factor: float) -> Frame:
    """The frame of a world `factor` times as large."""
    assert frame.depth is not None
    return replace(frame, depth=replace(frame.depth, depth_m=frame.depth.depth_m * np.float32(factor)))
