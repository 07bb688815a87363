"""`region_points`: a region as ten points in the text, to be named (RegionVLM, Lee et al. 2024).

The points lie inside the visible mask, drawn evenly from it, sorted from left to right and top to bottom, as `[x y]`
with integers 0 .. 100 of the picture padded to a square. An object with fewer than ten such points is left out.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pycocotools import mask as coco

from spatialgen.export.forms.base import Form, Record, conversation, form_wording, say
from spatialgen.export.pages import Page
from spatialgen.qa.facts import I64
from spatialgen.records import SceneObject
from spatialgen.seeding import rng

POINTS, GRID = 10, 100


def _records(page: Page) -> Iterator[Record]:
    own = form_wording("region_points", "region")
    for thing, phrase, named in zip(page.scene.objects, page.naming.phrases, page.naming.askable, strict=True):
        inside = grid_points(thing, page.scene.width, page.scene.height)
        if not named or len(inside) < POINTS:
            continue
        key = page.key("region_points", thing.object_id)
        chosen = rng(key).choice(len(inside), POINTS, replace=False)
        points = " ".join(f"[{x} {y}]" for x, y in sorted(inside[chosen].tolist()))
        asked = say(own, "ask", key, {"point": points})
        yield conversation(page, f"region_points {thing.object_id}", [(asked, phrase)], object_id=thing.object_id)


def grid_points(thing: SceneObject, width: int, height: int) -> I64:
    """Return the points (n, 2) x, y of the 0 .. 100 grid over the padded square that fall on visible pixels."""
    mask = coco.decode({"size": [height, width], "counts": thing.mask_rle}).astype(bool)
    longer = max(width, height)
    steps = np.arange(GRID + 1) * longer / GRID  # edge coordinates of the square
    columns, rows = (np.floor(steps - (longer - side) // 2).astype(np.int64) for side in (width, height))
    x, y = np.flatnonzero((columns >= 0) & (columns < width)), np.flatnonzero((rows >= 0) & (rows < height))
    i, j = np.nonzero(mask[rows[y][:, None], columns[x][None, :]])
    return np.stack([x[j], y[i]], axis=1)


FORM = Form(_records)
