"""The scenes of a build as places to point to: what LLaVA's first stage takes captions for.

A picture is one conversation with a turn for each of its things: a name is given, and the answer repeats it, followed
by the middle of what is seen of it, x and y in hundredths (or as many digits as wanted) of the square-padded picture,
and by its depth in tenths, 0 the nearest and 9 the farthest in view. The numbers come right after the name, so that a
model learns to know a thing's place wherever the thing is named, which is what comparing two of them needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from spatialgen.qa.grid import to_grid
from spatialgen.qa.names import name_objects
from spatialgen.records import Scene
from spatialgen.schema import SCENES, scenes_from_table
from spatialgen.seeding import rng
from spatialgen.store.layout import BuildPaths
from spatialgen.train.build_source import IMAGE_COLUMNS, Units, picture_of
from spatialgen.train.config import ScenesSource
from spatialgen.train.samples import Conversation
from spatialgen.train.templates import IMAGE, Turn

_REQUESTS = ("Point to: {}.", "Place and depth of: {}.", "Find, with the depth: {}.", "Where, and how deep: {}.")


class SceneBlocks:
    """The units of a build as blocks. Raises StoreError where its scenes are not finished."""

    def __init__(self, source: ScenesSource) -> None:
        paths = BuildPaths(Path(source.path)).perceive
        self.name = f"{source.path}, scenes"
        self._source = source
        self._images, self._scenes = Units(paths, "images", IMAGE_COLUMNS), Units(paths, "scenes", SCENES.names)
        self.blocks = self._images.blocks
        self.images_per_block = max(1, self._images.rows // max(1, self.blocks))

    def read(self, block: int, epoch: int, seed: int) -> Sequence[Conversation]:
        """Return the turns about one unit's pictures; pictures with nothing to name are left out."""
        scenes = {scene.image_id: scene for scene in scenes_from_table(self._scenes.read(block))}
        conversations = []
        for row in self._images.read(block).to_pylist():
            draw = rng(seed, "told", row["image_id"], epoch)
            turns = point(scenes[row["image_id"]], self._source, draw)
            if turns:
                picture = picture_of(row, self._source.path, self._source.images or self._source.path)
                first = Turn(f"{IMAGE}\n{turns[0].question}", turns[0].answer)
                conversations.append(Conversation(f"{picture.key}/scene", (first, *turns[1:]), picture))
        return conversations


def point(scene: Scene, source: ScenesSource, draw: np.random.Generator) -> list[Turn]:
    """Return a turn for each thing that a phrase singles out and that is large enough, in random order."""
    naming = name_objects([scene])
    least = source.least_share * scene.width * scene.height
    shown = [
        (thing, phrase, begin)
        for thing, phrase, begin in zip(scene.objects, naming.phrases, naming.capitals, strict=True)
        if phrase and thing.pixels >= least and np.isfinite(thing.median_depth_m)
    ]
    # The middle of a pixel is half a pixel from its edge, which the grid counts from.
    middles = np.array([thing.centroid_px for thing, _, _ in shown], np.float64).reshape(-1, 2) + 0.5
    sizes = np.tile([[float(scene.width), float(scene.height)]], (len(shown), 1))
    places = to_grid(middles, sizes).astype(int) // 10 ** (3 - source.digits)
    near, far = scene.depth_range_m
    turns = []
    for k in draw.permutation(len(shown)):
        thing, phrase, begin = shown[k]
        depth = np.clip((thing.median_depth_m - near) / max(far - near, 1e-6), 0, 0.99)
        request = _REQUESTS[int(draw.integers(len(_REQUESTS)))].replace("{}", phrase)
        x, y = (f"{place:0{source.digits}d}" for place in places[k])
        turns.append(Turn(request, f"{begin} {x} {y} {int(10 * depth)}."))
    return turns
