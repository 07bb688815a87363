"""The scenes of a build told in words: what LLaVA's first stage takes captions for, with places and depths.

A picture is one turn: its things, each with the middle of what is seen of it, [x, y] in hundredths of the square-padded
picture, and its depth in tenths, 0 the nearest and 9 the farthest in view. Their order is drawn anew each epoch: a name
has to be found in the picture before its place can be told. Finer numbers would mostly teach noise.
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
_REQUESTS = (
    "Name what is in the picture, each with its place and depth.",
    "What do you see? Give places and depths.",
    "Go through the picture: what is where, and how deep?",
)


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
        """Return the descriptions of one unit's pictures; pictures with nothing to name are left out."""
        scenes = {row["image_id"]: row for row in self._scenes.read(block).to_pylist()}
        conversations = []
        for row in self._images.read(block).to_pylist():
            draw = rng(seed, "told", row["image_id"], epoch)
            told = describe(scenes[row["image_id"]], self._source.least_share, draw)
            if told:
                picture = picture_of(row, self._source.path, self._source.images or self._source.path)
                asked = _REQUESTS[int(draw.integers(len(_REQUESTS)))]
                conversations.append(Conversation(f"{picture.key}/scene", (Turn(f"{IMAGE}\n{asked}", told),), picture))
        return conversations


def describe(scene: dict[str, Any], least_share: float, draw: np.random.Generator) -> str:
    """Return a row of the scenes table in words, or "" where nothing in it is large enough to be named."""
    width, height = scene["width"], scene["height"]
    shown = [
        thing
        for thing in scene["objects"]
        if thing["pixels"] >= least_share * width * height and np.isfinite(thing["median_depth_m"])
    ]
    # The middle of a pixel is half a pixel from its edge, which the grid counts from.
    middles = np.array([thing["centroid_px"] for thing in shown], np.float64).reshape(-1, 2) + 0.5
    places = to_grid(middles, np.tile([[float(width), float(height)]], (len(shown), 1))).astype(int) // 10
    near, far = scene["depth_range_m"]
    told = []
    for k in draw.permutation(len(shown)):
        depth = np.clip((shown[k]["median_depth_m"] - near) / max(far - near, 1e-6), 0, 0.99)
        told.append(f"{_words(shown[k])} [{places[k, 0]:02d}, {places[k, 1]:02d}] {int(10 * depth)}")
    return "; ".join(told) + "." if told else ""


def _words(thing: dict[str, Any]) -> str:
    return thing["name"] or " ".join(w for w in (thing["color"], thing["label"]) if w)
