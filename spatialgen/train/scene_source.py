"""The scenes of a build as places to point to: what LLaVA's first stage takes captions for.

A picture is one conversation with a turn for each of its things: a name is given, and the answer is the middle of what
is seen of it, [x, y] in hundredths (or as many digits as wanted) of the square-padded picture, with its depth in
tenths, 0 the nearest and 9 the farthest in view. Nothing is trained on but what only the picture tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spatialgen.qa.grid import to_grid
from spatialgen.seeding import rng
from spatialgen.store.layout import BuildPaths
from spatialgen.train.build_source import IMAGE_COLUMNS, Units, picture_of
from spatialgen.train.config import ScenesSource
from spatialgen.train.samples import Conversation
from spatialgen.train.templates import IMAGE, Turn

_COLUMNS = ["image_id", "width", "height", "depth_range_m", "objects"]
_REQUESTS = ("Point to: {}.", "Place and depth of: {}.", "Find, with the depth: {}.", "Where, and how deep: {}.")


class SceneBlocks:
    """The units of a build as blocks. Raises StoreError where its scenes are not finished."""

    def __init__(self, source: ScenesSource) -> None:
        paths = BuildPaths(Path(source.path)).perceive
        self.name = f"{source.path}, scenes"
        self._source = source
        self._images, self._scenes = Units(paths, "images", IMAGE_COLUMNS), Units(paths, "scenes", _COLUMNS)
        self.blocks = self._images.blocks
        self.images_per_block = max(1, self._images.rows // max(1, self.blocks))

    def read(self, block: int, epoch: int, seed: int) -> Sequence[Conversation]:
        """Return the turns about one unit's pictures; pictures with nothing to name are left out."""
        scenes = {row["image_id"]: row for row in self._scenes.read(block).to_pylist()}
        conversations = []
        for row in self._images.read(block).to_pylist():
            draw = rng(seed, "told", row["image_id"], epoch)
            turns = point(scenes[row["image_id"]], self._source, draw)
            if turns:
                picture = picture_of(row, self._source.path, self._source.images or self._source.path)
                first = Turn(f"{IMAGE}\n{turns[0].question}", turns[0].answer)
                conversations.append(Conversation(f"{picture.key}/scene", (first, *turns[1:]), picture))
        return conversations


def point(scene: dict[str, Any], source: ScenesSource, draw: np.random.Generator) -> list[Turn]:
    """Return a turn for each thing of a row of the scenes table that is large enough to be named, in random order."""
    width, height = scene["width"], scene["height"]
    shown = [
        thing
        for thing in scene["objects"]
        if thing["pixels"] >= source.least_share * width * height and np.isfinite(thing["median_depth_m"])
    ]
    # The middle of a pixel is half a pixel from its edge, which the grid counts from.
    middles = np.array([thing["centroid_px"] for thing in shown], np.float64).reshape(-1, 2) + 0.5
    places = to_grid(middles, np.tile([[float(width), float(height)]], (len(shown), 1))).astype(int) // 10 ** (
        3 - source.digits
    )
    near, far = scene["depth_range_m"]
    turns = []
    for k in draw.permutation(len(shown)):
        depth = np.clip((shown[k]["median_depth_m"] - near) / max(far - near, 1e-6), 0, 0.99)
        request = _REQUESTS[int(draw.integers(len(_REQUESTS)))].replace("{}", _words(shown[k]))
        x, y = (f"{place:0{source.digits}d}" for place in places[k])
        turns.append(Turn(request, f"[{x}, {y}] {int(10 * depth)}."))
    return turns


def _words(thing: dict[str, Any]) -> str:
    return thing["name"] or " ".join(w for w in (thing["color"], thing["label"]) if w)
