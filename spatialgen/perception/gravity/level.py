"""Gravity from habit alone: people hold cameras level, and look down more than up. No network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from spatialgen.perception.plain import PlainBackend
from spatialgen.records import Frame, Gravity


class Config(BaseModel):
    """`pitch_deg` (down is positive) and `sigma_deg` of a camera of which nothing is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: Literal["level"] = "level"
    pitch_deg: float = Field(8.0, gt=-90, lt=90)
    sigma_deg: float = Field(14.0, gt=0)


class Backend(PlainBackend[Config]):
    """The gravity estimator; see the module."""

    def up(self, frames: Sequence[Frame]) -> list[Gravity | None]:
        """Return the same prior for every frame."""
        prior = level_prior(self.config.pitch_deg, self.config.sigma_deg)
        return [prior for _ in frames]


def level_prior(pitch_deg: float, sigma_deg: float) -> Gravity:
    """Return the up direction of a camera without roll that looks `pitch_deg` degrees down."""
    pitch = math.radians(pitch_deg)
    return Gravity(np.array([0.0, -math.cos(pitch), -math.sin(pitch)]), sigma_deg, "prior")
