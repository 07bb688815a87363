"""A build image by image: the scene, its questions and its picture side by side, shard by shard."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from spatialgen.errors import StoreError
from spatialgen.export.reader import BuildReader, file_rows
from spatialgen.qa import arrays
from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.config import AskConfig
from spatialgen.qa.facts import DECIDED, Facts
from spatialgen.qa.family import facts_of, family_of_type
from spatialgen.qa.names import Naming, name_objects
from spatialgen.qa.vocabulary import HOUSEHOLD
from spatialgen.records import Scene
from spatialgen.schema import scenes_from_table, split_of
from spatialgen.seeding import Key, key_hash
from spatialgen.store.layout import BuildPaths
from spatialgen.store.plan import read_info

IMAGES = "images"
SPLITS = ("train", "val", "test")
_PICTURES_AT_ONCE, _SCENES_AT_ONCE = 16, 64
_ASKED = [
    *("qa_id", "image_id", "question", "answer", "question_type", "form"),
    *("subjects", "status", "answer_value", "sigma", "seed_key", "template_id"),
]

Row = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Page:
    """One image: `stored` is its row of the images table, `table` the one of the scenes, `rows` its questions.

    `config` is what the set of questions was asked with: its seed, units and surest objects hold here too.
    """

    stored: Row
    table: pa.RecordBatch
    rows: Sequence[Row]
    config: AskConfig

    @cached_property
    def scene(self) -> Scene:
        """The scene."""
        [scene] = scenes_from_table(self.table)
        return scene

    @cached_property
    def naming(self) -> Naming:
        """What to call the objects of the scene."""
        return name_objects([self.scene], self.config.min_score)

    @cached_property
    def arrays(self) -> SceneArrays:
        """The scene by the column; objects have the same indices as in the scene."""
        absent = HOUSEHOLD if self.config.absent_labels is None else self.config.absent_labels
        return arrays.build([self.scene], self.naming, self.config.seed, absent)

    @cached_property
    def picture(self) -> str:
        """The picture's place, relative to the folder that is written: named by its content, or where it lies."""
        data = self.stored["image"]["bytes"]
        if data is None:
            return str(self.stored["image"]["path"])
        with Image.open(io.BytesIO(data)) as image:
            suffix = (image.format or "").lower().replace("jpeg", "jpg").replace("mpo", "jpg")
        return f"{IMAGES}/{self.stored['content_sha256'][:32]}.{suffix}"

    def facts(self, *types: str) -> list[Facts]:
        """Return all decided facts of the scene that are of `types`, whether asked about or not."""
        wanted = {family_of_type()[type_].name: family_of_type()[type_] for type_ in types}
        found = [facts for family in wanted.values() for facts in facts_of(family, self.arrays)]
        return [facts.take(facts.status == DECIDED) for facts in found if facts.type in types]

    def key(self, *parts: Key) -> int:
        """Return the key of this image's random choices for what `parts` name."""
        return key_hash("export", self.config.seed, self.stored["image_id"], *parts)


def pages(build: BuildReader, qa: str, split: str | None = None) -> Iterator[Page]:
    """Yield the images of a build, with their questions of the set `qa`. A few images are in memory at a time.

    `split` is one of train, val, test (None: all). Raises StoreError where the tables are not in the same order.
    """
    config = _ask_config(build, qa)
    shards = zip(build.files("images"), build.files("scenes"), build.files("questions", qa), strict=True)
    for images, scenes, questions in shards:
        asked = groupby(file_rows(questions, _ASKED), key=lambda row: str(row["image_id"]))
        group = next(asked, None)
        for stored, table in zip(_rows(images, _PICTURES_AT_ONCE), _rows(scenes, _SCENES_AT_ONCE), strict=True):
            row = stored.to_pylist()[0]
            rows: list[Row] = []
            if group is not None and group[0] == row["image_id"]:
                rows = list(group[1])
                group = next(asked, None)
            if split in (None, split_of(row["content_sha256"])):
                yield Page(row, table, rows, config)
        if group is not None:
            raise StoreError(f"{questions}: the questions about {group[0]!r} are not in the order of {images}")


def _rows(path: Path, at_once: int) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=at_once):
            yield from (batch.slice(k, 1) for k in range(batch.num_rows))


def _ask_config(build: BuildReader, qa: str) -> AskConfig:
    info = read_info(BuildPaths(build.root).ask(qa))
    return AskConfig(name=qa, **(info.parts["config"]["ask"] if info else {}))
