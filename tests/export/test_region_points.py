"""Region points: ten, sorted, on visible pixels of the named object, whatever the picture's shape."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pycocotools import mask as coco

from spatialgen.export.pages import Page

Export = Callable[[str], list[dict[str, Any]]]


def test_points_lie_on_the_object(exported: Export, book: dict[str, Page]) -> None:
    shapes = set()
    records = exported("region_points")
    for record in records:
        page = book[record["image_id"]]
        w, h = page.scene.width, page.scene.height
        shapes.add((w > h) - (w < h))
        [k] = [k for k, t in enumerate(page.scene.objects) if t.object_id == record["object_id"]]
        human, gpt = (turn["value"] for turn in record["conversations"])
        assert gpt == page.naming.phrases[k]
        points = [(int(x), int(y)) for x, y in re.findall(r"\[(\d+) (\d+)\]", human)]
        assert len(set(points)) == 10
        assert points == sorted(points)
        mask = coco.decode({"size": [h, w], "counts": page.scene.objects[k].mask_rle})
        side = max(w, h)
        for x, y in points:
            assert 0 <= x <= 100
            assert 0 <= y <= 100
            u, v = x / 100 * side - (side - w) // 2, y / 100 * side - (side - h) // 2  # in edge coordinates
            assert mask[int(v), int(u)]
    assert shapes == {-1, 1}
    assert len(records) > 10


def test_what_is_too_small_is_left_out(exported: Export, book: dict[str, Page]) -> None:
    told = {(r["image_id"], r["object_id"]) for r in exported("region_points")}
    for page in book.values():
        cell = (max(page.scene.width, page.scene.height) / 100) ** 2
        for k, thing in enumerate(page.scene.objects):
            if not page.naming.askable[k] or thing.pixels < 9:
                assert (page.scene.image_id, thing.object_id) not in told
            elif thing.pixels > 60 * cell:
                assert (page.scene.image_id, thing.object_id) in told
