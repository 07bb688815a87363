"""The few choices that lifting leaves to a user."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class LiftConfig(BaseModel):
    """Options of the stage `lift` (see `scene.build`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_pixels: int = Field(80, ge=16, description="objects with fewer visible pixels get no sizes")
    min_visible_share: float = Field(0.36, gt=0, le=1, description="objects less visible than this get no sizes")
    min_restored_share: float = Field(0.5, gt=0, le=1, description="the same, where masks or edges had to be set right")
    depth_samples: int = Field(8, ge=0, le=64, description="points a scene that may be asked for their depth")
    free_floor_points: int = Field(6, ge=0, le=64, description="empty floor points a scene")
    check_scale: bool = Field(True, description="distrust lengths that contradict camera height and usual sizes")
