"""Conversations straight from a build's Parquet shards: a unit (32 images or so) at a time, never the whole."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from spatialgen.errors import ConfigError
from spatialgen.seeding import rng
from spatialgen.store.layout import BuildPaths, DatasetPaths
from spatialgen.store.manifest import Manifest
from spatialgen.store.read import ShardUnits, finished
from spatialgen.train.config import BuildSource
from spatialgen.train.samples import Conversation, Picture
from spatialgen.train.templates import IMAGE, Turn

IMAGE_COLUMNS = ["image_id", "image", "content_sha256"]
_QUESTION_COLUMNS = ["qa_id", "image_id", "question", "answer", "question_type", "form", "subjects", "split"]


class BuildBlocks:
    """The units of a build as blocks. Raises StoreError where the build or its questions are not finished."""

    def __init__(self, source: BuildSource) -> None:
        paths = BuildPaths(Path(source.path))
        if source.questions not in paths.asks():
            known = ", ".join(paths.asks()) or "none"
            raise ConfigError(f"{source.path} has no questions called {source.questions!r}; there are: {known}")
        self.name = f"{source.path}#{source.questions}"
        self._source = source
        self._images = Units(paths.perceive, "images", IMAGE_COLUMNS)
        self._questions = Units(paths.ask(source.questions), "questions", _QUESTION_COLUMNS)
        if self._images.blocks != self._questions.blocks:
            raise ConfigError(
                f"{self.name}: asked about {self._questions.blocks} units of {self._images.blocks}; run ask again"
            )
        self.blocks = self._images.blocks
        self.images_per_block = max(1, self._images.rows // max(1, self.blocks))

    def read(self, block: int, epoch: int, seed: int) -> Sequence[Conversation]:
        """Return the conversations of one unit; which questions share one depends on seed, epoch and picture."""
        questions = self._wanted(self._questions.read(block))
        by_image = _turns_by_image(questions)
        conversations: list[Conversation] = []
        for row in self._images.read(block).to_pylist():
            asked = by_image.get(row["image_id"])
            if asked:
                conversations += self._converse(row, asked, epoch, seed)
        return conversations

    def _wanted(self, questions: pa.Table) -> pa.Table:
        keep = pa.scalar(True)
        if self._source.split != "all":
            keep = pc.equal(questions["split"], self._source.split)
        for column, allowed in (("question_type", self._source.types), ("form", self._source.forms)):
            if allowed is not None:
                keep = pc.and_(keep, pc.is_in(questions[column], pa.array(list(allowed), pa.string())))
        if self._source.longest_answer is not None:
            words = pc.list_value_length(pc.utf8_split_whitespace(questions["answer"]))
            keep = pc.and_(keep, pc.less_equal(words, self._source.longest_answer))
        return questions if isinstance(keep, pa.Scalar) else questions.filter(keep)

    def _converse(
        self, row: dict[str, object], asked: list[tuple[str, Turn]], epoch: int, seed: int
    ) -> Iterator[Conversation]:
        image_id = str(row["image_id"])
        picture = picture_of(row, self._source.path, self._source.images or self._source.path)
        chosen = _choose(asked, self._source.per_image, epoch, seed, image_id)
        for i, turns in enumerate(_spread(chosen, self._source.turns)):
            first = Turn(f"{IMAGE}\n{turns[0].question}", turns[0].answer)
            yield Conversation(f"{self.name}/{image_id}/{i}", (first, *turns[1:]), picture)


def picture_of(row: dict[str, object], name: str, folder: str) -> Picture:
    """Return the picture of an images row of the build called `name`; relative paths start from `folder`."""
    stored = row["image"]
    assert isinstance(stored, dict)
    path = None if stored["bytes"] is not None else Path(folder, stored["path"])
    return Picture(f"{name}/{row['image_id']}", stored["bytes"], path)


class Units:
    """One table of a dataset by unit; keeps the shard read last open."""

    def __init__(self, paths: DatasetPaths, table: str, columns: list[str]) -> None:
        self._manifest: Manifest = finished(paths)
        self._paths, self._table, self._columns = paths, table, columns
        self._firsts = [s.first_unit for s in self._manifest.shards]
        self.blocks = self._manifest.units
        self.rows = sum(s.files[table].rows for s in self._manifest.shards)
        self._open: tuple[int, ShardUnits] | None = None

    def read(self, unit: int) -> pa.Table:
        index = bisect.bisect_right(self._firsts, unit) - 1
        if self._open is None or self._open[0] != index:
            if self._open is not None:
                self._open[1].close()
            shard = self._manifest.shards[index]
            self._open = (index, ShardUnits(self._paths, shard, {self._table: self._columns}))
        return self._open[1].unit(unit)[self._table]

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_open": None}


def _turns_by_image(questions: pa.Table) -> dict[str, list[tuple[str, Turn]]]:
    by_image: dict[str, list[tuple[str, Turn]]] = {}
    columns = (questions[c].to_pylist() for c in ("image_id", "question", "answer", "subjects"))
    for image_id, question, answer, subjects in zip(*columns, strict=True):
        by_image.setdefault(image_id, []).append(("|".join(sorted(subjects)), Turn(question, answer)))
    return by_image


def _choose(
    asked: list[tuple[str, Turn]], limit: int | None, epoch: int, seed: int, image_id: str
) -> list[tuple[str, Turn]]:
    """Return the epoch's questions in a random order; with a limit, epochs take turns through all of them."""
    order = rng(seed, "questions", image_id).permutation(len(asked)).tolist()
    if limit is not None and limit < len(order):
        start = epoch * limit % len(order)
        order = (order + order)[start : start + limit]
    mixed = rng(seed, "turns", image_id, epoch).permutation(len(order)).tolist()
    return [asked[order[i]] for i in mixed]


def _spread(asked: list[tuple[str, Turn]], turns: int) -> list[list[Turn]]:
    """Return conversations of about `turns` questions each.

    Questions about the same objects go to different conversations, as far as there are enough, so that no turn
    gives another away.
    """
    count = -(-len(asked) // turns)
    conversations: list[list[Turn]] = [[] for _ in range(count)]
    groups: dict[str, list[Turn]] = {}
    for subjects, turn in asked:
        groups.setdefault(subjects, []).append(turn)
    starts = [0, *accumulate(len(g) for g in groups.values())]
    for start, group in zip(starts, groups.values(), strict=False):
        for i, turn in enumerate(group):
            conversations[(start + i) % count].append(turn)
    return conversations
