"""A build opens in datasets, pandas, DuckDB and pyarrow, by its files alone."""

from __future__ import annotations

from pathlib import Path

import datasets
import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

from spatialgen.export.reader import open_build
from spatialgen.schema import IMAGES, QUESTIONS, SCENES


@pytest.fixture(autouse=True)
def _caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


def test_datasets_reads_pictures_and_questions_by_the_card(built: Path, tmp_path: Path) -> None:
    images = datasets.load_dataset(str(built), "images", split="train", cache_dir=str(tmp_path / "cache"))
    assert isinstance(images.features["image"], datasets.Image)
    first = images[0]
    assert isinstance(first["image"], Image.Image)
    assert first["image"].size == (first["width"], first["height"])
    questions = datasets.load_dataset(str(built), split="train", cache_dir=str(tmp_path / "cache"))
    assert questions.num_rows == sum(open_build(built).sets["default"].counts["questions"].values())
    assert set(questions.column_names) == set(QUESTIONS.names)


def test_datasets_reads_the_files_alone(built: Path, tmp_path: Path) -> None:
    files = [str(path) for path in open_build(built).files("images")]
    images = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    assert np.array(images[0]["image"]).shape == (120, 160, 3)


def test_pyarrow_reads_the_schemas_with_their_documentation(built: Path) -> None:
    build = open_build(built)
    for table, schema in (("images", IMAGES), ("scenes", SCENES)):
        found = pq.read_schema(build.files(table)[0])
        assert found.equals(schema)
        assert all(field.metadata[b"doc"] for field in found)
    found = pq.read_schema(build.files("questions", "default")[0])
    assert found.names == QUESTIONS.names


def test_pandas_reads_questions_with_their_facts(built: Path) -> None:
    frame = pd.concat([pd.read_parquet(path) for path in open_build(built).files("questions", "default")])
    distances = frame[(frame.question_type == "distance") & (frame.status == "decided")]
    assert len(distances) > 0
    assert (distances.answer_value > 0).all()
    assert (distances.answer_unit == "m").all()


def test_duckdb_joins_questions_images_and_scenes(built: Path) -> None:
    build = open_build(built)
    files = {t: [str(p) for p in build.files(t)] for t in ("images", "scenes")}
    questions = [str(p) for p in build.files("questions", "default")]
    rows = duckdb.sql(
        f"""SELECT q.image_id, count(*) AS n, any_value(len(s.objects)) AS objects, any_value(i.width) AS width
            FROM read_parquet({questions}) q
            JOIN read_parquet({files["images"]}) i USING (image_id)
            JOIN read_parquet({files["scenes"]}) s USING (image_id)
            GROUP BY q.image_id ORDER BY q.image_id"""
    ).fetchall()
    total = sum(build.sets["default"].counts["questions"].values())
    assert sum(n for _, n, _, _ in rows) == total
    assert all(objects > 0 and width == 160 for _, _, objects, width in rows)
