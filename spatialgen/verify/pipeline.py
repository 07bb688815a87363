"""The whole pipeline on a folder of frames: a build in this process, and its scenes and questions read back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spatialgen import schema
from spatialgen.build import generate, perceive
from spatialgen.config.loader import load_config
from spatialgen.config.models import BuildConfig
from spatialgen.errors import BuildFailed
from spatialgen.records import Scene
from spatialgen.store.layout import BuildPaths
from spatialgen.store.read import read_table
from spatialgen.verify.facts import fact_rows

Rows = dict[str, list[dict[str, Any]]]

_JUDGED = [
    "image_id",
    "question_type",
    "subjects",
    "status",
    "answer_value",
    "answer_values",
    "answer_unit",
    "sigma",
    "params",
]

RGBD: Mapping[str, Any] = {
    "name": "verify",
    "perceive": {
        "detector": {"backend": "coco_pair", "min_score": 0.2},
        "depth": {"backend": "fastdepth"},
        "segmenter": {"backend": "u2netp"},
        "captioner": {"backend": "measured"},
        "camera": {"backend": "exif"},
        "gravity": {"backend": "level"},
    },
    "ask": {"per_image": "all", "min_score": 0.5},
}
"""The settings of configs/rgbd.yaml, for installations without the repository."""


def build_config(frames: Path, out: Path, config: Path | None = None) -> BuildConfig:
    """Return a configuration that reads `frames` and writes to `out`, in process: that of a file, or `RGBD`.

    Whatever the file says, every decided fact is asked. Raises ConfigError on a bad file.
    """
    if config is not None:
        paths = ["source.kind=rgbd", f"source.path={frames}", f"output.path={out}"]
        return load_config(config, [*paths, "run.executor=inprocess", "ask.per_image=all", "output.images=reference"])
    return BuildConfig.model_validate(
        {
            **RGBD,
            "source": {"kind": "rgbd", "path": str(frames), "min_side": 16},
            "output": {"path": str(out), "images": "reference"},
            "run": {"executor": "inprocess", "device": "cpu"},
        }
    )


def run_build(
    config: BuildConfig, *, worded: bool = True, tell: Callable[[str], None] = lambda text: None
) -> tuple[dict[str, Scene], Rows]:
    """Run the build and return its scenes and its question rows (the judged columns), both by image id.

    Not `worded`: the questions are left out, and the rows are the facts that they would be about. A build that ends
    with rejects is judged by what it made; `tell` hears why.
    """
    if not worded:
        with _tolerant(tell):
            perceive(config)
        scenes = _scenes(config)
        return scenes, fact_rows(list(scenes.values()))
    with _tolerant(tell):
        generate(config)
    scenes = _scenes(config)
    rows: Rows = {image_id: [] for image_id in scenes}
    for row in _questions(BuildPaths(Path(config.output.path)), config.ask.name):
        rows[row["image_id"]].append(row)
    return scenes, rows


@contextmanager
def _tolerant(tell: Callable[[str], None]) -> Iterator[None]:
    try:
        yield
    except BuildFailed as error:
        tell(str(error))


def _scenes(config: BuildConfig) -> dict[str, Scene]:
    tables = read_table(BuildPaths(Path(config.output.path)).perceive, "scenes")
    return {scene.image_id: scene for table in tables for scene in schema.scenes_from_table(table)}


def _questions(paths: BuildPaths, name: str) -> Iterator[dict[str, Any]]:
    for table in read_table(paths.ask(name), "questions", _JUDGED):
        yield from table.to_pylist()
