"""The configuration of a training run: the model's parts, the stages, the data of each, and how it runs."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from spatialgen.config.base import Settings
from spatialgen.errors import ConfigError
from spatialgen.train import templates


def _known_template(name: str) -> str:
    try:
        return templates.template(name).name
    except ConfigError as error:
        raise ValueError(str(error)) from error


class VisionConfig(Settings):
    """The vision tower."""

    name: str = Field(min_length=1)
    """A hub id or folder of a CLIP, SigLIP (1 or 2, of a fixed size), DINOv2 (with registers or not) or DINOv3 ViT;
    `timm:<model>`, nearly any; or `pulled:<name>` of `spatialgen models`."""
    layer: int = -2
    """Which layer's output is used, as in LLaVA: -1 the last, -2 the one before. timm towers give their last."""
    image_size: int | None = Field(default=None, ge=14)
    """Side of the square input, pixels; None takes the tower's own."""
    pretrained: bool = True
    """Load weights, or start from random ones."""


class ScratchConfig(Settings):
    """A small Llama from random weights, with a byte-pair vocabulary learnt from the stages' texts."""

    hidden_size: int = Field(default=256, ge=8)
    layers: int = Field(default=4, ge=1)
    heads: int = Field(default=4, ge=1)
    kv_heads: int | None = Field(default=None, ge=1)
    intermediate_size: int = Field(default=704, ge=8)
    vocabulary: int = Field(default=2048, ge=300)
    positions: int = Field(default=4096, ge=64)


class LanguageConfig(Settings):
    """The language model: weights by name, or a small one from scratch."""

    name: str | None = None
    """A hub id or folder of any `AutoModelForCausalLM`, or `pulled:<name>` of `spatialgen models`."""
    gguf_file: str | None = None
    """The GGUF file in that folder, for checkpoints of the Llama family."""
    scratch: ScratchConfig | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.name is None) == (self.scratch is None):
            raise ValueError("give either a name or scratch, not both")
        return self


class ModelConfig(Settings):
    """The parts of the model, or a folder that an earlier run left."""

    start: str | None = None
    """A model folder to go on from; vision, projector and language are then its own."""
    vision: VisionConfig | None = None
    projector: Literal["linear", "mlp2x", "pooled"] = "mlp2x"
    """Between tower and language model; `pooled` merges 2 x 2 patches into one token. timm models that give tokens
    take mlp2x, without registers pooled too; those that give a channels-first map (most nets) linear or mlp2x."""
    language: LanguageConfig | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.start is None and (self.vision is None or self.language is None):
            raise ValueError("give vision and language, or start: a model folder")
        return self


class LoraConfig(Settings):
    """Low-rank adapters on every linear layer of the language model (Hu et al. 2021)."""

    rank: int = Field(default=128, ge=1)
    alpha: int = Field(default=256, ge=1)
    dropout: float = Field(default=0.05, ge=0, lt=1)


class TrainsConfig(Settings):
    """What trains in a stage. Everything else is frozen, and a table printed before the first step shows it."""

    projector: bool = True
    language: Literal["none", "full", "lora"] = "none"
    lora: LoraConfig = LoraConfig()
    vision_from_layer: int | None = Field(default=None, ge=0)
    """Unfreeze the tower's layers from this one on (0: all, patch embedding included); None keeps it frozen. Of nets
    with stages (ConvNeXt, Swin, ResNet) a layer is a stage."""


class BuildSource(Settings):
    """Questions of a build of ours."""

    kind: Literal["build"]
    path: str
    questions: str = "default"
    """The set of questions: a folder of `qa/`."""
    split: Literal["train", "val", "test", "all"] = "train"
    types: tuple[str, ...] | None = None
    forms: tuple[str, ...] | None = None
    images: str | None = None
    """Folder that relative picture paths start from, for builds that keep images by reference."""
    turns: int = Field(default=12, ge=1)
    """Questions about one picture that share a conversation."""
    per_image: int | None = Field(default=None, ge=1)
    """At most so many questions of a picture an epoch, others in the next."""
    longest_answer: int | None = Field(default=None, ge=1)
    """Only questions whose answers have at most so many words."""
    share: float | None = Field(default=None, gt=0, le=1)
    """Share of all tokens (SpatialVLM: 0.05). Give it for every source or for none."""


class ScenesSource(Settings):
    """Things to point to in the scenes of a build of ours: where each is, and how deep. For the projector's stage."""

    kind: Literal["scenes"]
    path: str
    images: str | None = None
    """Folder that relative picture paths start from, for builds that keep images by reference."""
    least_share: float = Field(default=0.001, ge=0, lt=1)
    """Things with fewer of the picture's pixels are not named."""
    digits: int = Field(default=2, ge=1, le=3)
    """Of each number of a place. A small model learns tenths sooner: at first, finer digits are only noise to it."""
    share: float | None = Field(default=None, gt=0, le=1)


class LlavaSource(Settings):
    """A LLaVA JSON list or JSON lines file, such as those of general instruction sets."""

    kind: Literal["llava"]
    path: str
    images: str = "."
    """Folder that the records' `image` paths start from."""
    coordinates: Literal["padded", "unit", "grid1000", "pixel"] = "padded"
    """What [x, y] and [x1, y1, x2, y2] in the texts mean: already those of the square-padded picture, or shares,
    thousandths or pixels of the picture as it is, which then go through the padding too."""
    share: float | None = Field(default=None, gt=0, le=1)


Source = Annotated[BuildSource | ScenesSource | LlavaSource, Field(discriminator="kind")]


class DataConfig(Settings):
    """What is read and how it becomes sequences."""

    sources: tuple[Source, ...] = Field(min_length=1)
    context: int = Field(default=2048, ge=16)
    """Tokens in a row, image tokens included; longer conversations are cut at a turn's end."""
    packing: bool = True
    """Several conversations in one row, each blind to the others; False groups rows of like length instead."""
    shuffle_images: int = Field(default=512, ge=1)
    """Images shuffled together, from randomly chosen places of the source; bounds the memory."""
    pictures: bool = True
    """False: every picture is replaced by an empty one. What such a model can do, the questions alone give away."""
    max_bad: int = Field(default=100, ge=0)
    """Pictures or records that may be skipped as unreadable before the run stops."""
    workers: int = Field(default=2, ge=0)
    """Loader processes a rank. They change the speed, never the order."""

    @model_validator(mode="after")
    def _shares(self) -> Self:
        shares = [s.share for s in self.sources]
        if len(shares) > 1 and (None in shares or abs(sum(s or 0 for s in shares) - 1) > 1e-6):
            raise ValueError("several sources need a share each, and the shares must add up to 1")
        return self


class OptimConfig(Settings):
    """Optimiser and schedule: AdamW, linear warm-up, cosine."""

    lr: float = Field(default=2e-5, gt=0)
    lr_projector: float | None = Field(default=None, gt=0)
    lr_vision: float | None = Field(default=None, gt=0)
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: float = Field(default=0.03, ge=0, lt=1)
    """Share of the run."""
    weight_decay: float = Field(default=0.0, ge=0)
    betas: tuple[float, float] = (0.9, 0.999)
    grad_clip: float = Field(default=1.0, gt=0)
    batch: int = Field(default=128, ge=1)
    """Rows a step, over all ranks."""
    micro_batch: int = Field(default=4, ge=1)
    """Rows a rank computes at once; the rest is accumulated."""
    epochs: float = Field(default=1.0, gt=0)
    """Passes over the first source."""
    steps: int | None = Field(default=None, ge=0)
    """Steps instead of epochs; 0 leaves the model as it is, to compare with."""

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if self.batch % self.micro_batch:
            raise ValueError(f"batch ({self.batch}) must be a multiple of micro_batch ({self.micro_batch})")
        return self


class StageConfig(Settings):
    """One stage: projector alone, or instruction."""

    name: str = Field(pattern=r"^[\w.-]+$")
    template: Annotated[str, AfterValidator(_known_template)] = "v1"
    """The conversation template, by exact name: plain, v1, llama_2, mpt, chatml, qwen, gemma, llama3."""
    trains: TrainsConfig = TrainsConfig()
    data: DataConfig
    optim: OptimConfig = OptimConfig()


class RunConfig(Settings):
    """How a run goes."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["bf16", "fp32"] = "bf16"
    parallel: Literal["ddp", "fsdp"] = "ddp"
    gradient_checkpointing: bool = False
    attention: str = "packed"
    """Attention of the language model: `packed` (SDPA, each conversation of a row by itself), or what transformers
    knows: sdpa, eager, flash_attention_2, flex_attention."""
    feature_cache: int = Field(default=0, ge=0)
    """Bytes of memory for the frozen tower's features, so that each picture goes through it once in all stages."""
    save_every: int = Field(default=200, ge=1)
    """Steps between checkpoints."""
    keep: int = Field(default=2, ge=1)
    """Checkpoints kept."""
    log_every: int = Field(default=10, ge=1)
    threads: int | None = Field(default=None, ge=1)
    """CPU threads of a rank; None leaves it to torch."""


class RayTrainConfig(Settings):
    """Ray Train instead of one process or torchrun."""

    address: str | None = None
    """A cluster's address; None starts a local Ray."""
    workers: int = Field(default=1, ge=1)
    gpus: bool = False
    """One GPU a worker."""


class TrainConfig(Settings):
    """A training run, stage after stage."""

    name: str = Field(pattern=r"^[\w.-]+$")
    seed: int = 0
    output: str
    model: ModelConfig
    stages: tuple[StageConfig, ...] = Field(min_length=1)
    run: RunConfig = RunConfig()
    ray: RayTrainConfig | None = None

    @model_validator(mode="after")
    def _features_whole(self) -> Self:
        if self.run.feature_cache and self.run.parallel == "fsdp":
            raise ValueError("run.feature_cache needs run.parallel ddp: the ranks of fsdp compute the tower together")
        return self
