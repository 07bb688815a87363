"""A model folder that `transformers` loads as it is: config, safetensors, tokenizer, processor, chat template."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from spatialgen.train.hf import transformers
from spatialgen.train.labels import sentence_tokens
from spatialgen.train.model import Assembled
from spatialgen.train.templates import IMAGE, Template, jinja
from spatialgen.train.vocabulary import VIDEO


def save_model(folder: Path, made: Assembled, chosen: Template, dtype: torch.dtype) -> None:
    """Write `made` to `folder`, whole or not at all; weights as `dtype`, the template as the chat template."""
    aside = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    state = {n: t.to(dtype) if t.is_floating_point() else t for n, t in made.model.state_dict().items()}
    made.model.config.dtype = dtype
    made.model.save_pretrained(aside, state_dict=state)
    _processor(made, chosen).save_pretrained(aside)
    made.tokenizer.save_pretrained(aside)
    if folder.exists():
        old = folder.with_name(f".{folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
        aside.rename(folder)
        shutil.rmtree(old)
    else:
        aside.rename(folder)


def _processor(made: Assembled, chosen: Template) -> Any:
    """Return the processor to save. It pads pictures to squares as training does, all but PerceptionLM's.

    PerceptionLM takes pictures with a dimension for tiles, which only its own image processor makes, and that one
    squeezes a picture to a square: who uses it without our code (timm with a class token, pooled) pads first.
    """
    template = jinja(chosen, *sentence_tokens(made.tokenizer))
    made.tokenizer.chat_template = template
    vision = made.vision
    shared = {"image_mean": list(vision.mean), "image_std": list(vision.std), "resample": 3}
    if made.model.config.model_type == "perception_lm":
        # transformers keeps these two names with a tokenizer; there is no public way to add them later.
        made.tokenizer._set_model_specific_special_tokens({"image_token": IMAGE, "video_token": VIDEO})
        tiles = transformers().PerceptionLMImageProcessor(
            vision_input_type="vanilla", tile_size=vision.side, max_num_tiles=1, **shared
        )
        return transformers().PerceptionLMProcessor(
            video_processor=transformers().PerceptionLMVideoProcessor(),
            image_processor=tiles,
            tokenizer=made.tokenizer,
            patch_size=made.patch,
            pooling_ratio=1,
            chat_template=template,
        )
    square = {"height": vision.side, "width": vision.side}
    images = transformers().LlavaImageProcessor(
        do_pad=True, size=square, crop_size=square, do_center_crop=False, **shared
    )
    # With the patch size of the merged patches, the processor's own arithmetic counts the image tokens right.
    return transformers().LlavaProcessor(
        image_processor=images,
        tokenizer=made.tokenizer,
        patch_size=made.patch,
        vision_feature_select_strategy="full",
        num_additional_image_tokens=made.extra,
        chat_template=template,
    )
