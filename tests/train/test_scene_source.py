"""Scenes as things to point to: every thing large enough, where and how deep it truly is."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from train_tiny import COLOURS, complete, write_build

from spatialgen import schema
from spatialgen.train.config import ScenesSource
from spatialgen.train.scene_source import SceneBlocks, point
from spatialgen.train.templates import Turn

SOURCE = ScenesSource(kind="scenes", path="")


def thing(name: str, u: float, v: float, depth_m: float, pixels: int = 100) -> dict[str, Any]:
    color, _, label = name.partition(" ")
    words = {"name": None, "color": color or None, "label": label}
    return {**words, "centroid_px": [u, v], "median_depth_m": depth_m, "pixels": pixels}


def scene(*things: dict[str, Any]) -> dict[str, Any]:
    return {"width": 200, "height": 100, "depth_range_m": [1.0, 5.0], "objects": list(things)}


def draw(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def answers(turns: list[Turn]) -> dict[str, str | None]:
    """The answers by the thing that is asked about, which every request names last."""
    return {turn.question.removesuffix(".").split(": ")[-1]: turn.answer for turn in turns}


def test_things_are_told_on_the_padded_grid_with_their_depth() -> None:
    both = scene(thing("red chair", 149.5, 49.5, 2.0), thing("blue mug", 9.5, 99.5, 5.0))
    # The picture is padded by 50 pixels above and below: its lower border is at 75 of 100.
    assert answers(point(both, SOURCE, draw())) == {"red chair": "[75, 50] 2.", "blue mug": "[05, 75] 9."}
    coarse = SOURCE.model_copy(update={"digits": 1})
    assert answers(point(both, coarse, draw())) == {"red chair": "[7, 5] 2.", "blue mug": "[0, 7] 9."}


def test_order_and_wording_are_drawn_anew() -> None:
    both = scene(thing("red chair", 149.5, 49.5, 2.0), thing("blue mug", 9.5, 99.5, 5.0))
    first = [point(both, SOURCE, draw(k))[0].question for k in range(40)]
    assert {"red" in question for question in first} == {True, False}
    assert len({question.replace("red chair", "blue mug") for question in first}) == 4


def test_names_win_over_labels_and_specks_and_things_without_depth_are_left_out() -> None:
    named = thing("red chair", 10, 10, 1.0) | {"name": "the {} throne"}
    pin = thing("tiny pin", 20, 20, 2.0, pixels=19)
    assert answers(point(scene(named, pin), SOURCE, draw())) == {"the {} throne": "[05, 30] 0."}
    assert point(scene(pin), SOURCE, draw()) == []
    assert point(scene(thing("far star", 20, 20, math.nan)), SOURCE, draw()) == []


def test_a_build_is_read_picture_by_picture(tmp_path: Path) -> None:
    def tiny(i: int) -> dict[str, object]:
        half = thing(f"{list(COLOURS)[i % 3]} half", 15.5, 23.5, 3.0, pixels=1536)
        told = scene(complete(half, schema.SCENES.field("objects").type.value_type.fields))
        return complete({"image_id": f"img{i}", **told, "width": 64, "height": 48}, schema.SCENES)

    build = write_build(tmp_path / "build", images=6, scene=tiny)
    source = SceneBlocks(ScenesSource(kind="scenes", path=str(build)))
    read = [c for block in range(source.blocks) for c in source.read(block, 0, 0)]
    assert [c.picture.key for c in read if c.picture] == [f"{build}/img{i}" for i in range(6)]
    assert [list(answers(list(c.turns))) for c in read] == [[f"{list(COLOURS)[i % 3]} half"] for i in range(6)]
    assert [c.turns[0].answer for c in read] == ["[25, 50] 5."] * 6
    assert all(c.turns[0].question.startswith("<image>\n") for c in read)
    assert len({c.turns[0].question for epoch in range(8) for c in source.read(0, epoch, 0)}) > 1
