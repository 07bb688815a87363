"""Write analytic scenes as a folder that the RGB-D source reads (spec/rgbd-manifest.md), the truth beside it.

    write_manifest(Path("rooms"), [sample_scene(seed) for seed in range(20)])

gives `rooms/frames.jsonl`, `rooms/truth.jsonl` and a folder of files for each scene.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from spatialgen.testing.degrade import EXACT, Degradation, degrade
from spatialgen.testing.render import Rendered, render
from spatialgen.testing.scenes import AnalyticObject, AnalyticScene
from spatialgen.testing.truth.scene import from_analytic, to_json


def write_manifest(folder: Path, scenes: Iterable[AnalyticScene], how: Degradation = EXACT) -> int:
    """Write `frames.jsonl`, its files and `truth.jsonl` into `folder`; return the number of frames.

    Files: `rgb.png`, `depth.npy` (float32 metres, NaN without a reading) and `ids.png` (16 bit) for each scene, all
    spoiled as `how` says. Things of which not one pixel is left are not listed. The truth holds the whole shapes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    with (folder / "frames.jsonl").open("w") as frames, (folder / "truth.jsonl").open("w") as truth:
        for scene in scenes:
            picture = degrade(render(scene), how, seed=scene.texture_seed)
            frames.write(json.dumps(_write_frame(folder, scene, picture, how)) + "\n")
            truth.write(json.dumps(to_json(from_analytic(scene))) + "\n")
            count += 1
    return count


def _write_frame(folder: Path, scene: AnalyticScene, picture: Rendered, how: Degradation) -> dict[str, Any]:
    (folder / scene.scene_id).mkdir(exist_ok=True)
    Image.fromarray(picture.rgb).save(folder / scene.scene_id / "rgb.png")
    np.save(folder / scene.scene_id / "depth.npy", picture.depth_m)
    Image.fromarray(picture.ids.astype(np.uint16)).save(folder / scene.scene_id / "ids.png")
    seen = set(np.unique(picture.ids).tolist())
    line: dict[str, Any] = {
        "id": scene.scene_id,
        "image": f"{scene.scene_id}/rgb.png",
        "depth": f"{scene.scene_id}/depth.npy",
        "instances": f"{scene.scene_id}/ids.png",
        "objects": [_entry(scene, item) for item in scene.objects if item.object_id in seen],
    }
    if how.give_camera:
        camera = scene.view.camera
        line["camera"] = {"fx": camera.fx, "fy": camera.fy, "cx": camera.cx, "cy": camera.cy}
    if how.give_up:
        line["up"] = scene.view.up_camera.tolist()
    return line


def _entry(scene: AnalyticScene, item: AnalyticObject) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": item.object_id, "label": item.label, "name": item.name}
    return entry if item.front is None else entry | {"front": scene.view.in_camera(item.front).tolist()}
