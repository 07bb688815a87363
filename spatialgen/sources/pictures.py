"""From the bytes of a picture to a Frame: what all sources have in common."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from spatialgen.records import Frame, RejectCode
from spatialgen.sources.fault import Fault
from spatialgen.sources.files import FileStamp, read_planned
from spatialgen.sources.image import ImageLimits, Picture, read_image


@dataclass(frozen=True, slots=True)
class Pictures:
    """How pictures are read and stored: limits, and whether the frame carries bytes to store (`embed`) or a path."""

    limits: ImageLimits = field(default_factory=ImageLimits)
    max_file_bytes: int = 500_000_000
    embed: bool = True
    jpeg_quality: int = 95

    def frame(self, image_id: str, path: bytes, planned: FileStamp) -> Frame:
        """Return the frame of the file `path`. Raises Fault."""
        return self.read(image_id, path, planned)[0]

    def read(self, image_id: str, path: bytes, planned: FileStamp) -> tuple[Frame, Picture]:
        """Return the frame of the file `path`, and the picture as it was found. Raises Fault."""
        data = read_planned(path, planned, self.max_file_bytes)
        return self.decode(image_id, data, image_id if self.embed else _referable(path))

    def decode(self, image_id: str, data: bytes, path: str) -> tuple[Frame, Picture]:
        """Return the frame of the picture in `data`, and the picture. Raises Fault."""
        if len(data) > self.max_file_bytes:
            raise Fault(RejectCode.TOO_LARGE, f"{len(data)} bytes, over the limit of {self.max_file_bytes}")
        picture = read_image(data, self.limits, self.jpeg_quality if self.embed else None)
        frame = Frame(
            image_id=image_id,
            path=path,
            original_sha256=hashlib.sha256(data).hexdigest(),
            rgb=picture.rgb,
            encoded=picture.encoded,
            image_format=picture.image_format,
            exif_focal_35mm=picture.focal_35mm,
        )
        return frame, picture


def _referable(path: bytes) -> str:
    try:
        return path.decode("utf-8")
    except UnicodeDecodeError as error:
        detail = "its name is not UTF-8, so it cannot be referred to; use output.images: embed"
        raise Fault(RejectCode.UNSAFE_PATH, detail) from error
