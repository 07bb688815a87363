"""Tiny builds in the real layout, tiny tokenizers and models: what a test of the trainer runs on in seconds."""

from __future__ import annotations

import hashlib
import io
import json
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


def picture(seed: int, size: tuple[int, int] = (64, 48)) -> tuple[bytes, str]:
    """Return a PNG whose left half has one colour and right half another, and the name of the left one."""
    names = list(COLOURS)
    left, right = rng(seed, "tiny").permutation(3)[:2].tolist()
    image = np.zeros((size[1], size[0], 3), np.uint8)
    image[:, : size[0] // 2], image[:, size[0] // 2 :] = COLOURS[names[left]], COLOURS[names[right]]
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")
    return out.getvalue(), names[left]


def image_row(i: int, embed: bool = True) -> dict[str, object]:
    data, _ = picture(i)
    return {
        "image_id": f"img{i}",
        "image": {"bytes": data if embed else None, "path": f"img{i}.png"},
        "width": 64,
        "height": 48,
        "content_sha256": hashlib.sha256(data).hexdigest(),
    }


def question_rows(i: int, questions: int) -> list[dict[str, object]]:
    _, left = picture(i)
    rows = []
    for q in range(questions):
        colour = list(COLOURS)[q % 3]
        yes = colour == left
        rows.append(
            {
                "qa_id": f"{i}-{q}",
                "image_id": f"img{i}",
                "question": f"Is the left half {colour}?" + " Say so." * (q // 3),
                "answer": "Yes." if yes else "No.",
                "question_type": "left_of" if q % 2 else "right_of",
                "form": "yes_no",
                "subjects": ["a", colour],
                "status": "decided",
                "answer_value": float(yes),
                "answer_values": None,
                "answer_unit": "none",
                "sigma": 0.0,
                "params": json.dumps({}),
                "template_id": f"t{q}",
                "seed_key": q,
                "content_sha256": "0" * 64,
                "split": "train",
            }
        )
    return rows


def write_build(
    folder: Path, images: int = 12, unit_images: int = 3, units_a_shard: int = 2, questions: int = 6, embed: bool = True
) -> Path:
    """Write a finished build of `images` pictures with `questions` questions each, and return its folder."""
    numbers = range(images)
    units = [list(numbers[k : k + unit_images]) for k in range(0, images, unit_images)]
    paths = BuildPaths(folder)
    pictures = [[image_row(i, embed) for i in unit] for unit in units]
    asked = [[row for i in unit for row in question_rows(i, questions)] for unit in units]
    _write(paths.perceive, "images", schema.IMAGES, pictures, units_a_shard)
    _write(paths.ask("default"), "questions", schema.QUESTIONS, asked, units_a_shard)
    (paths.ask("default").plan_json).write_text("{}")
    return folder


def _write(
    paths: DatasetPaths, table: str, arrow: pa.Schema, units: list[list[dict[str, object]]], units_a_shard: int
) -> None:
    (paths.root / table).mkdir(parents=True, exist_ok=True)
    shards = []
    for index, first in enumerate(range(0, len(units), units_a_shard)):
        members = units[first : first + units_a_shard]
        rows = [row for unit in members for row in unit]
        name = f"{table}/{table}-{index:05d}.parquet"
        pq.write_table(pa.Table.from_pylist(rows, schema=arrow), paths.root / name, row_group_size=5)
        data = (paths.root / name).read_bytes()
        file = ShardFile(name, len(rows), len(data), hashlib.sha256(data).hexdigest())
        counts = {table: tuple(len(u) for u in members)}
        shards.append(Shard(index, 0, first, len(members), counts, {}, {table: file}))
    write_manifest(
        paths, Manifest(table, schema.SCHEMA_VERSION, "f" * 64, len(units), sum(map(len, units)), {}, tuple(shards))
    )
