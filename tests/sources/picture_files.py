"""Small pictures and files for the tests of sources."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

# Orientation tag -> the transformation that the tag says has happened to the upright picture, undone by readers.
TURNED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a.transpose(1, 0, 2), 2),
    8: lambda a: np.rot90(a, -1),
}


def quadrants(width: int = 64, height: int = 48) -> np.ndarray:
    """Return an RGB picture whose four quarters have different colours, exact enough to survive JPEG."""
    rgb = np.empty((height, width, 3), np.uint8)
    h, w = height // 2, width // 2
    rgb[:h, :w], rgb[:h, w:], rgb[h:, :w], rgb[h:, w:] = (200, 30, 30), (30, 200, 30), (30, 30, 200), (220, 220, 40)
    return rgb


def noise(width: int = 64, height: int = 48, seed: int = 0) -> np.ndarray:
    """Return a random RGB picture."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def encode(rgb: np.ndarray, image_format: str = "PNG", **options: Any) -> bytes:
    """Return `rgb` as the bytes of a file."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, image_format, **options)
    return buffer.getvalue()


def exif(orientation: int = 1, focal_35mm: int | None = None, gps: bool = False) -> Image.Exif:
    """Return EXIF data as cameras write it."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = "SECRETMAKER"
    if focal_35mm is not None:
        tags.get_ifd(0x8769)[0xA405] = focal_35mm
    if gps:
        tags.get_ifd(0x8825).update({1: "N", 2: (47.0, 22.0, 33.0), 3: "E", 4: (8.0, 32.0, 29.0)})
    return tags


def write_png(path: Path, rgb: np.ndarray) -> Path:
    """Write `rgb` and return the path; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(rgb))
    return path


def write_frame(root: Path, **line: Any) -> dict[str, Any]:
    """Write a complete 64x48 RGB-D frame into `root`, append its line to the manifest, and return the line.

    The frame shows a table (id 1, 20x10 pixels at 10, 20) and a mug (id 7, 5x6 at 40, 8). Keyword arguments replace
    fields of the line; None takes a field out.
    """
    root.mkdir(parents=True, exist_ok=True)
    ids = np.zeros((48, 64), np.uint8)
    ids[20:30, 10:30], ids[8:14, 40:45] = 1, 7
    if not (root / "rgb.png").exists():
        write_png(root / "rgb.png", noise())
        np.save(root / "depth.npy", np.full((48, 64), 2.5, np.float32))
        Image.fromarray(ids).save(root / "ids.png")
    full = {
        "id": "room",
        "image": "rgb.png",
        "depth": "depth.npy",
        "instances": "ids.png",
        "camera": {"fx": 60.0, "fy": 61.0, "cx": 31.5, "cy": 23.5},
        "up": [0.6, -1.2, 1.2],
        "objects": [{"id": 1, "label": "Table", "name": "purple table"}, {"id": 7, "label": "mug"}],
        **line,
    }
    full = {key: value for key, value in full.items() if value is not None}
    with (root / "frames.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(full) + "\n")
    return full
