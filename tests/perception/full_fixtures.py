"""Tiny random checkpoints of the full stack, saved in the formats that the real ones have on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

BERT_SPECIALS = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 1012: ".", 1029: "?"}
WORDS = [
    "chair",
    "table",
    "coffee",
    "potted",
    "plant",
    "mug",
    "lamp",
    "person",
    "car",
    "a",
    "the",
    "red",
    "blue",
    "dog",
    "cat",
]
LETTERS = [chr(c) for c in range(ord("a"), ord("z") + 1)]
BERT_SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
VOCABULARY = 1200


def bert_tokenizer() -> transformers.PreTrainedTokenizerFast:
    """A WordPiece tokenizer whose special ids are those of bert-base-uncased, which Grounding DINO relies on."""
    syllables = (a + b + c for a in LETTERS for b in "aeiou" for c in LETTERS)
    pieces = iter(dict.fromkeys((*WORDS, *LETTERS, *(f"##{c}" for c in LETTERS), "-", *syllables)))
    vocabulary = {BERT_SPECIALS.get(i) or next(pieces): i for i in range(VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 102), ("[CLS]", 101))
    return transformers.BertTokenizerFast(tokenizer_object=tokenizer)


def grounding_dino_config(config_class: Any = transformers.GroundingDinoConfig) -> Any:
    return config_class(
        backbone_config=transformers.SwinConfig(
            embed_dim=16,
            depths=[1, 1, 1, 1],
            num_heads=[2, 2, 2, 2],
            window_size=4,
            out_indices=[2, 3, 4],
        ),
        text_config=transformers.BertConfig(vocab_size=VOCABULARY, **BERT_SIZE),
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        num_queries=20,
    )


def save_grounding_dino(folder: Path, *, safe: bool = True, mm: bool = False) -> Path:
    """Save a tiny (MM) Grounding DINO, as model.safetensors or, with `safe` false, as pytorch_model.bin."""
    torch.manual_seed(0)
    family = "MMGroundingDino" if mm else "GroundingDino"
    config = grounding_dino_config(getattr(transformers, f"{family}Config"))
    model: Any = getattr(transformers, f"{family}ForObjectDetection")(config)
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1 and "embedding" not in name:
            parameter.data.mul_(1.5)
    _save(model, folder, safe)
    transformers.GroundingDinoImageProcessor(size={"shortest_edge": 96, "longest_edge": 160}).save_pretrained(folder)
    bert_tokenizer().save_pretrained(folder)
    return folder


def _spread(model: torch.nn.Module, gain: float = 1.5) -> None:
    """Random weights larger than at the start of training, so that outputs differ where inputs do."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=gain / parameter[0].numel() ** 0.5)
            else:
                parameter.add_(torch.randn_like(parameter) * 0.1)


def _save(model: Any, folder: Path, safe: bool) -> None:
    model.eval()
    if safe:
        model.save_pretrained(folder)
        return
    folder.mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")


def write_card(folder: Path, license_name: str) -> None:
    """The model card that hub snapshots have, with its licence."""
    (folder / "README.md").write_text(f"---\nlicense: {license_name}\n---\n# A model\n", encoding="utf-8")


def edit_json(path: Path, **changes: Any) -> None:
    settings = json.loads(path.read_text())
    path.write_text(json.dumps(settings | changes))


def save_depth_anything(folder: Path, *, kind: str = "metric", max_depth: int = 20) -> Path:
    """Save a tiny Depth Anything V2 with the real processor settings but for the size."""
    torch.manual_seed(0)
    config = transformers.DepthAnythingConfig(
        backbone_config=transformers.Dinov2Config(
            hidden_size=32,
            num_hidden_layers=4,
            num_attention_heads=2,
            intermediate_size=64,
            patch_size=14,
            image_size=70,
            out_features=["stage1", "stage2", "stage3", "stage4"],
            apply_layernorm=True,
            reshape_hidden_states=False,
        ),
        reassemble_hidden_size=32,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=8,
        head_hidden_size=8,
        patch_size=14,
        depth_estimation_type=kind,
        max_depth=max_depth,
    )
    model = transformers.DepthAnythingForDepthEstimation(config)
    _spread(model)
    with torch.no_grad():  # about the middle of the range, a few metres around it
        model.head.conv3.weight.mul_(0.1)
        model.head.conv3.bias.zero_()
    _save(model, folder, True)
    transformers.DPTImageProcessor(
        size={"height": 56, "width": 56}, ensure_multiple_of=14, keep_aspect_ratio=True
    ).save_pretrained(folder)
    return folder


def save_sam(path: Path) -> Path:
    """Save a tiny Segment Anything as its authors do: a plain state dict in a .pth file."""
    from segment_anything.build_sam import _build_sam

    torch.manual_seed(0)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(_build_sam(8, 2, 1, [1]).state_dict(), path)
    return path


BART_SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
IMAGE_TOKENS = 5  # a 64-pixel picture at stride 32 is 2 x 2 places, and their mean


def bart_tokenizer() -> transformers.PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer with BART's specials, the image token and Florence-2's 1000 location tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*BART_SPECIALS, *alphabet])}
    tokenizer = transformers.BartTokenizerFast(
        vocab=vocabulary, merges=[], extra_special_tokens={"image_token": "<image>"}
    )
    tokenizer.add_tokens([f"<loc_{i}>" for i in range(1000)], special_tokens=True)
    return tokenizer


def save_florence2(folder: Path) -> Path:
    """Save a tiny Florence-2 as the transformers-native conversions are: model, processor, tokenizer, generation."""
    torch.manual_seed(0)
    tokenizer = bart_tokenizer()
    config = transformers.Florence2Config(
        vision_config=transformers.Florence2VisionConfig(
            depths=(1, 1, 1, 1),
            embed_dim=(8, 8, 16, 16),
            num_heads=(2, 2, 2, 2),
            num_groups=(2, 2, 2, 2),
            window_size=4,
            projection_dim=32,
        ),
        text_config=transformers.BartConfig(
            vocab_size=len(tokenizer),
            d_model=32,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=64,
            decoder_ffn_dim=64,
            bos_token_id=0,
            pad_token_id=1,
            eos_token_id=2,
            decoder_start_token_id=2,
        ),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )
    model = transformers.Florence2ForConditionalGeneration(config)
    model.generation_config = transformers.GenerationConfig(
        bos_token_id=0, pad_token_id=1, eos_token_id=2, decoder_start_token_id=2, num_beams=3, no_repeat_ngram_size=3
    )
    _spread(model)
    with torch.no_grad():  # most tokens are locations, which nobody would see: let letters win
        embeddings = model.get_input_embeddings().weight
        embeddings[tokenizer.convert_tokens_to_ids([*LETTERS, "Ġ"])] *= 3
    _save(model, folder, True)
    pictures = transformers.CLIPImageProcessor(
        size={"height": 64, "width": 64}, do_center_crop=False, image_seq_length=IMAGE_TOKENS
    )
    transformers.Florence2Processor(pictures, tokenizer).save_pretrained(folder)
    return folder


def save_blip(folder: Path, *, safe: bool = True) -> Path:
    """Save a tiny BLIP captioner."""
    torch.manual_seed(0)
    config = transformers.BlipConfig(
        text_config={
            "vocab_size": VOCABULARY,
            "hidden_size": 32,
            "encoder_hidden_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "bos_token_id": 101,
            "eos_token_id": 102,
            "sep_token_id": 102,
            "pad_token_id": 0,
        },
        vision_config={
            "hidden_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "image_size": 32,
            "patch_size": 16,
        },
    )
    model = transformers.BlipForConditionalGeneration(config)
    _spread(model)
    _save(model, folder, safe)
    pictures = transformers.BlipImageProcessor(size={"height": 32, "width": 32})
    transformers.BlipProcessor(pictures, bert_tokenizer()).save_pretrained(folder)
    return folder


def save_original_grounding_dino(folder: Path) -> Path:
    """Save a Grounding DINO .pth as its authors do, "module." names under "model", and a tiny text encoder.

    The Swin-T backbone has its real size, since the package knows no smaller one.
    """
    from types import SimpleNamespace

    import groundingdino.models.GroundingDINO.groundingdino as network
    from groundingdino.config import GroundingDINO_SwinT_OGC as settings

    from spatialgen.perception.detectors import _original_model

    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    text = folder / "bert"
    config = transformers.BertConfig(vocab_size=VOCABULARY, **BERT_SIZE)
    config.save_pretrained(text)
    tokenizer = bert_tokenizer()
    tokenizer.save_pretrained(text)
    sizes = {"enc_layers": 1, "dec_layers": 1, "num_queries": 20, "dim_feedforward": 64}
    arguments = {k: v for k, v in vars(settings).items() if not k.startswith("_")} | sizes
    with (
        _original_model._replaced(network, BertModelWarper=_original_model.TextEncoder),
        _original_model._replaced(
            network.get_tokenlizer,
            get_tokenlizer=lambda _: tokenizer,
            get_pretrained_language_model=lambda _: transformers.BertModel(config),
        ),
    ):
        model = _original_model.build_model(SimpleNamespace(**arguments))
    state = {f"module.{name}": tensor for name, tensor in model.state_dict().items()}
    state["module.label_enc.weight"] = torch.zeros(3, 3)
    torch.save({"model": state}, folder / "groundingdino_swint_ogc.pth")
    return folder


def pictures() -> list[np.ndarray]:
    """Four small pictures with structure, two of one size: (H, W, 3) uint8."""
    return [_picture(60, 80, 7.0), _picture(80, 60, 5.0), _picture(60, 80, 3.0), _picture(100, 100, 9.0)]


def _picture(height: int, width: int, period: float) -> np.ndarray:
    v, u = np.mgrid[:height, :width]
    waves = 128 + 100 * np.sin(u / period) * np.cos(v / period)
    return np.stack([u * 255 / width, v * 255 / height, waves], axis=-1).astype(np.uint8)


def save_owlv2(folder: Path) -> Path:
    """Save a tiny OWLv2; its CLIP tokenizer is a byte-level BPE with a merge for nothing."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*alphabet, *(f"{c}</w>" for c in alphabet), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = transformers.CLIPTokenizerFast(
        vocab={piece: i for i, piece in enumerate(pieces)}, merges=[], model_max_length=32
    )
    config = transformers.Owlv2Config(
        text_config={
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 32,
            "bos_token_id": len(pieces) - 2,
            "eos_token_id": len(pieces) - 1,
        }
        | sizes,
        vision_config={"image_size": 64, "patch_size": 16} | sizes,
        projection_dim=32,
    )
    model = transformers.Owlv2ForObjectDetection(config)
    _spread(model)
    _save(model, folder, True)
    pictures = transformers.Owlv2ImageProcessor(size={"height": 64, "width": 64})
    transformers.Owlv2Processor(pictures, tokenizer).save_pretrained(folder)
    return folder


def save_depth_pro(folder: Path, *, field_of_view: bool = True) -> Path:
    """Save a tiny Depth Pro."""
    torch.manual_seed(0)
    encoder = {
        "model_type": "dinov2",
        "image_size": 32,
        "patch_size": 8,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    }
    config = transformers.DepthProConfig(
        patch_size=32,
        fusion_hidden_size=8,
        intermediate_hook_ids=[1, 0],
        intermediate_feature_dims=[8, 8],
        scaled_images_ratios=[0.5, 1.0],
        scaled_images_overlap_ratios=[0.0, 0.2],
        scaled_images_feature_dims=[8, 8],
        image_model_config=dict(encoder),
        patch_model_config=dict(encoder),
        fov_model_config=dict(encoder),
        use_fov_model=field_of_view,
        num_fov_head_layers=0,
    )
    model = transformers.DepthProForDepthEstimation(config)
    _spread(model, 1.0)
    with torch.no_grad():
        model.head.layers[-2].bias.fill_(0.3)  # depths of a few metres
        if field_of_view:
            model.fov_model.head.layers[-1].weight.mul_(0.1)
            model.fov_model.head.layers[-1].bias.fill_(60.0)
    _save(model, folder, True)
    transformers.DepthProImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


def save_sam2(folder: Path) -> Path:
    """Save a tiny Segment Anything 2 of 128 pixels a side."""
    torch.manual_seed(0)
    backbone = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": 12,
        "num_attention_heads": 1,
        "image_size": [128, 128],
        "window_positional_embedding_background_size": [4, 4],
        "blocks_per_stage": [1, 1, 2, 1],
        "embed_dim_per_stage": [12, 24, 48, 96],
        "num_attention_heads_per_stage": [1, 2, 4, 8],
        "window_size_per_stage": [4, 2, 4, 2],
        "global_attention_blocks": [3],
    }
    config = transformers.Sam2Config(
        vision_config={
            "backbone_config": backbone,
            "backbone_channel_list": [96, 48, 24, 12],
            "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
            "fpn_hidden_size": 32,
        },
        prompt_encoder_config={"hidden_size": 32, "image_size": 128, "mask_input_channels": 8},
        mask_decoder_config={"hidden_size": 32, "mlp_dim": 64, "num_attention_heads": 2, "iou_head_hidden_dim": 32},
    )
    model = transformers.Sam2Model(config)
    _spread(model, 1.0)
    _save(model, folder, True)
    transformers.Sam2ImageProcessor(size={"height": 128, "width": 128}).save_pretrained(folder)
    return folder
