"""The part of a configuration that changes results: what fingerprints are made of."""

from __future__ import annotations

from typing import Any

from spatialgen.config.models import BuildConfig


def perceive_semantic(config: BuildConfig) -> dict[str, Any]:
    """Return what decides images and scenes, as plain data. Left out: names, places, executors, pools."""
    return {
        "seed": config.seed,
        "source": config.source.model_dump(mode="json"),
        "output": config.output.model_dump(mode="json", exclude={"path"}),
        "perceive": config.perceive.model_dump(mode="json"),
    }


def ask_semantic(config: BuildConfig) -> dict[str, Any]:
    """Return what decides the questions about given scenes, as plain data; the name of the set is left out."""
    return {
        "seed": config.seed,
        "output": config.output.model_dump(mode="json", include={"shard_bytes"}),
        "ask": config.ask.model_dump(mode="json", exclude={"name"}),
    }


def semantic(config: BuildConfig) -> dict[str, Any]:
    """Return everything that changes what a build holds, by job."""
    return {"perceive": perceive_semantic(config), "ask": ask_semantic(config)}
