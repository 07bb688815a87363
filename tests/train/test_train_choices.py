"""Towers and language models that a config may name: what loads, and what is refused with which words."""

import shutil
from pathlib import Path

import pytest
import torch
from tiny_llava import FIRST, FIVE, TIMM, make
from train_parts import save_tower
from transformers import LlamaConfig, LlamaForCausalLM

from spatialgen.errors import ConfigError
from spatialgen.train.config import LanguageConfig, ModelConfig, VisionConfig
from spatialgen.train.model import assemble, load_model
from spatialgen.train.objective import normalise, tower_features
from spatialgen.train.templates import IMAGE
from spatialgen.train.towers import load_tower
from spatialgen.train.vocabulary import learn_tokenizer


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
