"""Small manifest frames for the benches: a few rendered scenes, listed many times under names of their own."""

from __future__ import annotations

import json
from pathlib import Path

from spatialgen.config.loader import load_config
from spatialgen.config.models import BuildConfig
from spatialgen.testing.manifest import write_manifest
from spatialgen.testing.scenes import sample_scene

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "rgbd.yaml"
RENDERED = 20


def write_frames(folder: Path, count: int, size_wh: tuple[int, int], objects: tuple[int, int] = (3, 7)) -> None:
    """Write a manifest of `count` frames of `size_wh` pixels into `folder`, with everything given."""
    write_manifest(folder, (sample_scene(seed, size_wh=size_wh, objects=objects) for seed in range(RENDERED)))
    path = folder / "frames.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    with path.open("w") as handle:
        for k in range(count):
            line = lines[k % len(lines)]
            handle.write(json.dumps(line | {"id": f"{line['id']}-{k:05d}"}) + "\n")


def frames_config(frames: Path, out: Path, *overrides: str) -> BuildConfig:
    """Return configs/rgbd.yaml over `frames`."""
    return load_config(CONFIG, [f"source.path={frames}", f"output.path={out}", *overrides])
