"""A build as LLaVA reads it: one JSON list of conversations, and a folder of pictures.

Coordinates in questions and answers are on the 0 .. 999 grid of the picture padded to a square (spec/formats.md), so
train with `image_aspect_ratio: pad`. A record holds one question: no turn gives another's answer away.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from spatialgen.errors import StoreError
from spatialgen.export.reader import BuildReader, file_rows
from spatialgen.store.files import make_folder, store_errors

IMAGES = "images"
SPLITS = ("train", "val", "test")
_COLUMNS = ["qa_id", "image_id", "question", "answer", "split"]


def export_llava(build: BuildReader, folder: Path, qa: str, split: str | None = None) -> Path:
    """Write `folder/<split or all>.json` and `folder/images/`, and return the JSON file's path.

    `qa` is the set of questions, `split` one of train, val, test (None: all). Raises StoreError.
    """
    if split not in (None, *SPLITS):
        raise StoreError(f"there is no split {split!r}; there are: {', '.join(SPLITS)}")
    make_folder(folder / IMAGES)
    path = folder / f"{split or 'all'}.json"
    with store_errors(path), path.open("w", encoding="utf-8") as file:
        file.write("[")
        for number, record in enumerate(llava_records(build, folder, qa, split)):
            file.write(",\n" if number else "\n")
            json.dump(record, file, ensure_ascii=False)
        file.write("\n]\n")
    return path


def llava_records(build: BuildReader, folder: Path, qa: str, split: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield a record a question, and write the pictures that they are about into `folder`, shard by shard."""
    for images, questions in zip(build.files("images"), build.files("questions", qa), strict=True):
        asked = [row for row in file_rows(questions, _COLUMNS) if split in (None, row["split"])]
        wanted = {row["image_id"] for row in asked}
        places = {r["image_id"]: _write_image(folder, r) for r in file_rows(images) if r["image_id"] in wanted}
        yield from (_record(row, places[row["image_id"]]) for row in asked)


def _record(row: dict[str, Any], image: str) -> dict[str, Any]:
    turns = [("human", f"<image>\n{row['question']}"), ("gpt", row["answer"])]
    return {
        "id": row["qa_id"],
        "image": image,
        "conversations": [{"from": who, "value": said} for who, said in turns],
    }


def _write_image(folder: Path, row: dict[str, Any]) -> str:
    """Write an image once, named by its content, and return its path relative to `folder`."""
    data = row["image"]["bytes"]
    if data is None:
        return str(row["image"]["path"])
    with Image.open(io.BytesIO(data)) as image:
        suffix = (image.format or "").lower().replace("jpeg", "jpg").replace("mpo", "jpg")
    name = f"{IMAGES}/{row['content_sha256'][:32]}.{suffix}"
    path = folder / name
    if not path.exists():
        with store_errors(path):
            path.write_bytes(data)
    return name


def default_set(build: BuildReader) -> str:
    """Return the only set of questions of a build. Raises StoreError where there is none, or more than one."""
    names = list(build.sets)
    if len(names) != 1:
        raise StoreError(f"{build.root} has {len(names)} finished sets of questions ({', '.join(names)}): name one")
    return names[0]
