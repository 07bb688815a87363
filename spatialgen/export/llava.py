"""A build as training files: one JSON file of records in one of the forms, and a folder of pictures.

Coordinates in texts are on a grid of the picture padded to a square (spec/formats.md), so train with
`image_aspect_ratio: pad`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from spatialgen.errors import StoreError
from spatialgen.export.forms import form
from spatialgen.export.forms.base import Record
from spatialgen.export.pages import IMAGES, SPLITS, Page, pages
from spatialgen.export.reader import BuildReader
from spatialgen.store.files import make_folder, store_errors

QUESTIONS = "questions"


def export_llava(
    build: BuildReader, folder: Path, qa: str, split: str | None = None, form_name: str = QUESTIONS
) -> Path:
    """Write `folder/<split or all>.json` and `folder/images/`, and return the JSON file's path.

    `qa` is the set of questions, `split` one of train, val, test (None: all). The file of another form than
    `questions` has the form in its name; benchmarks are JSON lines. Raises StoreError, ConfigError.
    """
    if split not in (None, *SPLITS):
        raise StoreError(f"there is no split {split!r}; there are: {', '.join(SPLITS)}")
    chosen = form(form_name)
    make_folder(folder / IMAGES)
    name = (split or "all") + ("" if form_name == QUESTIONS else f"-{form_name}")
    path = folder / f"{name}.{'jsonl' if chosen.lines else 'json'}"
    begin, between, end = ("", "\n", "\n") if chosen.lines else ("[\n", ",\n", "\n]\n")
    with store_errors(path), path.open("w", encoding="utf-8") as file:
        file.write(begin)
        for number, record in enumerate(records(build, folder, qa, split, form_name)):
            file.write(between if number else "")
            json.dump(record, file, ensure_ascii=False)
        file.write(end)
    return path


def records(
    build: BuildReader, folder: Path, qa: str, split: str | None = None, form_name: str = QUESTIONS
) -> Iterator[Record]:
    """Yield the records of a form, image by image, and write the pictures that they are about into `folder`."""
    chosen = form(form_name)
    for page in pages(build, qa, split):
        made = list(chosen.records(page))
        if made:
            _write_picture(folder, page)
        for record in made:
            yield {"id": record.pop("id"), "image": page.picture, **record}


def _write_picture(folder: Path, page: Page) -> None:
    """Write an image once, unless the build keeps it by reference."""
    data = page.stored["image"]["bytes"]
    path = folder / page.picture
    if data is not None and not path.exists():
        with store_errors(path):
            path.write_bytes(data)


def default_set(build: BuildReader) -> str:
    """Return the only set of questions of a build. Raises StoreError where there is none, or more than one."""
    names = list(build.sets)
    if len(names) != 1:
        raise StoreError(f"{build.root} has {len(names)} finished sets of questions ({', '.join(names)}): name one")
    return names[0]
