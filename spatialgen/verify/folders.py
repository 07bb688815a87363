"""Folders of frames with their truth: written from analytic scenes, or brought by the user."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from spatialgen.errors import SourceError
from spatialgen.geometry.camera import depth_on_image_grid
from spatialgen.records import F32, I32, Camera
from spatialgen.testing.truth import TrueScene, from_json


def read_truth(folder: Path) -> list[TrueScene]:
    """Return the true scenes of a folder that has `truth.jsonl` beside `frames.jsonl`.

    Depth and ids of the frames are taken for what is truly seen. Raises SourceError that says what is missing.
    """
    frames = {str(line.get("id", Path(line["image"]).stem)): line for line in _lines(folder / "frames.jsonl")}
    return [_true_scene(folder, line, frames) for line in _lines(folder / "truth.jsonl")]


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise SourceError(f"{path} is missing; spatialgen.testing.manifest.write_manifest writes such a folder")
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def _true_scene(folder: Path, line: Mapping[str, Any], frames: Mapping[str, Mapping[str, Any]]) -> TrueScene:
    frame = frames.get(str(line["id"]))
    if frame is None:
        raise SourceError(f"{folder / 'truth.jsonl'}: no frame has the id {line['id']!r}")
    if "instances" not in frame or "depth" not in frame:
        raise SourceError(f"frame {line['id']!r} needs depth and instances, so that what is seen is known")
    camera = frame.get("camera")
    ids = _ids(folder / frame["instances"])
    depth = _depth(folder / frame["depth"], float(frame.get("depth_scale", 0.001)))
    depth = depth_on_image_grid(depth, ids.shape[1], ids.shape[0])
    return from_json(line, depth, ids, None if camera is None else Camera(**camera))


def _ids(path: Path) -> I32:
    array = np.load(path, allow_pickle=False) if path.suffix == ".npy" else np.asarray(Image.open(path))
    return array.astype(np.int32)


def _depth(path: Path, scale: float) -> F32:
    if path.suffix == ".npy":
        depth: F32 = np.load(path, allow_pickle=False).astype(np.float32)
        return depth
    return (np.asarray(Image.open(path)).astype(np.float32) * np.float32(scale)).astype(np.float32)


def count_frames(folder: Path) -> int:
    """Return the number of frames of a folder."""
    return len(_lines(folder / "frames.jsonl"))


def by_id(scenes: Sequence[TrueScene]) -> dict[str, TrueScene]:
    """Return the scenes by their id."""
    return {scene.scene_id: scene for scene in scenes}
