"""Scenes as things to point to: every thing large enough, where and how deep it truly is."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
from train_tiny import COLOURS, write_build

from spatialgen import schema
from spatialgen.evaluate.benches import bench
from spatialgen.records import Scene, SceneObject
from spatialgen.testing.box_scenes import Box, make_scene
from spatialgen.train.config import ScenesSource
from spatialgen.train.scene_source import SceneBlocks, point
from spatialgen.train.templates import Turn

SOURCE = ScenesSource(kind="scenes", path="")


BOX = make_scene([Box("chair", (0.0, 3.0, 0.5), (0.5, 0.5, 1.0))])


def thing(name: str, u: float, v: float, depth_m: float, pixels: int = 100, given: str | None = None) -> SceneObject:
    color, _, label = name.rpartition(" ")
    box = BOX.objects[0]
    text = replace(box.text, color=color or None)
    around = np.array([u - 5, v - 5, u + 5, v + 5], np.float32)
    seen = {"box_px": around, "centroid_px": np.array([u, v]), "median_depth_m": depth_m, "pixels": pixels}
    return replace(box, object_id=name, name=given, label=label, text=text, geometry=None, **seen)


def scene(*things: SceneObject, width: int = 200, height: int = 100) -> Scene:
    return replace(BOX, width=width, height=height, depth_range_m=(1.0, 5.0), objects=things, pairs=())


def draw(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def answers(turns: list[Turn]) -> dict[str, str | None]:
    """The answers by the thing that is asked about, which every request names last."""
    return {turn.question.removesuffix(".").split(": ")[-1]: turn.answer for turn in turns}


def test_things_are_told_on_the_padded_grid_with_their_depth() -> None:
    both = scene(thing("red chair", 149.5, 49.5, 2.0), thing("blue mug", 9.5, 99.5, 5.0))
    # The picture is padded by 50 pixels above and below: its lower border is at 75 of 100.
    assert answers(point(both, SOURCE, draw())) == {"the chair": "The chair 75 50 2.", "the mug": "The mug 05 75 9."}
    coarse = SOURCE.model_copy(update={"digits": 1})
    assert answers(point(both, coarse, draw())) == {"the chair": "The chair 7 5 2.", "the mug": "The mug 0 7 9."}


def test_order_and_wording_are_drawn_anew() -> None:
    both = scene(thing("red chair", 149.5, 49.5, 2.0), thing("blue mug", 9.5, 99.5, 5.0))
    first = [point(both, SOURCE, draw(k))[0].question for k in range(40)]
    assert {"chair" in question for question in first} == {True, False}
    assert len({question.replace("the chair", "the mug") for question in first}) == 4


def test_only_what_a_phrase_singles_out_is_pointed_to() -> None:
    twins = scene(thing("red chair", 150, 50, 2.0), thing("red chair", 155, 50, 2.0), thing("blue mug", 10, 10, 1.0))
    assert list(answers(point(twins, SOURCE, draw()))) == ["the mug"]
    told_apart = scene(thing("red chair", 149.5, 49.5, 2.0), thing("blue chair", 9.5, 99.5, 5.0))
    assert set(answers(point(told_apart, SOURCE, draw()))) == {"the red chair", "the blue chair"}


def test_given_names_win_and_specks_and_things_without_depth_are_left_out() -> None:
    named = thing("red chair", 10, 10, 1.0, given="old throne")
    pin = thing("tiny pin", 20, 20, 2.0, pixels=19)
    assert answers(point(scene(named, pin), SOURCE, draw())) == {"the old throne": "The old throne 05 30 0."}
    assert point(scene(pin), SOURCE, draw()) == []
    assert point(scene(thing("far star", 20, 20, math.nan)), SOURCE, draw()) == []


def test_a_build_is_read_picture_by_picture(tmp_path: Path) -> None:
    def tiny(i: int) -> dict[str, object]:
        half = thing(f"{list(COLOURS)[i % 3]} half", 15.5, 23.5, 3.0, pixels=1536)
        whole = replace(scene(half, width=64, height=48), image_id=f"img{i}")
        return schema.scenes_table([whole]).to_pylist()[0]

    build = write_build(tmp_path / "build", images=6, scene=tiny)
    source = SceneBlocks(ScenesSource(kind="scenes", path=str(build)))
    read = [c for block in range(source.blocks) for c in source.read(block, 0, 0)]
    assert [c.picture.key for c in read if c.picture] == [f"{build}/img{i}" for i in range(6)]
    assert [list(answers(list(c.turns))) for c in read] == [["the half"]] * 6
    assert [c.turns[0].answer for c in read] == ["The half 25 50 5."] * 6
    assert all(c.turns[0].question.startswith("<image>\n") for c in read)
    assert len({c.turns[0].question for epoch in range(8) for c in source.read(0, epoch, 0)}) > 1


def test_pointing_is_scored_by_tenths(tmp_path: Path) -> None:
    def both(i: int) -> dict[str, object]:
        things = (thing("red chair", 149.5, 49.5, 2.0), thing("blue mug", 9.5, 99.5, 5.0))
        return schema.scenes_table([replace(scene(*things), image_id=f"img{i}")]).to_pylist()[0]

    build = write_build(tmp_path / "build", images=2, scene=both)
    items = list(bench("scenes").items(build, None))
    assert sorted(i.question.removesuffix(".").split(": ")[-1] for i in items) == ["the chair"] * 2 + ["the mug"] * 2
    assert len({i.item_id for i in items}) == 4
    assert all(i.image() is not None for i in items)
    said = {"the chair": "The chair 79 60 2.", "the mug": "I cannot see it."}
    answers = [said[i.question.removesuffix(".").split(": ")[-1]] for i in items]
    found = {(n.group, n.metric): (n.estimate.mean, n.unparsed) for n in bench("scenes").lines(items, answers)}
    assert found["across", "right tenth"] == (0.5, 0.5)
    assert found["down", "right tenth"] == (0.0, 0.5)
    assert found["down", "within one tenth"] == (0.5, 0.5)
    assert found["depth", "right tenth"] == (0.5, 0.5)
    assert [n.estimate.mean for n in bench("scenes").lines(items, [i.row for i in items])] == [1.0] * 6
