"""Tiny builds in the real layout, tiny tokenizers and models: what a test of the trainer runs on in seconds."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from spatialgen import schema
from spatialgen.seeding import rng
from spatialgen.store.layout import BuildPaths, DatasetPaths
from spatialgen.store.manifest import Manifest, Shard, ShardFile, write_manifest

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (40, 60, 220)}


def picture(seed: int, size: tuple[int, int] = (64, 48)) -> tuple[bytes, tuple[str, str]]:
    """Return a PNG whose left half has one colour and right half another, and the names of the two."""
    names = list(COLOURS)
    left, right = rng(seed, "tiny").permutation(3)[:2].tolist()
    image = np.zeros((size[1], size[0], 3), np.uint8)
    image[:, : size[0] // 2], image[:, size[0] // 2 :] = COLOURS[names[left]], COLOURS[names[right]]
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")
    return out.getvalue(), (names[left], names[right])


def image_row(i: int, embed: bool = True) -> dict[str, object]:
    data, _ = picture(i)
    return {
        "image_id": f"img{i}",
        "image": {"bytes": data if embed else None, "path": f"img{i}.png"},
        "width": 64,
        "height": 48,
        "content_sha256": hashlib.sha256(data).hexdigest(),
    }


def question(q: int) -> str:
    """Return the wording of question `q`; even ones are about the left half, odd ones about the right."""
    return f"Which colour has the {('left', 'right')[q % 2]} half?" + " Say so." * (q // 2)


def question_rows(i: int, questions: int) -> list[dict[str, object]]:
    _, colours = picture(i)
    return [
        {
            "qa_id": f"{i}-{q}",
            "image_id": f"img{i}",
            "question": question(q),
            "answer": f"{colours[q % 2].capitalize()}.",
            "question_type": ("left_colour", "right_colour")[q % 2],
            "form": "open",
            "subjects": [str(q % 2), str(q % 3)],
            "status": "decided",
            "answer_value": float(list(COLOURS).index(colours[q % 2])),
            "answer_values": None,
            "answer_unit": "none",
            "sigma": 0.0,
            "params": json.dumps({}),
            "template_id": f"t{q}",
            "seed_key": q,
            "content_sha256": "0" * 64,
            "split": "train",
        }
        for q in range(questions)
    ]


def complete(row: dict[str, object], fields: Iterable[pa.Field]) -> dict[str, object]:
    """Return `row` with nothing in the fields that it lacks and that may not be null."""
    return {f.name: row.get(f.name, None if f.nullable else _nothing(f.type)) for f in fields}


def _nothing(kind: pa.DataType) -> object:
    if pa.types.is_list(kind):
        return []
    if pa.types.is_binary(kind):
        return b""
    if pa.types.is_boolean(kind):
        return False
    return "" if pa.types.is_string(kind) or pa.types.is_dictionary(kind) else 0


def write_build(
    folder: Path,
    images: int = 12,
    unit_images: int = 3,
    units_a_shard: int = 2,
    questions: int = 6,
    image: Callable[[int], dict[str, object]] = image_row,
    asked: Callable[[int, int], list[dict[str, object]]] = question_rows,
    scene: Callable[[int], dict[str, object]] | None = None,
) -> Path:
    """Write a finished build of `images` pictures with `questions` questions each, and return its folder."""
    numbers = range(images)
    units = [list(numbers[k : k + unit_images]) for k in range(0, images, unit_images)]
    paths = BuildPaths(folder)
    pictures = [[image(i) for i in unit] for unit in units]
    rows = [[row for i in unit for row in asked(i, questions)] for unit in units]
    scenes = [[scene(i) for i in unit] if scene else [] for unit in units]
    _write(paths.perceive, {"images": pictures, "scenes": scenes}, units_a_shard)
    _write(paths.ask("default"), {"questions": rows}, units_a_shard)
    (paths.ask("default").plan_json).write_text("{}")
    return folder


SCHEMAS = {"images": schema.IMAGES, "scenes": schema.SCENES, "questions": schema.QUESTIONS}
Units = list[list[dict[str, object]]]


def _write(paths: DatasetPaths, tables: dict[str, Units], units_a_shard: int) -> None:
    shards = []
    count = len(next(iter(tables.values())))
    for index, first in enumerate(range(0, count, units_a_shard)):
        members = {t: units[first : first + units_a_shard] for t, units in tables.items()}
        files = {t: _file(paths, t, index, [row for unit in u for row in unit]) for t, u in members.items()}
        rows = {t: tuple(len(u) for u in units) for t, units in members.items()}
        shards.append(Shard(index, 0, first, len(next(iter(rows.values()))), rows, {}, files))
    records = sum(f.rows for s in shards for f in s.files.values())
    write_manifest(
        paths, Manifest(next(iter(tables)), schema.SCHEMA_VERSION, "f" * 64, count, records, {}, tuple(shards))
    )


def _file(paths: DatasetPaths, table: str, index: int, rows: list[dict[str, object]]) -> ShardFile:
    (paths.root / table).mkdir(parents=True, exist_ok=True)
    name = f"{table}/{table}-{index:05d}.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMAS[table]), paths.root / name, row_group_size=5)
    data = (paths.root / name).read_bytes()
    return ShardFile(name, len(rows), len(data), hashlib.sha256(data).hexdigest())
