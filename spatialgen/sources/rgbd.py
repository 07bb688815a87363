"""The RGB-D manifest as a source: sensors and labels where they are given (spec/rgbd-manifest.md).

Everything a line says refers to the *upright* image, as a viewer shows it: EXIF rotation is applied to the picture
only. A map made for the unrotated picture has another size and is refused; it is never turned by guess.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from spatialgen.errors import SourceError
from spatialgen.records import DepthMap, Frame, Reject, RejectCode
from spatialgen.sources.arrays import read_depth, read_ids
from spatialgen.sources.base import PlanRow
from spatialgen.sources.catalog import Entry
from spatialgen.sources.fault import Fault
from spatialgen.sources.files import FileStamp, Inside, check_root, fault_of, read_planned, stamp_of
from spatialgen.sources.folder import text_id
from spatialgen.sources.image import Picture
from spatialgen.sources.instances import ObjectFaults, boxed, detections_of, mask_boxes, number_instances
from spatialgen.sources.listing import planned
from spatialgen.sources.manifest import ManifestLine, image_id_of, load_object, parse_line
from spatialgen.sources.pictures import Pictures

MANIFEST = "frames.jsonl"
MAX_LINE_BYTES = 16_000_000
_GIVES = {
    "camera": "camera",
    "objects": "detections",
    "depth": "depth",
    "instances": "instances",
    "up": "gravity",
}


@dataclass(frozen=True, slots=True)
class RgbdSource:
    """The frames of the manifest `path`, sorted by id. Lines are never merged, even if their pictures are equal."""

    path: Path
    pictures: Pictures

    def list(self) -> Iterator[PlanRow | Reject]:
        """Yield the lines that can be used, and the rejects. Raises SourceError if there is no manifest."""
        inside = Inside(os.fsencode(self.root))
        return planned(self._placed(inside, number, line) for number, line in _lines(self.path))

    def read(self, row: PlanRow) -> tuple[Frame | Reject, tuple[Reject, ...]]:
        """Return the frame of a planned line, and the rejects of its objects."""
        try:
            return self._frame(row)
        except Fault as fault:
            check_root(self.root, fault)
            return fault.reject(row.image_id), ()

    def given(self, row: PlanRow) -> frozenset[str]:
        """Return the fields of the frame that the line gives."""
        line = load_object(json.loads(row.locator)["line"])
        return frozenset(field for key, field in _GIVES.items() if line.get(key) is not None)

    @property
    def root(self) -> Path:
        """The folder that paths are relative to, and may not leave."""
        return self.path.parent

    def _placed(self, inside: Inside, number: int, line: bytes | Fault) -> tuple[str, Entry]:
        place = f"{text_id(os.fsencode(self.path.name))}:{number}"
        return place, _entry(inside, place, number, line)

    def _frame(self, row: PlanRow) -> tuple[Frame, tuple[Reject, ...]]:
        located = json.loads(row.locator)
        line, stamps = parse_line(load_object(located["line"])), located["stamps"]
        inside = Inside(os.fsencode(self.root))
        stamp = FileStamp(row.size, row.mtime_ns)
        frame, picture = self.pictures.read(row.image_id, inside.path(line.image), stamp)
        depth = None
        if line.depth is not None:
            data = self._map(inside, line.depth, stamps["depth"])
            depth = _depth_map(data, line.depth_scale_m, picture, self.pictures.limits.max_pixels)
        frame = replace(frame, camera=line.camera, up_camera=line.up_camera, depth=depth)
        ids = None if line.instances is None else self._map(inside, line.instances, stamps["instances"])
        frame, faults = _with_objects(frame, line, ids, self.pictures.limits.max_pixels)
        return frame, tuple(fault.reject(row.image_id, object_id) for object_id, fault in [*line.faults, *faults])

    def _map(self, inside: Inside, path: str, stamp: tuple[int, int]) -> bytes:
        try:
            return read_planned(inside.path(path), FileStamp(*stamp), self.pictures.max_file_bytes)
        except Fault as fault:
            raise Fault(fault.code, f"{path!r}: {fault.detail}") from fault


def manifest_path(path: Path) -> Path:
    """Return the manifest that `source.path` means: the file itself, or `frames.jsonl` in the folder."""
    return path / MANIFEST if path.is_dir() else path


def _entry(inside: Inside, place: str, number: int, line: bytes | Fault) -> Entry:
    key = place.encode()
    try:
        text = _text(line)
        loaded = load_object(text)
        key = image_id_of(loaded).encode()
        parsed = parse_line(loaded)
        image = _stamp(inside, "image", parsed.image)
        maps = {"depth": parsed.depth, "instances": parsed.instances}
        stamps = {name: _stamp(inside, name, path) for name, path in maps.items() if path is not None}
        located = {"line": text, "stamps": {name: [s.size, s.mtime_ns] for name, s in stamps.items()}}
        return Entry(key, os.fsencode(parsed.image), image.size, image.mtime_ns, json.dumps(located))
    except Fault as fault:
        return Entry(key, b"", fault=Fault(fault.code, f"line {number}: {fault.detail}"))


def _stamp(inside: Inside, field: str, path: str) -> FileStamp:
    try:
        return stamp_of(inside.path(path))
    except Fault as fault:
        raise Fault(fault.code, f"`{field}` {path!r}: {fault.detail}") from fault


def _lines(path: Path) -> Iterator[tuple[int, bytes | Fault]]:
    """Yield the numbers (from 1) and bytes of all lines that are not blank; too long ones as faults."""
    try:
        with open(path, "rb") as file:
            number = 0
            while line := file.readline(MAX_LINE_BYTES):
                number += 1
                long = len(line) == MAX_LINE_BYTES and not line.endswith(b"\n")
                while long and (rest := file.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                    pass
                if long:
                    yield number, Fault(RejectCode.BAD_MANIFEST_LINE, f"longer than {MAX_LINE_BYTES} bytes")
                elif line.strip(b" \t\r\n\xef\xbb\xbf"):
                    yield number, line
    except OSError as error:
        raise SourceError(f"source.path: cannot read the manifest {path}: {fault_of(error).detail}") from error


def _text(line: bytes | Fault) -> str:
    if isinstance(line, Fault):
        raise line
    try:
        return line.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise Fault(RejectCode.BAD_MANIFEST_LINE, "not UTF-8 text") from error


def _depth_map(data: bytes, scale_m: float, picture: Picture, max_pixels: int) -> DepthMap:
    depth = read_depth(data, max_pixels, scale_m)
    (h, w), (height, width) = depth.shape, picture.rgb.shape[:2]
    if picture.quarter_turned and (h < w) != (height < width) and h != w:
        detail = f"depth of {w}x{h} for an image that EXIF turns to {width}x{height}; give it for the upright image"
        raise Fault(RejectCode.SIZE_MISMATCH, detail)
    return DepthMap(depth, "given")


def _with_objects(
    frame: Frame, line: ManifestLine, ids_data: bytes | None, max_pixels: int
) -> tuple[Frame, ObjectFaults]:
    width, height = frame.size_wh
    objects = line.objects or ()
    if ids_data is None:
        if line.objects is None:
            return frame, []
        kept, boxes_px, faults = boxed(objects, width, height)
        return replace(frame, detections=detections_of(kept, boxes_px)), faults
    ids = read_ids(ids_data, max_pixels)
    if ids.shape != (height, width):
        detail = f"instances of {ids.shape[1]}x{ids.shape[0]} for an upright image of {width}x{height} pixels"
        raise Fault(RejectCode.SIZE_MISMATCH, detail)
    kept, instances, faults = number_instances(ids, objects)
    if line.objects is None:
        return replace(frame, instances=instances), faults
    detections = detections_of(kept, mask_boxes(kept, instances))
    return replace(frame, detections=detections, instances=instances), faults
