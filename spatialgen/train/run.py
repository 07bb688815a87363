"""A training run: stage after stage, each from the model that the one before left."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

from spatialgen.config.loader import dump_config
from spatialgen.errors import ConfigError
from spatialgen.store.files import replace_file
from spatialgen.train.checkpoint import explained
from spatialgen.train.config import ModelConfig, StageConfig, TrainConfig
from spatialgen.train.data import open_source
from spatialgen.train.distributed import Ranks, ranks
from spatialgen.train.export import save_model
from spatialgen.train.faults import loaders_watched
from spatialgen.train.loop import train_stage
from spatialgen.train.model import Assembled, assemble
from spatialgen.train.objective import FeatureCache
from spatialgen.train.samples import Source
from spatialgen.train.templates import IMAGE, Template, template
from spatialgen.train.trainable import freeze, merge_adapters
from spatialgen.train.vocabulary import learn_tokenizer

_VOCABULARY_TEXTS = 20_000


def train(config: TrainConfig) -> Path:
    """Run all stages of `config` in this process (one of several under torchrun) and return the model's folder.

    A stage that is finished is not run again; one that was killed goes on from its newest checkpoint.
    """
    if config.run.threads is not None:
        torch.set_num_threads(config.run.threads)
    with ranks(config.run.device) as here:
        _claim(config, here)
        model, cache = config.model, _new_cache(config)
        for stage in config.stages:
            folder = Path(config.output) / stage.name
            if not (folder / "model" / "config.json").is_file():
                try:
                    with loaders_watched():  # the word may come late, even while the logs are being closed
                        _run_stage(config, model, stage, folder, here, cache)
                except OSError as error:
                    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                        raise
                    raise explained(error, folder / "checkpoints") from error
            if stage.trains.vision_from_layer is not None:
                cache = _new_cache(config)
            here.wait()
            model = ModelConfig(start=str(folder / "model"))
        return Path(config.output) / config.stages[-1].name / "model"


def _new_cache(config: TrainConfig) -> FeatureCache | None:
    return FeatureCache(config.run.feature_cache) if config.run.feature_cache else None


def _claim(config: TrainConfig, here: Ranks) -> None:
    """Keep the config beside what it makes; refuse a folder that another config began."""
    place, text = Path(config.output) / "config.yaml", _identity(config)
    if here.first:
        if place.exists() and place.read_text() != text:
            raise ConfigError(
                f"{config.output} was begun with another config (see {place}); choose another output, or delete it"
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        replace_file(place, text.encode())
    here.wait()


def _identity(config: TrainConfig) -> str:
    """Return what of `config` decides the result, as YAML: how a run goes may change from one try to the next."""
    return dump_config(config.model_copy(update={"run": type(config.run)(), "ray": None}))


def _run_stage(
    config: TrainConfig, model: ModelConfig, stage: StageConfig, folder: Path, here: Ranks, cache: FeatureCache | None
) -> None:
    made = build_model(config, model)
    train_stage(made, stage, config.run, config.seed, folder, here, cache)
    state = _whole_state(made) if config.run.parallel == "fsdp" else None
    if here.first:
        if state is not None:  # a model that is cut across ranks cannot be put together in place
            made = build_model(config, model)
            freeze(made.model, stage.trains)
            made.model.load_state_dict(state)
        merge_adapters(made.model)
        dtype = torch.bfloat16 if config.run.precision == "bf16" else torch.float32
        save_model(folder / "model", made, template(stage.template), dtype)


def _whole_state(made: Assembled) -> dict[str, Any]:
    """Return all weights of a model that is cut across ranks, on the first rank's CPU; every rank must call it."""
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    return get_model_state_dict(made.model, options=options)


def build_model(config: TrainConfig, model: ModelConfig) -> Assembled:
    """Return the model that `model` names, the same on every rank; a vocabulary is learnt where it is from scratch."""
    torch.manual_seed(config.seed)
    scratch = model.language.scratch if model.language is not None else None
    tokenizer = None
    if scratch is not None:
        tokenizer = learn_tokenizer(_texts(config.stages), scratch.vocabulary, marks(config.stages))
    return assemble(model, tokenizer)


def marks(stages: Sequence[StageConfig]) -> list[str]:
    """Return what a vocabulary from scratch holds as one token each: all that the templates put round the turns."""
    return sorted({mark for stage in stages for mark in template(stage.template).marks()})


def _texts(stages: Sequence[StageConfig]) -> Iterator[str]:
    """Yield conversations of each stage's sources, as many of each, as the stage's template writes them."""
    each = _VOCABULARY_TEXTS // sum(len(stage.data.sources) for stage in stages)
    for stage in stages:
        for source in map(open_source, stage.data.sources):
            yield from islice(_written(source, template(stage.template)), each)


def _written(source: Source, chosen: Template) -> Iterator[str]:
    for block in range(source.blocks):
        for conversation in source.read(block, 0, 0):
            text = chosen.render(conversation.turns, "", "").text
            for mark in (IMAGE, *chosen.marks()):
                text = text.replace(mark, "")
            yield text
