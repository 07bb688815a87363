"""Tiny LLaVAs around towers of every form, for tests of the model."""

from __future__ import annotations

import torch

from spatialgen.train.config import LanguageConfig, ModelConfig, ScratchConfig, VisionConfig
from spatialgen.train.model import Assembled, assemble
from spatialgen.train.templates import IMAGE, Turn
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


def named(towers: dict[str, str], kind: str) -> tuple[str, int | None]:
    """Return a tower's name and the picture size that keeps it small."""
    return towers.get(kind, kind), SIDES.get(kind)
