"""Whatever a manifest or a file holds: a result or a Fault, never another error."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from picture_files import encode, noise

from spatialgen.qa.safety import unsafe_text
from spatialgen.sources.arrays import read_depth, read_ids
from spatialgen.sources.fault import Fault
from spatialgen.sources.image import ImageLimits, read_image
from spatialgen.sources.manifest import image_id_of, load_object, parse_line

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.lists(
    st.fixed_dictionaries({}, optional=dict.fromkeys(("id", "label", "name", "box"), VALUES)) | VALUES, max_size=4
)
CAMERAS = st.fixed_dictionaries({}, optional=dict.fromkeys(("fx", "fy", "cx", "cy"), VALUES)) | VALUES
LINES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("id", "image", "depth", "depth_scale", "instances", "up"), VALUES),
        "camera": CAMERAS,
        "objects": OBJECTS | VALUES,
    },
)


@settings(max_examples=150, deadline=None)
@given(LINES)
@example({"image": "a.png", "up": [1e308, 1e308, 1e308]})
@example({"image": "a.png", "up": [1e-300, 0, 0]})
@example({"image": "a.png", "objects": [{"id": 10**4000, "label": "x"}]})
def test_any_line_is_understood_or_refused(line: dict[str, Any]) -> None:
    with contextlib.suppress(Fault):
        loaded = load_object(json.dumps(line))
        image_id_of(loaded).encode()
        parsed = parse_line(loaded)
        if parsed.up_camera is not None:
            assert abs(np.linalg.norm(parsed.up_camera) - 1) < 1e-9
        ids = [o.object_id for o in parsed.objects or ()]
        assert len(ids) == len(set(ids))
        for item in parsed.objects or ():
            item.object_id.encode()
            assert unsafe_text(item.label) is None
            assert item.name is None or unsafe_text(item.name) is None


def saved(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


FILES = [
    saved(np.ones((6, 8), np.float32)),
    saved(np.ones((6, 8), np.uint16)),
    encode(np.full((6, 8), 900, np.uint16)),
    encode(np.full((6, 8), 9, np.uint8)),
    encode(noise(20, 20)),
    encode(noise(20, 20), "JPEG"),
    encode(noise(20, 20), "WEBP"),
    encode(noise(20, 20), "TIFF"),
    encode(noise(20, 20), "GIF"),
    encode(noise(20, 20), "BMP"),
]


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(FILES), st.data())
def test_damaged_files_are_read_or_refused(data: bytes, draw: st.DataObject) -> None:
    spoiled = bytearray(data[: draw.draw(st.integers(0, len(data)))])
    for _ in range(draw.draw(st.integers(0, 3))):
        if spoiled:
            spoiled[draw.draw(st.integers(0, len(spoiled) - 1))] = draw.draw(st.integers(0, 255))
    with contextlib.suppress(Fault):
        read_image(bytes(spoiled), ImageLimits(max_pixels=10_000, min_side=1))
    with contextlib.suppress(Fault):
        assert read_depth(bytes(spoiled), 10_000, 0.001).dtype == np.float32
    with contextlib.suppress(Fault):
        assert read_ids(bytes(spoiled), 10_000).dtype == np.int32
