"""Reading whole manifests for the tests of the RGB-D source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from picture_files import write_frame

from spatialgen.records import Frame, Reject
from spatialgen.sources.image import ImageLimits
from spatialgen.sources.pictures import Pictures
from spatialgen.sources.rgbd import RgbdSource, manifest_path


def source_of(root: Path, **limits: int) -> RgbdSource:
    return RgbdSource(manifest_path(root), Pictures(ImageLimits(**limits)))


def read_all(root: Path, **limits: int) -> tuple[dict[str, Frame], list[Reject]]:
    source = source_of(root, **limits)
    frames, rejects = {}, []
    for row in source.list():
        if isinstance(row, Reject):
            rejects.append(row)
            continue
        result, of_objects = source.read(row)
        rejects.extend(of_objects)
        if isinstance(result, Frame):
            frames[row.image_id] = result
        else:
            rejects.append(result)
    return frames, rejects


def read_one(root: Path, **line: Any) -> Frame:
    write_frame(root, **line)
    frames, rejects = read_all(root)
    assert rejects == []
    [frame] = frames.values()
    return frame
