"""Captioners: the right crop, the right region, and words that are fit for a question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from full_fixtures import pictures, save_blip, save_florence2
from hypothesis import given
from hypothesis import strategies as st

from spatialgen.perception.captioners import blip, florence2
from spatialgen.perception.captioners._crops import Crop, crop_around
from spatialgen.perception.captioners._texts import safe_caption
from spatialgen.perception.captioners._words import clean
from spatialgen.perception.checks import check_texts
from spatialgen.records import Detections, Frame, InstanceMap

BACKENDS = {"florence2": (florence2, save_florence2), "blip": (blip, save_blip)}
BOXES = np.array([[5, 5, 40, 45], [30, 20, 58, 58], [0, 0, 12, 9]], np.float32)


@pytest.fixture(scope="module", params=list(BACKENDS))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    module, save = BACKENDS[request.param]
    folder = save(tmp_path_factory.mktemp(request.param))
    backend = module.Backend(module.Config.model_validate({"model": str(folder), "crops_per_pass": 2}))
    backend.setup("cpu")
    return backend


@pytest.fixture(scope="module")
def florence(tmp_path_factory: pytest.TempPathFactory) -> florence2.Backend:
    folder: Path = save_florence2(tmp_path_factory.mktemp("florence"))
    backend = florence2.Backend(florence2.Config.model_validate({"model": str(folder)}))
    backend.setup("cpu")
    return backend


def frame(rgb: Any, count: int) -> Frame:
    ids = np.zeros(rgb.shape[:2], np.int32)
    for k in range(count):
        x0, y0, x1, y1 = BOXES[k].astype(int)
        ids[y0:y1, x0:x1] = k + 1
    found = Detections(
        BOXES[:count],
        np.ones(count, np.float32),
        ("mug",) * count,
        tuple(str(k + 1) for k in range(count)),
        (None,) * count,
    )
    return Frame(image_id="a", path="a", original_sha256="0", rgb=rgb, detections=found, instances=InstanceMap(ids))


# --- networks


def test_every_object_of_every_frame_gets_its_own_words(made: Any) -> None:
    """Batches run over the frames' borders; what is said of an object is what would be said of it alone."""
    images = pictures()
    frames = [frame(images[0], 2), frame(images[1], 0), frame(images[2], 3)]
    together = made.describe(frames)
    assert [len(texts) for texts in together] == [2, 0, 3]
    for one, texts in zip(frames, together, strict=True):
        check_texts(made.config.backend, texts, len(one.detections or ()))
        assert made.describe([one]) == [texts]
    said = [t.caption for texts in together for t in texts]
    assert len({text for text in said if text}) >= 2  # different pictures, different words


def test_colours_are_measured_not_said(made: Any) -> None:
    red = np.zeros((60, 80, 3), np.uint8)
    red[..., 0] = 200
    (texts,) = made.describe([frame(red, 1)])
    assert texts[0].color == "red"


def test_words_end_at_the_limit_of_tokens(florence: florence2.Backend) -> None:
    short = florence2.Backend(florence.config.model_copy(update={"max_new_tokens": 3, "beams": 1}))
    short._model, short._processor = florence._model, florence._processor
    assert len(short._say([Crop(pictures()[0], BOXES[0])])[0]) <= 3


def test_the_region_reaches_florence_as_location_tokens(florence: florence2.Backend) -> None:
    crop = Crop(np.zeros((50, 200, 3), np.uint8), np.array([20, 5, 200, 50], np.float32))
    text = florence2.prompt("region", crop)
    assert text == "<REGION_TO_DESCRIPTION><loc_100><loc_100><loc_999><loc_999>"
    ids = florence._processor(text=[text], images=[crop.rgb], return_tensors="pt")["input_ids"][0]
    words = florence._processor.tokenizer.convert_ids_to_tokens(ids.tolist())
    assert [w for w in words if w.startswith("<loc_")] == ["<loc_100>", "<loc_100>", "<loc_999>", "<loc_999>"]
    question = florence._processor.tokenizer.decode(ids, skip_special_tokens=True)
    assert " ".join(question.split()) == "What does the region describe?"
    assert florence2.prompt("caption", crop) == "<CAPTION>"
    assert florence2.prompt("category", crop).startswith("<REGION_TO_CATEGORY><loc_")


# --- crops


def test_a_crop_shows_the_box_and_what_is_around_it() -> None:
    v, u = np.mgrid[:100, :200]
    rgb = np.stack([u, v, u * 0], axis=-1).astype(np.uint8)
    crop = crop_around(rgb, np.array([50, 40, 90, 60], np.float32), 0.5)
    assert crop.rgb.shape == (40, 80, 3)
    assert crop.rgb[0, 0].tolist() == [30, 30, 0]
    assert crop.box_px.tolist() == [20, 10, 60, 30]


sides = st.floats(0, 1, allow_nan=False)


@given(st.integers(1, 300), st.integers(1, 300), sides, sides, sides, sides, st.floats(0, 3))
def test_crops_stay_in_the_image_and_keep_the_box(
    width: int, height: int, a: float, b: float, c: float, d: float, context: float
) -> None:
    x0, x1 = sorted((a * width, c * width))
    y0, y1 = sorted((b * height, d * height))
    box = np.array([x0, y0, x1, y1], np.float32)
    v, u = np.mgrid[:height, :width]
    crop = crop_around(np.stack([u % 256, v % 256, u // 256 + 2 * (v // 256)], axis=-1).astype(np.uint8), box, context)
    first = crop.rgb[0, 0].astype(int)
    left, top = first[0] + 256 * (first[2] % 2), first[1] + 256 * (first[2] // 2)
    assert min(crop.rgb.shape[:2]) >= 1
    assert np.allclose(crop.box_px + np.tile([left, top], 2), box, atol=1e-3)


# --- words


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("a red chair", "a red chair"),
        ("  a red\n chair. ", "a red chair"),
        ("turquoise car<loc_52><loc_333><loc_932><loc_774>", "turquoise car"),
        ("</s><s>human face</s><pad>", "human face"),
        ("a picture of a wooden table", "a wooden table"),
        ("there is a dog", "a dog"),
        ("cup\x00\u200b of tea", "cup of tea"),
        ("ﬁne caf\u00e9 table", "fine café table"),
        ("", None),
        ("...", None),
        ("123", None),
        ("<loc_1><loc_2>", None),
        ("a desk with a lamp, a mug and a very long list of other things", "a desk with a lamp"),
        ("averylongphrasewithoutanyclausethatcouldbekept", None),
    ],
)
def test_what_is_said_is_cleaned(said: str, meant: str | None) -> None:
    assert clean(said, 30) == meant


@pytest.mark.parametrize("said", ["a sign that says [B]", "a <image> of it", "mug {{ name }}", "USER: hello", "a|b"])
def test_what_a_template_could_take_for_its_own_is_left_out(said: str) -> None:
    assert safe_caption(said, 80) is None


@given(st.text(max_size=200))
def test_whatever_a_network_says_is_a_plain_phrase_or_nothing(said: str) -> None:
    phrase = safe_caption(said, 80)
    if phrase is not None:
        assert phrase == " ".join(phrase.split())
        assert 0 < len(phrase) <= 80
        assert phrase.isprintable()
        assert safe_caption(phrase, 80) is not None
