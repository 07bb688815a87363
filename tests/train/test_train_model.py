"""Models: transformers' own classes, the same numbers, loadable as they are."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_llava import CASES, FIRST, LAST, NONE, ONE, TIMM_CASES, TURNS, make, named
from transformers import AutoModelForImageTextToText, AutoProcessor

from spatialgen.train.attention import attends_packed, set_attention
from spatialgen.train.config import ScratchConfig
from spatialgen.train.export import save_model
from spatialgen.train.labels import Encoder
from spatialgen.train.model import load_model
from spatialgen.train.objective import FeatureCache, Objective, normalise, project, tower_features
from spatialgen.train.pictures import square
from spatialgen.train.rows import collate, pack
from spatialgen.train.templates import IMAGE, Turn, template


@pytest.mark.parametrize(("kind", "projector"), CASES)
def test_our_features_are_those_of_transformers(towers: dict[str, str], kind: str, projector: str) -> None:
    tower, side = named(towers, kind)
    made = make(tower, projector, side)
    model = made.model.eval()
    pixels = normalise(
        torch.randint(0, 255, (2, made.vision.side, made.vision.side, 3), dtype=torch.uint8), made.vision
    )
    with torch.no_grad():
        ours = project(model, tower_features(model, pixels))
        tiled = model.config.model_type == "perception_lm"
        theirs = model.model.get_image_features(pixels[:, None] if tiled else pixels).pooler_output
    theirs = torch.stack(list(theirs)) if isinstance(theirs, list) else theirs
    assert ours.shape == (2, made.vision.tokens, 32)
    torch.testing.assert_close(ours, theirs.reshape(ours.shape))


LOADED = [("dinov2", "linear"), ("siglip", "mlp2x"), ("siglip2", "mlp2x"), ("clip", "pooled"), ("registers", "mlp2x")]


@pytest.mark.parametrize(("kind", "projector"), [*LOADED, ("dinov3", "linear"), *TIMM_CASES])
def test_a_saved_folder_loads_and_answers_as_it_is(
    towers: dict[str, str], kind: str, projector: str, tmp_path: Path
) -> None:
    tower, side = named(towers, kind)
    made = make(tower, projector, side)
    save_model(tmp_path / "model", made, template("v1"), torch.float32)
    model = AutoModelForImageTextToText.from_pretrained(tmp_path / "model").eval()
    processor = AutoProcessor.from_pretrained(tmp_path / "model")
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    messages = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "How far is it?"}]}]
    text = processor.apply_chat_template(messages, add_generation_prompt=True)
    inputs = processor(images=image, text=text, return_tensors="pt")
    encoder = Encoder(made.tokenizer, template("v1"), made.vision.tokens, 999)
    assert inputs["input_ids"][0].tolist() == encoder.prompt([Turn(f"{IMAGE}\nHow far is it?", None)])
    pixels = normalise(torch.from_numpy(square(image, made.vision.side, made.vision.background))[None], made.vision)
    assert (inputs["pixel_values"].reshape(pixels.shape) - pixels).abs().mean() < 0.05
    with torch.no_grad():
        before = made.model.eval()(**inputs).logits
        torch.testing.assert_close(model(**inputs).logits, before)
        said = model.generate(**inputs, max_new_tokens=3, min_new_tokens=3, do_sample=False)
    assert said.shape[1] == inputs["input_ids"].shape[1] + 3
    again = load_model(tmp_path / "model")
    assert again.vision == made.vision
    assert again.patch == made.patch


@pytest.mark.parametrize(
    ("kind", "projector"), [("dinov2", "mlp2x"), (ONE, "mlp2x"), (NONE, "pooled"), (FIRST, "mlp2x"), (LAST, "mlp2x")]
)
def test_the_processor_pads_wide_pictures_as_training_does(
    towers: dict[str, str], kind: str, projector: str, tmp_path: Path
) -> None:
    tower, side = named(towers, kind)
    made = make(tower, projector, side)
    save_model(tmp_path / "model", made, template("v1"), torch.float32)
    processor = AutoProcessor.from_pretrained(tmp_path / "model")
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 120, 3), np.uint8))
    theirs = processor.image_processor(images=image, return_tensors="pt")["pixel_values"]
    ours = normalise(torch.from_numpy(square(image, made.vision.side, made.vision.background))[None], made.vision)
    assert (theirs - ours).abs().mean() < 0.05


def test_a_linear_projector_is_linear(towers: dict[str, str]) -> None:
    projector = make(towers["clip"], "linear").model.model.multi_modal_projector
    a, b = torch.randn(2, 3, 32)
    with torch.no_grad():
        torch.testing.assert_close(projector(a + b) + projector(0 * a), projector(a) + projector(b))


def test_the_loss_is_that_of_transformers_and_packing_does_not_change_it(towers: dict[str, str]) -> None:
    made = make(towers["dinov2"])
    encoder = Encoder(made.tokenizer, template("v1"), made.vision.tokens, 999)
    others = (Turn(f"{IMAGE}\nIs it red?", "No, it is not."),)
    samples = encoder.encode([("a", TURNS), ("b", others), ("c", TURNS[:1])])
    pictures = ["x", "y", "x"]
    rng = np.random.default_rng(1)
    pixels = {k: rng.integers(0, 255, (56, 56, 3)).astype(np.uint8) for k in "xy"}
    objective = Objective(made.model.eval(), made.vision, tower_trains=False)
    with torch.no_grad():
        alone = [float(objective(collate([(i,)], samples, pictures, pixels, 0, 56, 0))) for i in range(3)]
        packed = objective(collate([(0, 1, 2)], samples, pictures, pixels, 0, 56, 0))
        ragged = objective(collate([(0, 1), (2,)], samples, pictures, pixels, 0, 56, 0))
        batch = collate([(0,)], samples, pictures, pixels, 0, 56, 0)
        theirs = made.model(
            input_ids=batch.ids, labels=batch.labels, pixel_values=normalise(batch.pixels, made.vision)
        ).loss
    assert float(packed) == pytest.approx(sum(alone), rel=1e-5)
    assert float(ragged) == pytest.approx(sum(alone), rel=1e-5)
    assert alone[0] / samples[0].supervised == pytest.approx(float(theirs), rel=1e-5)
    assert pack([len(s) for s in samples], 999) == [(0, 1, 2)]


@pytest.mark.parametrize("checkpointing", [False, True])
def test_conversations_apart_have_the_loss_and_gradient_of_a_mask(towers: dict[str, str], checkpointing: bool) -> None:
    scratch = ScratchConfig(hidden_size=32, layers=2, heads=4, kv_heads=2, intermediate_size=64, vocabulary=330)
    made = make(towers["dinov2"], scratch=scratch)
    samples = Encoder(made.tokenizer, template("v1"), made.vision.tokens, 999).encode([("a", TURNS), ("b", TURNS[:1])])
    pixels = {"x": np.random.default_rng(1).integers(0, 255, (56, 56, 3)).astype(np.uint8)}
    batch = collate([(0, 1), (1,)], samples, ["x", "x"], pixels, 0, 56, 0)
    assert [sum(row) for row in batch.lengths] == [batch.ids.shape[1]] * 2
    if checkpointing:
        made.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    found = {}
    for attention in ("sdpa", "packed"):
        set_attention(made.model.model.language_model, attention)
        assert attends_packed(made.model.model.language_model) is (attention == "packed")
        loss = Objective(made.model.train(), made.vision, tower_trains=False)(batch)
        made.model.zero_grad()
        loss.backward()
        trained = made.model.model.language_model.parameters()
        found[attention] = [loss.detach(), *(p.grad.clone() for p in trained if p.grad is not None)]
    for masked, apart in zip(*found.values(), strict=True):
        torch.testing.assert_close(apart, masked, rtol=1e-4, atol=1e-5)


def test_cached_features_are_those_of_the_tower(towers: dict[str, str]) -> None:
    made = make(towers["dinov2"])
    encoder = Encoder(made.tokenizer, template("v1"), made.vision.tokens, 999)
    samples = encoder.encode([("a", TURNS)])
    pixels = {"x": np.random.default_rng(1).integers(0, 255, (56, 56, 3)).astype(np.uint8)}
    batch = collate([(0,)], samples, ["x"], pixels, 0, 56, 0)
    cached = Objective(made.model.eval(), made.vision, False, FeatureCache(10**6))
    with torch.no_grad():
        plain = Objective(made.model, made.vision, False)(batch)
        first, second = cached(batch), cached(batch)
    assert float(first) == float(second)
    assert float(first) == pytest.approx(float(plain), rel=1e-2)
