"""The folder source: what it lists, in which order, and what becomes of bad files."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from picture_files import encode, noise, write_png

from spatialgen.errors import SourceError
from spatialgen.records import Frame, Reject, RejectCode
from spatialgen.sources import files
from spatialgen.sources.base import PlanRow
from spatialgen.sources.folder import FolderSource
from spatialgen.sources.pictures import Pictures


def rows_of(source: FolderSource) -> list[PlanRow]:
    return [found for found in source.list() if isinstance(found, PlanRow)]


def rejects_of(source: FolderSource) -> dict[str, RejectCode]:
    return {found.image_id: found.code for found in source.list() if isinstance(found, Reject)}


def test_pictures_of_all_folders_are_listed_by_path(tmp_path: Path) -> None:
    for i, name in enumerate(["b.png", "a/z.PNG", "a/b/c.jpeg", "a-b.jpg", "ünïcode ☃.png", "with space.webp"]):
        write_png(tmp_path / name, noise(seed=i))
    for name in ("notes.txt", ".hidden.png", ".thumbnails/x.png", "a/._z.png"):
        write_png(tmp_path / name, noise(seed=9))
    rows = rows_of(FolderSource(tmp_path, Pictures()))
    names = [row.image_id for row in rows]
    assert names == ["a-b.jpg", "a/b/c.jpeg", "a/z.PNG", "b.png", "with space.webp", "ünïcode ☃.png"]
    assert [row.path for row in rows] == [name.encode() for name in names]
    assert rows[3].size == (tmp_path / "b.png").stat().st_size
    assert rows[3].mtime_ns == (tmp_path / "b.png").stat().st_mtime_ns


def test_a_frame_is_what_the_file_holds(tmp_path: Path) -> None:
    write_png(tmp_path / "a/b.png", noise())
    source = pickle.loads(pickle.dumps(FolderSource(tmp_path, Pictures())))  # noqa: S301
    frame, rejects = source.read(rows_of(source)[0])
    assert isinstance(frame, Frame)
    assert rejects == ()
    assert np.array_equal(frame.rgb, noise())
    assert (frame.image_id, frame.path, frame.size_wh) == ("a/b.png", "a/b.png", (64, 48))
    assert frame.rgb.flags.writeable
    assert frame.camera is frame.depth is frame.detections is None


def test_by_reference_a_frame_names_its_file_and_carries_no_bytes(tmp_path: Path) -> None:
    write_png(tmp_path / "b.png", noise())
    source = FolderSource(tmp_path, Pictures(embed=False))
    frame = source.read(rows_of(source)[0])[0]
    assert isinstance(frame, Frame)
    assert (frame.path, frame.encoded) == (str(tmp_path / "b.png"), None)


@pytest.mark.parametrize(
    "name", [b"new\nline.png", b"not-utf8-\xff\xfe.png", b"back\\xff.png", b" lead.png", b"*?.png"]
)
def test_strange_names_are_read_and_have_ids_of_their_own(tmp_path: Path, name: bytes) -> None:
    path = os.path.join(os.fsencode(tmp_path), name)
    with open(path, "wb") as file:
        file.write(encode(noise()))
    write_png(tmp_path / "plain.png", noise(seed=1))
    source = FolderSource(tmp_path, Pictures())
    rows = rows_of(source)
    assert len({row.image_id for row in rows}) == 2
    [row] = [row for row in rows if row.path == name]
    row.image_id.encode("utf-8")
    frame = source.read(row)[0]
    assert isinstance(frame, Frame)
    assert np.array_equal(frame.rgb, noise())
    if name.isascii():
        assert row.image_id == name.decode()


def test_a_name_that_is_not_utf8_cannot_be_referred_to(tmp_path: Path) -> None:
    with open(os.path.join(os.fsencode(tmp_path), b"\xff.png"), "wb") as file:
        file.write(encode(noise()))
    source = FolderSource(tmp_path, Pictures(embed=False))
    reject = source.read(rows_of(source)[0])[0]
    assert isinstance(reject, Reject)
    assert reject.code is RejectCode.UNSAFE_PATH
    assert "embed" in reject.detail


def test_what_is_no_file_is_rejected_and_never_opened(tmp_path: Path) -> None:
    write_png(tmp_path / "ok.png", noise())
    write_png(tmp_path / "folder.jpg" / "inside.png", noise(seed=1))
    os.mkfifo(tmp_path / "pipe.png")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.png"))
    source = FolderSource(tmp_path, Pictures())
    expected = dict.fromkeys(("folder.jpg", "pipe.png", "socket.png"), RejectCode.NOT_A_FILE)
    assert rejects_of(source) == expected
    assert [row.image_id for row in rows_of(source)] == ["folder.jpg/inside.png", "ok.png"]


def test_links_are_followed_and_loops_of_them_are_rejects(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write_png(root / "album" / "a.png", noise())
    write_png(tmp_path / "elsewhere" / "b.png", noise(seed=1))
    (root / "album" / "again").symlink_to(root)
    (root / "self.png").symlink_to(root / "self.png")
    (root / "gone.png").symlink_to(root / "nothing.png")
    (root / "other").symlink_to(tmp_path / "elsewhere")
    source = FolderSource(root, Pictures())
    assert [row.image_id for row in rows_of(source)] == ["album/a.png", "other/b.png"]
    assert rejects_of(source) == {
        "album/again": RejectCode.UNSAFE_PATH,
        "self.png": RejectCode.UNSAFE_PATH,
        "gone.png": RejectCode.MISSING_FILE,
    }


def test_of_equal_bytes_the_first_in_order_stays(tmp_path: Path) -> None:
    same, other = encode(noise()), encode(noise())[:-1] + b"\0"
    for name, data in {
        "c.png": same,
        "a/x.png": same,
        "b.png": other,
        "d.png": same,
        "e.png": b"",
        "f.png": b"",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    source = FolderSource(tmp_path, Pictures())
    assert [row.image_id for row in rows_of(source)] == ["a/x.png", "b.png", "e.png", "f.png"]
    assert rejects_of(source) == {"c.png": RejectCode.DUPLICATE, "d.png": RejectCode.DUPLICATE}
    [detail] = {found.detail for found in source.list() if isinstance(found, Reject)}
    assert "a/x.png" in detail
    everything = FolderSource(tmp_path, Pictures(), dedupe=False)
    assert len(rows_of(everything)) == 6


def test_many_files_of_one_size_are_told_apart(tmp_path: Path) -> None:
    for i in range(2100):
        (tmp_path / f"{i:05d}.jpg").write_bytes(f"{i % 1500:08d}".encode())
    source = FolderSource(tmp_path, Pictures())
    found = list(source.list())
    assert [r.image_id for r in found if isinstance(r, PlanRow)] == [f"{i:05d}.jpg" for i in range(1500)]
    assert sum(isinstance(r, Reject) for r in found) == 600


def test_a_file_that_changed_or_vanished_since_the_plan_is_a_reject(tmp_path: Path) -> None:
    source = FolderSource(tmp_path, Pictures())

    def code_after(name: str, spoil: object) -> RejectCode:
        path = write_png(tmp_path / name, noise())
        row = next(row for row in rows_of(replace(source, dedupe=False)) if row.image_id == name)
        spoil(path)  # type: ignore[operator]
        result = source.read(row)[0]
        assert isinstance(result, Reject)
        assert (result.image_id, result.stage, result.object_id) == (name, "read", None)
        return result.code

    def touch(path: Path) -> None:
        os.utime(path, ns=(1, 1))

    def replace_by_folder(path: Path) -> None:
        path.unlink()
        path.mkdir()

    def replace_by_pipe(path: Path) -> None:
        path.unlink()
        os.mkfifo(path)

    assert code_after("a.png", lambda p: p.write_bytes(encode(noise(seed=3)) + b"0")) is RejectCode.CHANGED_FILE
    assert code_after("b.png", touch) is RejectCode.CHANGED_FILE
    assert code_after("c.png", Path.unlink) is RejectCode.MISSING_FILE
    assert code_after("d.png", replace_by_folder) is RejectCode.NOT_A_FILE
    assert code_after("e.png", replace_by_pipe) is RejectCode.NOT_A_FILE


def test_bad_bytes_are_rejected_when_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "a-empty.jpg").write_bytes(b"")
    (tmp_path / "b-text.jpg").write_text("no picture")
    (tmp_path / "c-cut.jpg").write_bytes(encode(noise(), "JPEG")[:-400])
    (tmp_path / "d-dot.png").write_bytes(encode(noise(1, 1)))
    source = FolderSource(tmp_path, Pictures(max_file_bytes=10_000))
    (tmp_path / "e-big.png").write_bytes(encode(noise()) + bytes(10_000))
    codes = [source.read(row)[0].code for row in rows_of(source)]  # type: ignore[union-attr]
    assert codes == ["empty_file", "not_an_image", "truncated_image", "too_small", "too_large"]


def refuse(path: object, *_: object) -> int:
    raise PermissionError(errno.EACCES, "Permission denied", path)


def test_a_file_without_permission_is_a_reject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so that the system's refusal is played here."""
    write_png(tmp_path / "a.png", noise())
    source = FolderSource(tmp_path, Pictures())
    [row] = rows_of(source)
    monkeypatch.setattr(files.os, "open", refuse)
    reject = source.read(row)[0]
    assert isinstance(reject, Reject)
    assert reject.code is RejectCode.NO_PERMISSION


def test_a_folder_without_permission_is_a_reject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_png(tmp_path / "a.png", noise())
    write_png(tmp_path / "locked" / "b.png", noise())
    scandir = os.scandir
    locked = os.fsencode(tmp_path / "locked")
    monkeypatch.setattr(os, "scandir", lambda path: refuse(path) if path == locked else scandir(path))
    source = FolderSource(tmp_path, Pictures())
    assert rejects_of(source) == {"locked": RejectCode.NO_PERMISSION}
    assert [row.image_id for row in rows_of(source)] == ["a.png"]


def test_a_source_that_is_not_there_is_an_error_not_a_reject(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"source\.path.*nowhere"):
        list(FolderSource(tmp_path / "nowhere", Pictures()).list())
    write_png(tmp_path / "photos" / "a.png", noise())
    source = FolderSource(tmp_path / "photos", Pictures())
    [row] = rows_of(source)
    shutil.rmtree(tmp_path / "photos")
    with pytest.raises(SourceError, match="is gone"):
        source.read(row)
