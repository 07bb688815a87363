"""What trains is what the config says, all of it gets a gradient, and nothing else moves."""

import numpy as np
import pytest
import torch
from tiny_llava import BATCH, FIRST, FIVE, LAST, NONE, ONE, TURNS, make, named

from spatialgen.train.config import OptimConfig, TrainsConfig
from spatialgen.train.errors import TrainError
from spatialgen.train.labels import Encoder
from spatialgen.train.objective import Objective, tower_features
from spatialgen.train.parts import tower_of
from spatialgen.train.rows import collate
from spatialgen.train.templates import template
from spatialgen.train.trainable import cast_frozen, check, freeze, merge_adapters, table, used_layers

ALL = TrainsConfig(language="full", vision_from_layer=1)
SETTINGS = [
    ("dinov2", TrainsConfig()),
    ("clip", TrainsConfig(language="full")),
    ("siglip", TrainsConfig(language="lora")),
]
SETTINGS += [("dinov2", ALL), ("clip", ALL), ("siglip", TrainsConfig(vision_from_layer=0)), ("registers", ALL)]
SETTINGS += [("dinov3", ALL), *((kind, ALL) for kind in (ONE, NONE, FIVE, FIRST, BATCH, LAST))]
SETTINGS += [(FIRST, TrainsConfig(vision_from_layer=0)), (BATCH, TrainsConfig(language="lora"))]
LAYERS = {ONE: 6, NONE: 9, FIVE: 12, FIRST: 4, BATCH: 4, LAST: 4}


@pytest.mark.parametrize(("kind", "trains"), SETTINGS)
def test_what_trains_is_what_the_config_says_and_all_of_it_gets_a_gradient(
    towers: dict[str, str], kind: str, trains: TrainsConfig
) -> None:
    tower, small = named(towers, kind)
    made = make(tower, "mlp2x", small)
    freeze(made.model, trains)
    check(made.model, trains)
    side = made.vision.side
    encoder = Encoder(made.tokenizer, template("v1"), made.vision.tokens, 999)
    samples = encoder.encode([("a", TURNS)])
    pixels = {"x": np.random.default_rng(1).integers(0, 255, (side, side, 3)).astype(np.uint8)}
    batch = collate([(0,)], samples, ["x"], pixels, 0, side, 0)
    Objective(made.model, made.vision, trains.vision_from_layer is not None).train()(batch).backward()
    for name, parameter in made.model.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name
    if trains.vision_from_layer == 1:
        frozen = [n for n, p in tower_of(made.model).named_parameters() if not p.requires_grad]
        assert any(n.removeprefix("timm_model.").startswith(("stages.0.", "layer1.")) or ".0." in n for n in frozen)
        assert any("embed" in n or "stem" in n or "conv1" in n for n in frozen)
        assert used_layers(made.model) == LAYERS.get(kind, 2)


def test_a_net_whose_names_tell_no_layers_is_unfrozen_by_timms_own_groups() -> None:
    made = make("timm:regnetx_002", image_size=64)
    trains = TrainsConfig(vision_from_layer=2)
    freeze(made.model, trains)
    check(made.model, trains)
    names = {n.split(".")[1]: p.requires_grad for n, p in tower_of(made.model).named_parameters()}
    assert names == {"stem": False, "s1": False, "s2": False, "s3": True, "s4": True}
    assert used_layers(made.model) == 4


@pytest.mark.parametrize("trains", [False, True])
def test_a_pictures_features_do_not_hang_on_the_others_of_its_batch(trains: bool) -> None:
    made = make(BATCH)
    objective = Objective(made.model, made.vision, tower_trains=trains).train()
    pixels = torch.rand((3, 3, made.vision.side, made.vision.side))
    with torch.no_grad():
        together = tower_features(objective.model, pixels)
        torch.testing.assert_close(tower_features(objective.model, pixels[:1]), together[:1], rtol=1e-4, atol=1e-5)
    before = {n: b.clone() for n, b in tower_of(made.model).named_buffers()}
    assert before
    torch.testing.assert_close(dict(tower_of(made.model).named_buffers()), before)


@pytest.mark.parametrize("kind", ["dinov2", "clip", "siglip", "registers", "dinov3", ONE, FIVE, FIRST, BATCH, LAST])
def test_a_tower_half_frozen_in_bf16_trains(towers: dict[str, str], kind: str) -> None:
    tower, small = named(towers, kind)
    made = make(tower, "mlp2x", small)
    freeze(made.model, ALL)
    cast_frozen(made.model, torch.bfloat16)
    samples = Encoder(made.tokenizer, template("v1"), made.vision.tokens, 999).encode([("a", TURNS)])
    side = made.vision.side
    pixels = {"x": np.random.default_rng(1).integers(0, 255, (side, side, 3)).astype(np.uint8)}
    with torch.autocast("cpu", torch.bfloat16):
        loss = Objective(made.model, made.vision, tower_trains=True).train()(
            collate([(0,)], samples, ["x"], pixels, 0, side, 0)
        )
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in made.model.parameters() if p.grad is not None)
    assert any(p.grad is not None for p in tower_of(made.model).parameters())


@pytest.mark.parametrize("kind", ["dinov2", "dinov3", ONE, FIVE, FIRST, BATCH, LAST])
def test_recomputing_layers_changes_no_gradient_of_a_tower(towers: dict[str, str], kind: str) -> None:
    tower, small = named(towers, kind)
    made = make(tower, "mlp2x", small)
    freeze(made.model, ALL)
    samples = Encoder(made.tokenizer, template("v1"), made.vision.tokens, 999).encode([("a", TURNS)])
    side = made.vision.side
    pixels = {"x": np.random.default_rng(1).integers(0, 255, (side, side, 3)).astype(np.uint8)}
    batch = collate([(0,)], samples, ["x"], pixels, 0, side, 0)
    found = []
    for recomputed in (False, True):
        if recomputed:
            made.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        made.model.zero_grad()
        Objective(made.model, made.vision, tower_trains=True).train()(batch).backward()
        found.append([p.grad.clone() for p in made.model.parameters() if p.grad is not None])
    for plain, again in zip(*found, strict=True):
        torch.testing.assert_close(again, plain, rtol=1e-4, atol=1e-5)


def test_a_setting_that_trains_nothing_or_another_thing_is_refused(towers: dict[str, str]) -> None:
    made = make(towers["dinov2"])
    nothing = TrainsConfig(projector=False)
    freeze(made.model, nothing)
    with pytest.raises(TrainError, match="nothing trains"):
        check(made.model, nothing)
    beyond = TrainsConfig(vision_from_layer=9)
    freeze(made.model, beyond)
    with pytest.raises(TrainError, match="vision_from_layer is 9, and 0 tower parameters"):
        check(made.model, beyond)
    freeze(made.model, TrainsConfig(language="full"))
    with pytest.raises(TrainError, match="language is none"):
        check(made.model, TrainsConfig())
    rows = {r.part: r for r in table(made.model, TrainsConfig(language="full"), OptimConfig(lr=0.1))}
    assert rows["vision tower"].lr is None
    assert rows["language model"].trained == rows["language model"].parameters


def test_merged_adapters_leave_a_plain_model_with_the_same_answers(towers: dict[str, str]) -> None:
    made = make(towers["dinov2"])
    names = {n for n, _ in made.model.named_parameters()}
    freeze(made.model, TrainsConfig(language="lora"))
    for name, parameter in made.model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    ids = torch.arange(10, 20)[None]
    with torch.no_grad():
        before = made.model.eval()(input_ids=ids).logits
        merge_adapters(made.model)
        after = made.model(input_ids=ids).logits
    assert {n for n, _ in made.model.named_parameters()} == names
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)
