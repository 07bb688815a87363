"""Depth and instance maps of the RGB-D manifest: formats, faults, sizes, and pictures that EXIF turns."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from picture_files import TURNED, encode, exif, noise, quadrants, write_frame
from PIL import Image
from rgbd_reading import read_all, read_one

from spatialgen.records import RejectCode

TABLE = {"id": 1, "label": "table"}


@pytest.mark.parametrize("scale", [None, 0.0005])
def test_depth_from_a_16_bit_png(tmp_path: Path, scale: float | None) -> None:
    write_frame(tmp_path)
    steps = np.arange(24 * 32, dtype=np.uint16).reshape(24, 32) * 80
    (tmp_path / "depth.png").write_bytes(encode(steps))
    (tmp_path / "frames.jsonl").unlink()
    frame = read_one(tmp_path, depth="depth.png", depth_scale=scale)
    assert frame.depth is not None
    assert np.isnan(frame.depth.depth_m[0, 0])
    expected = steps * (scale or 0.001)
    assert np.allclose(frame.depth.depth_m.ravel()[1:], expected.ravel()[1:], rtol=1e-6)


def test_no_reading_is_nan_and_a_map_of_another_size_is_kept(tmp_path: Path) -> None:
    write_frame(tmp_path)
    (tmp_path / "frames.jsonl").unlink()
    depth = np.full((24, 30), 3.0, np.float32)
    depth[0, :6] = (0, np.nan, np.inf, -np.inf, -1, 1e-3)
    np.save(tmp_path / "depth.npy", depth)
    frame = read_one(tmp_path)
    assert frame.depth is not None
    assert frame.depth.depth_m.shape == (24, 30)
    assert np.isnan(frame.depth.depth_m[0, :5]).all()
    assert np.isfinite(frame.depth.depth_m[0, 5:]).all()


def test_depth_may_be_stored_in_columns_or_in_other_floats(tmp_path: Path) -> None:
    for i, dtype in enumerate(("<f2", ">f4", "<f8")):
        root = tmp_path / str(i)
        write_frame(root)
        ramp = np.linspace(1, 2, 48 * 64).reshape(48, 64).astype(dtype)
        np.save(root / "depth.npy", np.asfortranarray(ramp))
        frames, rejects = read_all(root)
        assert rejects == []
        depth = frames["room"].depth
        assert depth is not None
        assert np.array_equal(depth.depth_m, ramp.astype(np.float32))


def npy_bytes(header: bytes, body: bytes = b"") -> bytes:
    header = header + b" " * (118 - len(header)) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body


def saved(array: np.ndarray, **options: bool) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


HUGE = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }"
NEGATIVE = b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, -1), }"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", RejectCode.EMPTY_FILE),
        (b"text", RejectCode.BAD_DEPTH),
        (npy_bytes(HUGE), RejectCode.TOO_LARGE),
        (npy_bytes(NEGATIVE), RejectCode.BAD_DEPTH),
        (npy_bytes(HUGE.replace(b"}", b" ")), RejectCode.BAD_DEPTH),
        (npy_bytes(b"__import__('os').system('true')"), RejectCode.BAD_DEPTH),
        (
            npy_bytes(b"{'descr': '|O', 'fortran_order': False, 'shape': (2, 2), }", b"cos\nsystem\n"),
            RejectCode.BAD_DEPTH,
        ),
        (saved(np.array([[{}, {}]], object), allow_pickle=True), RejectCode.BAD_DEPTH),
        (saved(np.ones((48, 64), np.float32))[:-8], RejectCode.BAD_DEPTH),
        (saved(np.ones((48, 64), np.int32)), RejectCode.BAD_DEPTH),
        (saved(np.ones((48, 64), np.complex64)), RejectCode.BAD_DEPTH),
        (saved(np.ones((48, 64, 1), np.float32)), RejectCode.BAD_DEPTH),
        (saved(np.float32(1)), RejectCode.BAD_DEPTH),
        (saved(np.ones((0, 64), np.float32)), RejectCode.BAD_DEPTH),
        (saved(np.zeros((48, 64), np.float32)), RejectCode.BAD_DEPTH),
        (saved(np.ones((200, 64), np.float32)), RejectCode.TOO_LARGE),
        (encode(np.ones((48, 64), np.uint8)), RejectCode.BAD_DEPTH),
        (encode(noise()), RejectCode.BAD_DEPTH),
        (encode(np.full((200, 64), 900, np.uint16)), RejectCode.TOO_LARGE),
        (encode(noise()[..., 0].astype(np.uint16) * 250)[:-200], RejectCode.BAD_DEPTH),
        (b"\x89PNG\r\n\x1a\n", RejectCode.BAD_DEPTH),
    ],
)
def test_bad_depth_is_a_reject(tmp_path: Path, data: bytes, code: RejectCode) -> None:
    write_frame(tmp_path)
    (tmp_path / "depth.npy").write_bytes(data)
    frames, [reject] = read_all(tmp_path, max_pixels=10_000)
    assert frames == {}
    assert reject.code is code


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int64, np.uint64, bool])
def test_ids_from_npy(tmp_path: Path, dtype: type) -> None:
    write_frame(tmp_path)
    ids = np.zeros((48, 64), dtype)
    ids[20:30, 10:30] = 1
    np.save(tmp_path / "ids.npy", ids)
    (tmp_path / "frames.jsonl").unlink()
    frame = read_one(tmp_path, instances="ids.npy", objects=[TABLE])
    assert frame.instances is not None
    assert np.array_equal(frame.instances.ids, ids.astype(np.int32))


def test_ids_from_16_bit_and_palette_pngs(tmp_path: Path) -> None:
    write_frame(tmp_path)
    ids = np.zeros((48, 64), np.uint16)
    ids[:, 5:] = 40_000
    (tmp_path / "deep.png").write_bytes(encode(ids))
    palette = Image.fromarray((ids > 0).astype(np.uint8), "L").convert("P")
    palette.putpalette([255, 0, 0, 0, 255, 0])
    palette.save(tmp_path / "palette.png")
    (tmp_path / "frames.jsonl").unlink()
    write_frame(tmp_path, id="deep", instances="deep.png", objects=[{"id": 40_000, "label": "wall"}])
    write_frame(tmp_path, id="palette", instances="palette.png", objects=[TABLE])
    frames, rejects = read_all(tmp_path)
    assert rejects == []
    for frame in frames.values():
        assert frame.instances is not None
        assert np.array_equal(frame.instances.ids, (ids > 0).astype(np.int32))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (encode(np.ones((48, 63), np.uint8)), RejectCode.SIZE_MISMATCH),
        (encode(np.ones((24, 32), np.uint8)), RejectCode.SIZE_MISMATCH),
        (encode(noise()), RejectCode.BAD_INSTANCES),
        (encode(np.ones((48, 64), bool)), RejectCode.BAD_INSTANCES),
        (saved(np.ones((48, 64), np.float32)), RejectCode.BAD_INSTANCES),
        (saved(np.full((48, 64), -1, np.int32)), RejectCode.BAD_INSTANCES),
        (saved(np.full((48, 64), 2**40)), RejectCode.BAD_INSTANCES),
        (saved(np.ones((48, 64, 2), np.int32)), RejectCode.BAD_INSTANCES),
        (saved(np.ones((200, 64), np.int32)), RejectCode.TOO_LARGE),
        (encode(np.ones((200, 64), np.uint8)), RejectCode.TOO_LARGE),
        (saved(np.array([[1, {}]], object), allow_pickle=True), RejectCode.BAD_INSTANCES),
        (b"junk", RejectCode.BAD_INSTANCES),
    ],
)
def test_bad_instances_are_a_reject(tmp_path: Path, data: bytes, code: RejectCode) -> None:
    write_frame(tmp_path)
    (tmp_path / "ids.png").write_bytes(data)
    frames, [reject] = read_all(tmp_path, max_pixels=10_000)
    assert frames == {}
    assert reject.code is code


def turned_frame(root: Path, orientation: int, upright_maps: bool) -> None:
    write_frame(root)
    upright = quadrants()
    raw = np.ascontiguousarray(TURNED[orientation](upright))
    (root / "rgb.png").write_bytes(encode(raw, exif=exif(orientation)))
    if not upright_maps:
        ids = np.array(Image.open(root / "ids.png"))
        turned = np.ascontiguousarray(TURNED[orientation](ids[..., None])[..., 0])
        (root / "ids.png").write_bytes(encode(turned))
        np.save(root / "depth.npy", np.full(turned.shape, 2.5, np.float32))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_maps_and_camera_belong_to_the_upright_image(tmp_path: Path, orientation: int) -> None:
    turned_frame(tmp_path, orientation, upright_maps=True)
    frames, rejects = read_all(tmp_path)
    assert rejects == []
    frame = frames["room"]
    assert np.array_equal(frame.rgb, quadrants())
    assert frame.instances is not None
    assert frame.instances.ids.shape == frame.rgb.shape[:2]
    assert frame.camera is not None
    assert (frame.camera.fx, frame.camera.cx) == (60.0, 31.5)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
@pytest.mark.parametrize("maps", ["instances", "depth"])
def test_maps_of_the_unturned_picture_are_refused(tmp_path: Path, orientation: int, maps: str) -> None:
    turned_frame(tmp_path, orientation, upright_maps=False)
    line = json.loads((tmp_path / "frames.jsonl").read_text())
    del line["depth" if maps == "instances" else "instances"]
    (tmp_path / "frames.jsonl").write_text(json.dumps(line))
    frames, rejects = read_all(tmp_path)
    assert frames == {}
    assert RejectCode.SIZE_MISMATCH in {r.code for r in rejects}
