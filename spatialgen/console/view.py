"""The command `inspect`: what a build says about one image, in words and in a picture."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from spatialgen.console.picture import scene_picture
from spatialgen.console.tables import as_json, console, print_facts, print_rows
from spatialgen.console.words import shown
from spatialgen.errors import StoreError
from spatialgen.export.reader import BuildReader, open_build
from spatialgen.records import U8, Scene, SceneObject
from spatialgen.schema import scenes_from_table
from spatialgen.sources.fault import Fault
from spatialgen.sources.image import ImageLimits, read_image

_LISTED = 50
_ANY_SIZE = ImageLimits(max_pixels=1 << 30, min_side=1, max_aspect=1e9)


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a build says about one image. `questions` are rows of the questions table, with their set as `qa`."""

    image_id: str
    scene: Scene
    questions: tuple[dict[str, Any], ...]
    picture: str | None


def list_images(out: Path, *, json: bool) -> None:
    """Print the first images of a build with their objects and the size of each."""
    build = open_build(out)
    rows = []
    for scene in build.rows("scenes", columns=["image_id", "width", "height", "objects"]):
        labels = [o["name"] or o["label"] for o in scene["objects"]]
        size = f"{scene['width']}x{scene['height']}"
        rows.append({"image_id": scene["image_id"], "size": size, "objects": labels})
        if len(rows) == _LISTED:
            break
    if json:
        print(as_json(rows))
        return
    table = [(shown(r["image_id"]), r["size"], shown(", ".join(r["objects"]), 90)) for r in rows]
    images = build.scenes.counts.get("images", len(rows))
    print_rows(console(), f"{len(rows)} of {images} images", ("image", "size", "objects"), table)


def inspect(out: Path, image_id: str, picture: Path | None, most: int, qa: str | None, *, json: bool) -> None:
    """Print the objects and questions of an image and write its picture."""
    build = open_build(out)
    scenes = scenes_from_table(build.rows_of(image_id, "scenes"))
    if not scenes:
        raise StoreError(_why_absent(build, image_id))
    path = picture or Path(f"inspect-{re.sub(r'[^A-Za-z0-9._-]+', '_', image_id)[-80:]}.png")
    rgb = _pixels(build, image_id)
    if rgb is not None:
        scene_picture(rgb, scenes[0]).save(path)
    found = Inspected(
        image_id, scenes[0], tuple(_questions(build, image_id, qa)), str(path) if rgb is not None else None
    )
    if json:
        print(as_json(_as_row(found)))
    else:
        _print(found, most)


def _why_absent(build: BuildReader, image_id: str) -> str:
    rejects = build.rows_of(image_id, "rejects").to_pylist()
    if rejects:
        reject = rejects[0]
        return f"{image_id!r} was rejected in {reject['stage']}: {reject['code']}, {reject['detail']}"
    return f"{build.root} has no image {image_id!r}; `spatialgen inspect {build.root}` lists some"


def _pixels(build: BuildReader, image_id: str) -> U8 | None:
    """Return the upright picture, or None where it was kept by reference and its file is gone."""
    image = build.rows_of(image_id, "images").to_pylist()[0]["image"]
    if image["bytes"] is not None:
        with Image.open(io.BytesIO(image["bytes"])) as stored:
            return np.array(stored.convert("RGB"))
    try:
        return read_image(Path(image["path"]).read_bytes(), _ANY_SIZE, None).rgb
    except (OSError, Fault):
        return None


def _questions(build: BuildReader, image_id: str, qa: str | None) -> list[dict[str, Any]]:
    names = [qa] if qa is not None else list(build.sets)
    return [row | {"qa": name} for name in names for row in build.rows_of(image_id, "questions", name).to_pylist()]


def _print(found: Inspected, most: int) -> None:
    terminal, scene = console(), found.scene
    print_facts(terminal, _scene_facts(found))
    header = ("id", "name", "colour", "score", "depth m", "length width height m", "at x y z m", "visible", "cut by")
    print_rows(terminal, "objects", header, [_object_cells(o) for o in scene.objects])
    rows = [
        (q["question_type"], q["form"], " ".join(q["subjects"]), q["question"], q["answer"])
        for q in found.questions[:most]
    ]
    title = f"{len(rows)} of {len(found.questions)} questions"
    print_rows(terminal, title, ("type", "form", "about", "question", "answer"), rows)
    terminal.print(found.picture or "no picture: the file that the build refers to is not there", markup=False)


def _scene_facts(found: Inspected) -> dict[str, str]:
    scene, camera = found.scene, found.scene.camera
    up, floor = scene.gravity, scene.floor
    return {
        "image": f"{shown(found.image_id, 200)}, {scene.width}x{scene.height}, sha256 {scene.content_sha256[:16]}",
        "camera": f"fx {camera.fx:.1f} fy {camera.fy:.1f} cx {camera.cx:.1f} cy {camera.cy:.1f} ({camera.source})",
        "up": "unknown" if up is None else f"{np.round(up.up_camera, 3)} +- {up.sigma_deg:.1f} degrees ({up.source})",
        "floor": "none" if floor is None else f"{floor.camera_height_m:.2f} +- {floor.sigma_m:.2f} m below the camera",
        "scale": f"+- {100 * scene.scale.sigma:.0f} % ({scene.scale.source})",
        "depth": f"{scene.depth_range_m[0]:.2f} to {scene.depth_range_m[1]:.2f} m ({scene.depth_source})",
        "models": ", ".join(f"{m.role}: {m.name}" for m in scene.models) or "none",
    }


def _object_cells(item: SceneObject) -> tuple[str, ...]:
    geometry = item.geometry
    return (
        item.object_id,
        shown(item.name or item.text.caption or item.label),
        item.text.color or "",
        f"{item.score:.2f}",
        f"{item.median_depth_m:.2f}",
        "unknown" if geometry is None else " ".join(f"{v:.2f}" for v in geometry.size_m),
        "unknown" if geometry is None else " ".join(f"{v:.2f}" for v in geometry.center_m),
        f"{100 * item.visible_share:.0f} %",
        " ".join(item.cut),
    )


def _as_row(found: Inspected) -> dict[str, Any]:
    """Return plain values; masks and points are left out, they stand in the scenes table."""
    scene = found.scene
    objects = [
        {
            "object_id": o.object_id,
            "label": o.label,
            "name": o.name,
            "color": o.text.color,
            "caption": o.text.caption,
            "score": o.score,
            "box_px": o.box_px.tolist(),
            "median_depth_m": o.median_depth_m,
            "visible_share": o.visible_share,
            "cut": list(o.cut),
            "size_m": None if o.geometry is None else o.geometry.size_m.tolist(),
            "center_m": None if o.geometry is None else o.geometry.center_m.tolist(),
            "yaw_deg": None if o.geometry is None else o.geometry.yaw_deg,
        }
        for o in scene.objects
    ]
    return {
        "image_id": found.image_id,
        "width": scene.width,
        "height": scene.height,
        "facts": _scene_facts(found),
        "objects": objects,
        "questions": list(found.questions),
        "picture": found.picture,
    }
