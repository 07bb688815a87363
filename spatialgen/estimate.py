"""What a build will take: disk from the sizes of its files, hours from stages that were measured on this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from spatialgen.config.models import BuildConfig
from spatialgen.engine.run import Tally
from spatialgen.engine.stage import Stage
from spatialgen.errors import StoreError
from spatialgen.perception.weights.cache import cache_dir
from spatialgen.reports import PoolPlan
from spatialgen.store.files import replace_file
from spatialgen.store.plan import PlanInfo

SCENE_BYTES = 12_000  # a packed scene of some ten objects, masks and clouds included
QUESTION_BYTES = 100  # a packed question
QUESTIONS_AN_IMAGE = 150  # where all decided facts are asked for
_ENOUGH_IMAGES = 16  # below that, set-up is most of what was measured

Rates = Mapping[str, float]
"""Seconds of one worker for one image, by stage, version and device."""


def disk_bytes(config: BuildConfig, info: PlanInfo) -> int:
    """Return about how many bytes the build takes at its largest: packed, with the staging folder still there."""
    images = info.records - sum(info.rejects.values())
    pictures = info.source_bytes if config.output.images == "embed" else 0
    asked = config.ask.per_image if isinstance(config.ask.per_image, int) else QUESTIONS_AN_IMAGE
    return 2 * (pictures + images * (SCENE_BYTES + min(asked, QUESTIONS_AN_IMAGE) * QUESTION_BYTES))


def hours(pools: Sequence[PoolPlan], stages: Sequence[Stage], device: str, images: int) -> float | None:
    """Return about how long `images` take: as long as the slowest pool. None while a stage was never measured."""
    rates = read_rates()
    keys = {stage.name: rate_key(stage, device) for stage in stages}
    if any(key not in rates for key in keys.values()):
        return None
    seconds = [sum(rates[keys[s]] for s in pool.stages if s in keys) / pool.max_workers for pool in pools]
    return max(seconds) * images / 3600.0


def rate_key(stage: Stage, device: str) -> str:
    """Return the name under which the rate of a stage is remembered."""
    return f"{stage.name} {stage.version} {device}"


def read_rates() -> dict[str, float]:
    """Return the rates that were measured on this machine; none where there is no such file, or a damaged one."""
    with suppress(OSError, ValueError):
        rates: dict[str, float] = json.loads(_path().read_text())
        return rates
    return {}


def remember_rates(stages: Sequence[Stage], device: str, tally: Tally) -> None:
    """Keep the rates of a run in the user's cache, for the plans of other builds. A cache that fails is no matter."""
    measured = {time.stage: time for time in tally.times()}
    rates = read_rates()
    for stage in stages:
        time = measured.get(stage.name)
        if time is not None and time.images >= _ENOUGH_IMAGES:
            rates[rate_key(stage, device)] = time.seconds / time.images
    with suppress(OSError, StoreError):
        _path().parent.mkdir(parents=True, exist_ok=True)
        replace_file(_path(), json.dumps(rates, indent=1, sort_keys=True).encode())


def _path() -> Path:
    return cache_dir() / "rates.json"
