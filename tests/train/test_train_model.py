"""Models: transformers' own classes, the same numbers, loadable as they are; what trains is what the config says."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from train_parts import save_tower
from transformers import AutoModelForImageTextToText, AutoProcessor, LlamaConfig, LlamaForCausalLM

from spatialgen.errors import ConfigError
from spatialgen.train.attention import attends_packed, set_attention
from spatialgen.train.config import LanguageConfig, ModelConfig, OptimConfig, ScratchConfig, TrainsConfig, VisionConfig
from spatialgen.train.errors import TrainError
from spatialgen.train.export import save_model
from spatialgen.train.labels import Encoder
from spatialgen.train.model import Assembled, assemble, load_model
from spatialgen.train.objective import FeatureCache, Objective, normalise, project, tower_features
from spatialgen.train.parts import tower_of
from spatialgen.train.pictures import square
from spatialgen.train.rows import collate, pack
from spatialgen.train.templates import IMAGE, Turn, template
from spatialgen.train.towers import load_tower
from spatialgen.train.trainable import cast_frozen, check, freeze, merge_adapters, table, used_layers
from spatialgen.train.vocabulary import learn_tokenizer

SCRATCH = ScratchConfig(hidden_size=32, layers=2, heads=2, intermediate_size=64, vocabulary=320)
TURNS = (Turn(f"{IMAGE}\nHow far is it?", "1.2 m"), Turn("Is it red?", "Yes."))
TIMM = "timm:test_vit"


def make(
    tower: str, projector: str = "mlp2x", image_size: int | None = None, scratch: ScratchConfig | None = None
) -> Assembled:
    torch.manual_seed(0)
    tokenizer = learn_tokenizer(["How far is it? 1.2 m Is it red? Yes. USER: ASSISTANT:"], SCRATCH.vocabulary)
    vision = VisionConfig(name=tower, image_size=image_size, pretrained=not tower.startswith("timm:"))
    language = LanguageConfig(scratch=scratch or SCRATCH)
    return assemble(ModelConfig(vision=vision, projector=projector, language=language), tokenizer)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def towers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("towers")
    kinds = ("dinov2", "clip", "siglip", "registers", "dinov3", "siglip2")
    return {kind: save_tower(folder / kind, kind) for kind in kinds}


# timm models by the form of what they give: a row of tokens with one, no or five before the patches, a map with the
# channels first (layer norms, batch norms, attention) or last.
ONE, NONE, FIVE = TIMM, "timm:test_vit_relpos", "timm:vit_small_patch16_dinov3"
FIRST, BATCH, LAST = "timm:test_convnext", "timm:test_resnet", "timm:test_mambaout"
SIDES = {ONE: 64, FIVE: 64}
CASES = [("dinov2", "linear"), ("dinov2", "pooled"), ("clip", "mlp2x"), ("siglip", "pooled"), ("siglip2", "mlp2x")]
CASES += [("registers", "linear"), ("dinov3", "mlp2x")]
TIMM_CASES = [(ONE, "mlp2x"), (ONE, "pooled"), (NONE, "mlp2x"), (NONE, "pooled"), (FIVE, "mlp2x")]
TIMM_CASES += [(FIRST, "mlp2x"), (FIRST, "linear"), (BATCH, "mlp2x"), (LAST, "mlp2x"), ("timm:test_maxvit", "mlp2x")]
CASES += TIMM_CASES
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


def named(towers: dict[str, str], kind: str) -> tuple[str, int | None]:
    """Return a tower's name and the picture size that keeps it small."""
    return towers.get(kind, kind), SIDES.get(kind)


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


def test_a_tower_whose_own_size_is_no_multiple_of_its_patch_leaves_out_what_is_over(tmp_path: Path) -> None:
    """As siglip-so400m-patch14-384 does: 27 patches a side, and 6 pixels."""
    made = make(save_tower(tmp_path / "so", "siglip", side=60))
    assert made.vision.tokens == 16
    features = tower_features(made.model, normalise(torch.zeros((1, 60, 60, 3), dtype=torch.uint8), made.vision))
    assert features.shape[1] == 16


def test_a_language_model_with_a_sentencepiece_vocabulary_alone_loads(towers: dict[str, str], tmp_path: Path) -> None:
    """As the first LLaVA's does: a tokenizer.model, and nothing that reads without sentencepiece."""
    import io
    import json

    import sentencepiece

    words, made = ["how far is it 1.2 m", "is it red yes no", "a chair and a table"] * 20, io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(words), model_writer=made, vocab_size=60, hard_vocab_limit=False, model_type="bpe"
    )
    (tmp_path / "tokenizer.model").write_bytes(made.getvalue())
    named = {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(named))
    shape = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1}
    LlamaForCausalLM(LlamaConfig(**shape, num_attention_heads=2)).save_pretrained(tmp_path)
    language = LanguageConfig(name=str(tmp_path))
    made_of = assemble(ModelConfig(vision=VisionConfig(name=towers["dinov2"]), language=language))
    assert "red" in made_of.tokenizer.decode(made_of.tokenizer("is it red").input_ids)


@pytest.mark.parametrize("kind", ["GPT2", "OPT"])
def test_language_models_that_do_not_fit_are_refused(towers: dict[str, str], tmp_path: Path, kind: str) -> None:
    import transformers

    shapes = {
        "GPT2": {"n_embd": 32, "n_layer": 1, "n_head": 2},
        "OPT": {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2},
    }
    config = getattr(transformers, f"{kind}Config")(vocab_size=320, **shapes[kind])
    name = {"GPT2": "GPT2LMHeadModel", "OPT": "OPTForCausalLM"}[kind]
    getattr(transformers, name)(config).save_pretrained(tmp_path)
    learn_tokenizer(["How far is it?"], 320).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match=f"{kind.lower()} does not fit"):
        assemble(ModelConfig(vision=VisionConfig(name=towers["dinov2"]), language=LanguageConfig(name=str(tmp_path))))


def test_a_gguf_checkpoint_of_the_llama_family_loads(towers: dict[str, str], tmp_path: Path) -> None:
    import gguf

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=320, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, tie_word_embeddings=False,
    )  # fmt: skip
    source = LlamaForCausalLM(config)
    tokenizer = learn_tokenizer(["How far is it? 1.2 m Is it red? Yes."], 320)
    writer = gguf.GGUFWriter(str(tmp_path / "tiny.gguf"), "llama")
    writer.add_block_count(1)
    writer.add_context_length(128)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(64)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(320)
    writer.add_tokenizer_model("gpt2")
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    words = [w for w, _ in vocabulary] + [f"<extra{i}>" for i in range(320 - len(vocabulary))]
    writer.add_token_list(words)
    writer.add_token_types([1] * 320)
    merges = tokenizer.backend_tokenizer.model.__getstate__()
    import json

    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in json.loads(merges)["merges"]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    state = source.state_dict()
    names = {
        "model.embed_tokens.weight": "token_embd.weight", "lm_head.weight": "output.weight",
        "model.norm.weight": "output_norm.weight", "model.layers.0.input_layernorm.weight": "blk.0.attn_norm.weight",
        "model.layers.0.post_attention_layernorm.weight": "blk.0.ffn_norm.weight",
    }  # fmt: skip
    for ours, theirs in (("q_proj", "attn_q"), ("k_proj", "attn_k"), ("v_proj", "attn_v"), ("o_proj", "attn_output")):
        names[f"model.layers.0.self_attn.{ours}.weight"] = f"blk.0.{theirs}.weight"
    for part in ("gate", "up", "down"):
        names[f"model.layers.0.mlp.{part}_proj.weight"] = f"blk.0.ffn_{part}.weight"
    for ours, theirs in names.items():
        tensor = state[ours]
        if ours.endswith(("q_proj.weight", "k_proj.weight")):  # llama.cpp interleaves the rotary halves
            tensor = tensor.reshape(2, 2, 8, 32).transpose(1, 2).reshape(32, 32)
        writer.add_tensor(theirs, tensor.numpy().copy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    language = LanguageConfig(name=str(tmp_path), gguf_file="tiny.gguf")
    made = assemble(ModelConfig(vision=VisionConfig(name=towers["dinov2"]), language=language))
    ids = torch.arange(10, 20)[None]
    with torch.no_grad():
        ours = made.model.eval()(input_ids=ids).logits[..., :320]
        torch.testing.assert_close(ours, source.eval()(input_ids=ids).logits, rtol=1e-4, atol=1e-5)
    assert made.tokenizer.convert_tokens_to_ids(IMAGE) == made.model.config.image_token_id


@pytest.mark.parametrize(
    ("vision", "projector", "match"),
    [
        ("timm:no_such_model", "mlp2x", "timm has no model"),
        ("timm:vit_smal_patch16_224", "mlp2x", "it has vit_small_patch16_224"),
        ("timm:convnext_atto.no_such_tag", "mlp2x", "Invalid pretrained tag"),
        ("timm:coat_tiny", "mlp2x", r"several maps; choose a vision transformer"),
        ("timm:pit_xs_224", "mlp2x", r"no row of patches, but \(1, 1, 384\)"),
        (TIMM, "linear", "take mlp2x"),
        (FIRST, "pooled", "gives a map, so choose mlp2x"),
        (FIVE, "pooled", "has 5 .registers among them., so choose mlp2x"),
    ],
)
def test_towers_that_do_not_fit_are_refused(vision: str, projector: str, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        make(vision, projector)


def test_towers_of_other_kinds_are_refused_with_what_to_take_instead(tmp_path: Path) -> None:
    from transformers import DINOv3ConvNextConfig, Siglip2Config, ViTConfig

    for config, match in (
        (Siglip2Config(), "any shape; take one of a fixed size"),
        (DINOv3ConvNextConfig(), "timm:convnext_small.dinov3"),
        (ViTConfig(), "a tower is a CLIP, SigLIP, DINOv2 or DINOv3"),
    ):
        config.save_pretrained(tmp_path)
        with pytest.raises(ConfigError, match=match):
            make(str(tmp_path))


def test_weights_that_cannot_be_had_are_one_line(towers: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no folder here has this name, and the model hub did not") as caught:
        make("/no such/tower")
    assert "\n" not in str(caught.value)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"empty: (the folder lacks|cannot be the vision tower: Unrecog)"):
        make(str(tmp_path / "empty"))
    for name, match in (
        (towers["dinov2"], "Unrecognized configuration class"),
        (str(tmp_path / "empty"), "Unrecog|lacks"),
    ):
        with pytest.raises(ConfigError, match=match) as caught:
            assemble(ModelConfig(vision=VisionConfig(name=towers["clip"]), language=LanguageConfig(name=name)))
        assert "\n" not in str(caught.value)


def test_registers_cannot_be_pooled(towers: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"has 5 \(registers among them\)"):
        make(towers["registers"], "pooled")


def test_odd_patches_cannot_be_pooled_and_sizes_must_fit(tmp_path: Path) -> None:
    tower = save_tower(tmp_path / "odd", side=42)
    with pytest.raises(ConfigError, match=r"pooled merges 2 x 2.*multiple of 28"):
        make(tower, "pooled")
    with pytest.raises(ConfigError, match="no multiple of the patch size 14"):
        make(tower, image_size=50)
    with pytest.raises(ConfigError, match="42 pixels only"):
        make(save_tower(tmp_path / "clip", "clip", side=42), image_size=56)


def test_broken_files_of_a_tower_are_one_line(towers: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    shutil.copytree(towers["clip"], folder)
    (folder / "preprocessor_config.json").write_text("{")
    with pytest.raises(ConfigError, match="cannot be the vision tower"):
        make(str(folder))
    (folder / "preprocessor_config.json").write_text('{"image_mean": [0.5]}')
    with pytest.raises(ConfigError, match="three numbers each"):
        make(str(folder))
    (folder / "preprocessor_config.json").unlink()
    (folder / "model.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(ConfigError, match=r"cannot be the vision tower|the folder lacks"):
        make(str(folder))


def test_a_layer_that_a_tower_does_not_have_is_named(towers: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"vision\.layer 99"):
        load_tower(VisionConfig(name=towers["clip"], layer=99))


def test_what_is_no_llava_cannot_be_gone_on_from(tmp_path: Path) -> None:
    from transformers import LlamaConfig

    LlamaConfig().save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="cannot be the model to go on from") as caught:
        load_model(tmp_path)
    assert "\n" not in str(caught.value)
