"""Training on Ray: the same loop in every worker of a Ray Train group. The only module of train/ that imports ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ray.train import RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer

from spatialgen.config.models import RayConfig
from spatialgen.engine.ray import ray_session
from spatialgen.train.config import TrainConfig
from spatialgen.train.errors import TrainError
from spatialgen.train.faults import kept_apart


def train_on_ray(config: TrainConfig) -> Path:
    """Run `config` on `config.ray.workers` workers of a cluster (or a local Ray) and return the model's folder.

    `config.output` and the builds must lie on a file system that all nodes share; every path is made absolute.
    """
    settings = config.ray
    assert settings is not None
    with ray_session(RayConfig(address=settings.address), pools=1):
        device = "cuda" if settings.gpus else "cpu"
        run = config.run.model_copy(update={"device": device})
        output = str(Path(config.output).absolute())
        text = config.model_copy(update={"run": run, "output": output, "ray": None}).model_dump_json()
        trainer = TorchTrainer(
            _worker,
            train_loop_config={"config": text, "folder": str(Path.cwd())},
            scaling_config=ScalingConfig(num_workers=settings.workers, use_gpu=settings.gpus),
            torch_config=TorchConfig(backend="nccl" if settings.gpus else "gloo"),
            run_config=RunConfig(name=config.name, storage_path=f"{output}/ray"),
        )
        try:
            trainer.fit()
        except Exception as error:
            said = kept_apart(_first_failure(error), Path(output) / "faults.log")
            raise TrainError(f"training on Ray failed: {said}") from error
        return Path(output) / config.stages[-1].name / "model"


def _first_failure(error: Exception) -> str:
    """Return what the failed worker of the lowest rank said, or all that Ray said where no worker did."""
    failures: dict[int, Exception] = getattr(error, "worker_failures", {})
    return str(failures[min(failures)] if failures else error)


def _worker(given: dict[str, Any]) -> None:
    """Run the loop in one worker; Ray has set up the process group and RANK, WORLD_SIZE and LOCAL_RANK."""
    import os

    from spatialgen.train.run import train

    os.chdir(given["folder"])
    train(TrainConfig.model_validate_json(given["config"]))
