"""`spatialgen train`: what the command line hands over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer


def command(
    config: Annotated[Path, typer.Option("--config", "-c", help="How to train: a YAML file, see configs/train/.")],
    overrides: Annotated[
        list[str], typer.Option("--set", "-s", metavar="KEY.KEY=VALUE", help="Override a key. Repeatable.")
    ] = [],  # noqa: B006
    audit: Annotated[
        bool, typer.Option("--audit", help="Train nothing: show samples, what of them is trained on, and shares.")
    ] = False,
) -> None:
    """Train a LLaVA on builds, stage after stage. Run again, it goes on where it stopped."""
    from spatialgen.cli import told_plainly

    with told_plainly():
        from spatialgen.config.loader import load_model
        from spatialgen.train.config import TrainConfig

        checked = load_model(TrainConfig, config, overrides)
        if audit:
            from spatialgen.train.audit import audit as show

            show(checked)
            return
        model = _train(checked)
        if os.environ.get("RANK", "0") == "0":  # under torchrun, once
            print(model)


def _train(config: object) -> Path:
    from spatialgen.train.config import TrainConfig
    from spatialgen.train.loop import Interrupted

    assert isinstance(config, TrainConfig)
    try:
        if config.ray is not None:
            from spatialgen.train.ray import train_on_ray

            return train_on_ray(config)
        from spatialgen.train.run import train

        return train(config)
    except Interrupted as stop:
        typer.echo(f"stopped after step {stop.step}; the same command goes on from there", err=True)
        raise typer.Exit(143) from None
