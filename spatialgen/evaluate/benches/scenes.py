"""Pointing in the scenes of a build that a model never saw: where a named thing is, and how deep."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spatialgen.evaluate.benches.base import Item, Line, line
from spatialgen.train.config import ScenesSource
from spatialgen.train.scene_source import SceneBlocks
from spatialgen.train.templates import IMAGE

_NUMBERS = re.compile(r"(\d)\d*,? (\d)\d*,? (\d)\d*\.?$")


@dataclass(frozen=True, slots=True)
class ScenesBench:
    """What the `scenes` source of the trainer asks; answers of any number of digits count by their first, the tenth."""

    name: str = "scenes"

    def items(self, path: Path, images: Path | None) -> Iterator[Item]:
        """Yield a question for each thing that a phrase singles out, picture after picture."""
        folder = None if images is None else str(images)
        source = SceneBlocks(ScenesSource(kind="scenes", path=str(path), images=folder, digits=1))
        for block in range(source.blocks):
            for conversation in source.read(block, 0, 0):
                picture = conversation.picture
                assert picture is not None
                for i, turn in enumerate(conversation.turns):
                    question = turn.question.removeprefix(f"{IMAGE}\n")
                    place = picture.path if picture.data is None else picture.data
                    yield Item(f"{conversation.name}/{i}", question, place, picture.key, turn.answer)

    def lines(self, items: Sequence[Item], answers: Sequence[str]) -> list[Line]:
        """Return the share in the right tenth, and within one, across and down the padded picture and in depth."""
        true, said = [_tenths(i.row) for i in items], [_tenths(a) for a in answers]
        pictures, parsed = [i.picture_key for i in items], [s is not None for s in said]
        lines = []
        for axis, group in enumerate(("across", "down", "depth")):
            apart = [abs(t[axis] - s[axis]) if t and s else 10 for t, s in zip(true, said, strict=True)]
            for most, metric in ((0, "right tenth"), (1, "within one tenth")):
                lines.append(line(group, metric, [float(d <= most) for d in apart], parsed, pictures))
        return lines


def _tenths(answer: str) -> tuple[int, int, int] | None:
    found = _NUMBERS.search(answer.strip())
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


BENCH: Any = ScenesBench()
