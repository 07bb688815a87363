"""One line of an RGB-D manifest: what it says, checked. The format is spec/rgbd-manifest.md, and one key more:

an object may have `front`, [x, y, z], the direction in which its front points, in OpenCV camera axes as `up` is
(x right, y down, z forward), of any length but zero. Simulators know it; nothing finds it where it is absent.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from spatialgen.qa.safety import unsafe_text
from spatialgen.records import F64, Camera, RejectCode
from spatialgen.sources.fault import Fault

DEFAULT_DEPTH_SCALE_M = 0.001
_MAP_VALUE = re.compile("[1-9][0-9]{0,9}")
Box = tuple[float, float, float, float]
Direction = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class ManifestObject:
    """An entry of `objects` that can be used. `map_value` is its value in the instance map (None: it can have none).

    `front_camera` is normalised.
    """

    object_id: str
    map_value: int | None
    label: str
    name: str | None
    box_px: Box | None
    front_camera: Direction | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ManifestLine:
    """A line that can be used. Paths are as written; `objects` is None where the line has no such field.

    `up_camera` is normalised. `faults` are objects left out, with their ids.
    """

    image_id: str
    image: str
    depth: str | None
    depth_scale_m: float
    instances: str | None
    camera: Camera | None
    up_camera: F64 | None
    objects: tuple[ManifestObject, ...] | None
    faults: tuple[tuple[str, Fault], ...]


def parse_line(line: Mapping[str, Any]) -> ManifestLine:
    """Return what a line says. Raises Fault: bad_manifest_line, unsafe_path, bad_depth, bad_camera, bad_gravity."""
    image = _path(line, "image")
    if image is None:
        raise Fault(RejectCode.BAD_MANIFEST_LINE, "it has no `image`")
    objects, faults = _objects(line.get("objects"))
    return ManifestLine(
        image_id=image_id_of(line),
        image=image,
        depth=_path(line, "depth"),
        depth_scale_m=_depth_scale(line.get("depth_scale")),
        instances=_path(line, "instances"),
        camera=_camera(line.get("camera")),
        up_camera=_up(line.get("up")),
        objects=objects,
        faults=faults,
    )


def load_object(text: str) -> Mapping[str, Any]:
    """Return the JSON object in the line `text`. Raises Fault bad_manifest_line."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Fault(RejectCode.BAD_MANIFEST_LINE, f"not valid JSON: {error}") from error
    if not isinstance(line, dict):
        raise Fault(RejectCode.BAD_MANIFEST_LINE, "not a JSON object")
    return line


def image_id_of(line: Mapping[str, Any]) -> str:
    """Return the line's id, or the stem of its image. Raises Fault bad_manifest_line."""
    value = line.get("id")
    if value is None:
        image = line.get("image")
        value = PurePosixPath(image).stem if isinstance(image, str) else ""
    if isinstance(value, bool) or not isinstance(value, str | int) or not _is_name(str(value)):
        raise Fault(RejectCode.BAD_MANIFEST_LINE, f"`id` is {value!r}; expected text")
    return str(value)


def _path(line: Mapping[str, Any], key: str) -> str | None:
    value = line.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise Fault(RejectCode.BAD_MANIFEST_LINE, f"`{key}` is {value!r}; expected a path relative to the manifest")
    if not _is_name(value):
        raise Fault(RejectCode.UNSAFE_PATH, f"`{key}` holds characters that no path has")
    return value


def _depth_scale(value: Any) -> float:
    if value is None:
        return DEFAULT_DEPTH_SCALE_M
    scale = _number(value)
    if scale is None or scale <= 0:
        raise Fault(RejectCode.BAD_DEPTH, f"`depth_scale` is {value!r}; expected positive metres a step")
    return scale


def _camera(value: Any) -> Camera | None:
    if value is None:
        return None
    found = [_number(value.get(key)) for key in ("fx", "fy", "cx", "cy")] if isinstance(value, dict) else []
    numbers = [n for n in found if n is not None]
    if len(numbers) < 4 or numbers[0] <= 0 or numbers[1] <= 0:
        raise Fault(RejectCode.BAD_CAMERA, f"`camera` is {value!r}; expected finite fx > 0, fy > 0, cx, cy in pixels")
    fx, fy, cx, cy = numbers
    return Camera(fx, fy, cx, cy)


def _up(value: Any) -> F64 | None:
    if value is None:
        return None
    return _direction(value, "up", RejectCode.BAD_GRAVITY)


def _front(value: Any) -> Direction | None:
    if value is None:
        return None
    x, y, z = _direction(value, "front", RejectCode.BAD_OBJECT).tolist()
    return x, y, z


def _direction(value: Any, key: str, code: RejectCode) -> F64:
    """Return a unit vector (3,). Raises Fault `code` where there is no direction in it."""
    numbers = [_number(v) for v in value] if isinstance(value, list) else []
    if len(numbers) != 3 or None in numbers:
        raise Fault(code, f"`{key}` is {value!r}; expected three finite numbers")
    vector = np.array(numbers, np.float64)
    largest = float(np.abs(vector).max())
    if largest < 1e-9:
        raise Fault(code, f"`{key}` has the length zero")
    vector /= largest
    return np.asarray(vector / np.linalg.norm(vector), np.float64)


def _objects(value: Any) -> tuple[tuple[ManifestObject, ...] | None, tuple[tuple[str, Fault], ...]]:
    if value is None:
        return None, ()
    if not isinstance(value, list):
        raise Fault(RejectCode.BAD_MANIFEST_LINE, f"`objects` is {type(value).__name__}; expected a list")
    kept: dict[str, ManifestObject] = {}
    faults: list[tuple[str, Fault]] = []
    for i, item in enumerate(value):
        object_id = _object_id(item, i)
        try:
            if object_id in kept:
                raise Fault(RejectCode.BAD_OBJECT, "a second object with this id")
            kept[object_id] = _object(item, object_id)
        except Fault as fault:
            faults.append((object_id, fault))
    return tuple(kept.values()), tuple(faults)


def _object_id(item: Any, index: int) -> str:
    """Return the id as text, even of an object that cannot be used."""
    value = item.get("id") if isinstance(item, dict) else None
    usable = isinstance(value, str | int) and not isinstance(value, bool) and _is_name(str(value))
    return str(value) if usable else f"objects[{index}]"


def _object(item: Any, object_id: str) -> ManifestObject:
    if not isinstance(item, dict):
        raise Fault(RejectCode.BAD_OBJECT, "not a JSON object")
    value = item.get("id")
    if isinstance(value, bool) or not isinstance(value, str | int) or str(value) != object_id:
        raise Fault(RejectCode.BAD_OBJECT, f"`id` is {value!r}; expected a whole number or text")
    label = _words(item, "label")
    if label is None:
        raise Fault(RejectCode.BAD_OBJECT, "it has no `label`")
    map_value = int(object_id) if _MAP_VALUE.fullmatch(object_id) else None
    name, box, front = _words(item, "name"), _box(item.get("box")), _front(item.get("front"))
    return ManifestObject(object_id, map_value, label.lower(), name, box, front)


def _words(item: Mapping[str, Any], key: str) -> str | None:
    value = item.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Fault(RejectCode.BAD_OBJECT, f"`{key}` is {value!r}; expected text")
    words = " ".join(value.split(" ")).strip()
    reason = unsafe_text(words)
    if reason is not None:
        raise Fault(RejectCode.UNSAFE_TEXT, f"`{key}` {ascii(value)[:120]}: {reason}")
    return words


def _box(value: Any) -> Box | None:
    if value is None:
        return None
    numbers = [_number(v) for v in value] if isinstance(value, list) else []
    if len(numbers) == 4 and None not in numbers:
        x0, y0, x1, y1 = (float(n) for n in numbers if n is not None)
        if x0 < x1 and y0 < y1:
            return x0, y0, x1, y1
    raise Fault(RejectCode.BAD_OBJECT, f"`box` is {value!r}; expected [x0, y0, x1, y1) with x0 < x1 and y0 < y1")


def _number(value: Any) -> float | None:
    """Return a finite JSON number as float, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _is_name(text: str) -> bool:
    """Return whether `text` can be an id or a path: not empty, UTF-8, no NUL."""
    if not text or "\0" in text:
        return False
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
