"""Parquet and tar shards, analytic scenes and sample photos as sources; and what a source leaves open."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from picture_files import encode, noise, write_frame, write_png

from spatialgen.config.loader import load_config
from spatialgen.errors import ConfigError, SourceError, WeightsError
from spatialgen.records import Frame, Reject, RejectCode
from spatialgen.sources.analytic import AnalyticSource
from spatialgen.sources.base import PlanRow, Source
from spatialgen.sources.folder import FolderSource
from spatialgen.sources.gaps import FILLED_BY_STAGES, open_fields
from spatialgen.sources.open import open_source
from spatialgen.sources.parquet import ParquetSource
from spatialgen.sources.pictures import Pictures
from spatialgen.sources.rgbd import RgbdSource, manifest_path
from spatialgen.sources.samples import SamplesSource
from spatialgen.sources.webdataset import WebDatasetSource

CONFIG = Path(__file__).parents[2] / "configs" / "embedded.yaml"


def read_all(source: Source) -> dict[str, Frame | Reject]:
    """Read everything through a copy that has travelled, as workers do."""
    travelled = pickle.loads(pickle.dumps(source))  # noqa: S301
    return {r.image_id: travelled.read(r)[0] if isinstance(r, PlanRow) else r for r in source.list()}


def pixels(found: Frame | Reject) -> np.ndarray:
    assert isinstance(found, Frame), found
    return found.rgb


def code(found: Frame | Reject) -> RejectCode:
    assert isinstance(found, Reject)
    return found.code


@pytest.fixture
def pictures() -> list[bytes]:
    return [encode(noise(seed=i)) for i in range(50)]


def test_a_parquet_column_of_bytes(tmp_path: Path, pictures: list[bytes]) -> None:
    table = pa.table({"image": pa.array(pictures, pa.binary()), "key": [f"k{49 - i:02d}" for i in range(50)]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=20)
    found = read_all(ParquetSource(tmp_path / "a.parquet", Pictures()))
    assert list(found) == [f"a.parquet:{i:09d}" for i in range(50)]
    for i, frame in enumerate(found.values()):
        assert np.array_equal(pixels(frame), noise(seed=i))
    by_key = read_all(ParquetSource(tmp_path, Pictures(), id_column="key"))
    assert list(by_key) == [f"k{i:02d}" for i in range(50)]
    for i in range(50):
        assert np.array_equal(pixels(by_key[f"k{i:02d}"]), noise(seed=49 - i)), "read backwards through the row groups"


def test_a_parquet_column_of_structs_and_of_paths(tmp_path: Path, pictures: list[bytes]) -> None:
    write_png(tmp_path / "photos" / "x.png", noise(seed=7))
    rows: list[Any] = [
        {"bytes": pictures[0], "path": None},
        {"bytes": None, "path": "photos/x.png"},
        {"bytes": None, "path": "../secret.png"},
        {"bytes": None, "path": "/etc/hostname"},
        {"bytes": None, "path": "photos/gone.png"},
        {"bytes": b"", "path": None},
        None,
        {"bytes": b"text", "path": None},
    ]
    type_ = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    pq.write_table(pa.table({"image": pa.array(rows, type_)}), tmp_path / "a.parquet")
    found = list(read_all(ParquetSource(tmp_path, Pictures())).values())
    assert np.array_equal(pixels(found[0]), noise(seed=0))
    assert np.array_equal(pixels(found[1]), noise(seed=7))
    assert [code(f) for f in found[2:]] == [
        *("unsafe_path", "unsafe_path", "missing_file"),
        *("empty_file", "empty_file", "not_an_image"),
    ]


def test_repeated_and_absent_ids_in_parquet(tmp_path: Path, pictures: list[bytes]) -> None:
    table = pa.table({"image": pa.array(pictures[:3], pa.binary()), "id": ["x", "x", None]})
    pq.write_table(table, tmp_path / "a.parquet")
    listed = list(ParquetSource(tmp_path, Pictures(), id_column="id").list())
    assert [(r.image_id, isinstance(r, Reject)) for r in listed] == [
        *(("a.parquet:000000001", True), ("a.parquet:000000002", False), ("x", False)),
    ]


def test_parquet_faults_are_named(tmp_path: Path, pictures: list[bytes]) -> None:
    with pytest.raises(SourceError, match=r"neither a \.parquet file nor a folder"):
        list(ParquetSource(tmp_path, Pictures()).list())
    pq.write_table(pa.table({"photo": pa.array(pictures[:1], pa.binary())}), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match=r"source\.image_column.*no column 'image'; it has: photo"):
        list(ParquetSource(tmp_path, Pictures()).list())
    with pytest.raises(SourceError, match=r"source\.id_column"):
        list(ParquetSource(tmp_path, Pictures(), "photo", "id").list())
    (tmp_path / "b.parquet").write_bytes(b"junk")
    with pytest.raises(SourceError, match="not a readable Parquet file"):
        list(ParquetSource(tmp_path, Pictures(), "photo").list())


def test_a_parquet_file_that_changed_is_a_reject(tmp_path: Path, pictures: list[bytes]) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"image": pa.array(pictures[:2], pa.binary())}), path)
    source = ParquetSource(path, Pictures())
    rows = [r for r in source.list() if isinstance(r, PlanRow)]
    os.utime(path, ns=(1, 1))
    assert code(source.read(rows[0])[0]) is RejectCode.CHANGED_FILE


def write_tar(path: Path, members: dict[str, bytes], **options: Any) -> None:
    with tarfile.open(path, "w", **options) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


@pytest.mark.parametrize("tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_pictures_in_tar_shards(tmp_path: Path, pictures: list[bytes], tar_format: int) -> None:
    long = "a" * 90 + "/" + "b" * 60 + ".png" if tar_format != tarfile.USTAR_FORMAT else "a/b.png"
    write_tar(tmp_path / "1.tar", {"x.png": pictures[0], "x.json": b"{}", long: pictures[1]}, format=tar_format)
    (tmp_path / "sub").mkdir()
    write_tar(tmp_path / "sub" / "0.tar", {"x.png": pictures[2], "y.jpg": b"text", "z.jpg": b""}, format=tar_format)
    found = read_all(WebDatasetSource(tmp_path, Pictures()))
    assert list(found) == sorted(
        ["1.tar/x.png", f"1.tar/{long}", "sub/0.tar/x.png", "sub/0.tar/y.jpg", "sub/0.tar/z.jpg"]
    )
    for name, i in {"1.tar/x.png": 0, f"1.tar/{long}": 1, "sub/0.tar/x.png": 2}.items():
        assert np.array_equal(pixels(found[name]), noise(seed=i))
    assert code(found["sub/0.tar/y.jpg"]) is RejectCode.NOT_AN_IMAGE
    assert code(found["sub/0.tar/z.jpg"]) is RejectCode.EMPTY_FILE


def test_strange_tar_members_are_rejects(tmp_path: Path, pictures: list[bytes]) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    write_tar(tmp_path / "b.tar", {"../up.png": pictures[0], "same.png": pictures[1]})
    with tarfile.open(tmp_path / "b.tar", "a") as tar:
        info = tarfile.TarInfo("same.png")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"text"))
    listed = list(WebDatasetSource(tmp_path, Pictures()).list())
    codes = {r.image_id: r.code for r in listed if isinstance(r, Reject)}
    assert codes.pop("a.tar/link.png") is RejectCode.NOT_A_FILE
    [(name, code_)] = codes.items()
    assert name.startswith("b.tar/same.png@")
    assert code_ is RejectCode.DUPLICATE_ID
    found = WebDatasetSource(tmp_path, Pictures())
    frames = {r.image_id: found.read(r)[0] for r in listed if isinstance(r, PlanRow)}
    assert np.array_equal(pixels(frames["b.tar/../up.png"]), noise(seed=0)), "a name only: nothing is unpacked"
    assert np.array_equal(pixels(frames["b.tar/same.png"]), noise(seed=1))


def test_a_shard_that_is_compressed_damaged_or_changed(tmp_path: Path, pictures: list[bytes]) -> None:
    path = tmp_path / "a.tar"
    write_tar(path, {"x.png": pictures[0]})
    source = WebDatasetSource(path, Pictures())
    [row] = source.list()
    assert isinstance(row, PlanRow)
    os.utime(path, ns=(1, 1))
    assert code(source.read(row)[0]) is RejectCode.CHANGED_FILE
    path.write_bytes(b"\x1f\x8b junk")
    with pytest.raises(SourceError, match="not an uncompressed tar shard"):
        list(source.list())


def test_analytic_scenes_are_complete_frames() -> None:
    source = AnalyticSource(scenes=2, size_wh=(64, 48), seed=5)
    found = read_all(source)
    assert list(found) == ["room-000005", "room-000006"]
    for frame in found.values():
        assert isinstance(frame, Frame)
        assert frame.size_wh == (64, 48)
        assert frame.depth is not None
        assert frame.camera is not None
        assert frame.detections is not None
        assert frame.encoded is not None
    rows = [r for r in source.list() if isinstance(r, PlanRow)]
    assert open_fields(source, [rows]) == {"scene"}


def test_what_a_manifest_leaves_open_decides_which_models_are_needed(tmp_path: Path) -> None:
    write_frame(tmp_path, id="a")
    source = RgbdSource(manifest_path(tmp_path), Pictures())
    assert open_fields(source, [list(source.list())]) == {"scene", "texts"}
    write_frame(tmp_path, id="b", camera=None)
    write_frame(tmp_path, id="c", depth=None, up=None)
    assert open_fields(source, [list(source.list())]) == {"scene", "texts", "camera", "depth", "gravity"}
    folder = FolderSource(tmp_path, Pictures())
    assert open_fields(folder, [list(folder.list())]) == FILLED_BY_STAGES


def test_sample_photos_are_planned_from_the_list_and_read_only_when_pulled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPATIALGEN_CACHE", str(tmp_path))
    source = SamplesSource(Pictures())
    rows = [r for r in source.list() if isinstance(r, PlanRow)]
    assert len(rows) >= 3
    assert {r.locator for r in rows} == set(source.weights)
    with pytest.raises(WeightsError, match="models pull"):
        source.read(rows[0])


@pytest.mark.parametrize(
    ("overrides", "kind"),
    [
        ((), SamplesSource),
        (("source.path=.",), FolderSource),
        (("source={kind: rgbd, path: .}",), RgbdSource),
        (("source={kind: parquet, path: ., image_column: photo}",), ParquetSource),
        (("source={kind: webdataset, path: .}",), WebDatasetSource),
        (("source={kind: analytic}",), AnalyticSource),
    ],
)
def test_the_configuration_chooses_the_source(overrides: tuple[str, ...], kind: type) -> None:
    assert isinstance(open_source(load_config(CONFIG, overrides)), kind)


@pytest.mark.parametrize(
    "source", ["{kind: webdataset, path: .}", "{kind: analytic}", "{kind: folder, path: '@samples'}"]
)
def test_only_files_can_be_referred_to(source: str) -> None:
    config = load_config(CONFIG, [f"source={source}", "output.images=reference"])
    with pytest.raises(ConfigError, match=r"output\.images"):
        open_source(config)


def test_paths_do_not_depend_on_where_a_worker_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_png(tmp_path / "photos" / "a.png", noise())
    monkeypatch.chdir(tmp_path)
    source = open_source(load_config(CONFIG, ["source.path=photos"]))
    monkeypatch.chdir("/")
    assert list(read_all(source)) == ["a.png"]
