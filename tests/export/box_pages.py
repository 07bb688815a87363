"""Pages straight from upright boxes, for what rendered rooms seldom show."""

from __future__ import annotations

from collections.abc import Sequence

from spatialgen.export.pages import Page
from spatialgen.qa.ask import ask_scenes
from spatialgen.qa.config import AskConfig
from spatialgen.schema import scenes_table
from spatialgen.testing.box_scenes import Box, make_scene

ALL = AskConfig(per_image="all")


def page_of(boxes: Sequence[Box], scale: float = 0.0, gravity: bool = True, image_id: str = "room") -> Page:
    """The page of a scene of boxes, with all its questions; `scale` is the relative error of all lengths."""
    scene = make_scene(boxes, image_id, scale=scale, gravity=gravity)
    [table] = scenes_table([scene]).to_batches()
    stored = {"image_id": scene.image_id, "content_sha256": scene.content_sha256, "image": {"bytes": None, "path": "x"}}
    return Page(stored, table, ask_scenes([scene], ALL).to_pylist(), ALL)
