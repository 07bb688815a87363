"""What a build will take: disk from the sizes of its files, hours from runs that have been measured."""

from __future__ import annotations

import json
from pathlib import Path

from spatialgen.config.models import BuildConfig
from spatialgen.store.layout import BuildPaths
from spatialgen.store.plan import PlanInfo

SCENE_BYTES = 12_000  # a packed scene of some ten objects, masks and clouds included
QUESTION_BYTES = 100  # a packed question
QUESTIONS_AN_IMAGE = 60  # where all decided facts are asked for


def disk_bytes(config: BuildConfig, info: PlanInfo) -> int:
    """Return about how many bytes the build takes at its largest: packed, with the staging folder still there."""
    images = info.records - sum(info.rejects.values())
    pictures = info.source_bytes if config.output.images == "embed" else 0
    a_image = config.ask.per_image if isinstance(config.ask.per_image, int) else QUESTIONS_AN_IMAGE
    asked = min(a_image, QUESTIONS_AN_IMAGE) * QUESTION_BYTES
    return 2 * (pictures + images * (SCENE_BYTES + asked))


def hours(root: Path, info: PlanInfo) -> float | None:
    """Return about how long the whole build takes, from the last measured run in `root`; None before there is one."""
    logs = sorted(BuildPaths(root).runs.glob("*.json"), reverse=True)
    for log in logs:
        row = json.loads(log.read_bytes())
        if row["job"] == info.dataset and row["records"] and row["seconds"]:
            return float(info.records / row["records"] * row["seconds"] / 3600.0)
    return None
