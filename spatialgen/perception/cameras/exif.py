"""The camera from EXIF where a photo has a focal length, else from a prior field of view. No network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from spatialgen.perception.cameras._pinhole import from_field_of_view, from_focal_35mm
from spatialgen.perception.plain import PlainBackend
from spatialgen.records import Camera, Frame

BELIEVABLE_MM = (8.0, 1200.0)


class Config(BaseModel):
    """`fov_deg`: diagonal field of view of photos without EXIF; the sigmas are relative errors of the focal length.

    72 degrees is a 30 mm lens on 35 mm film; phones have 24 to 28 mm, compact cameras and crops more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: Literal["exif"] = "exif"
    fov_deg: float = Field(72.0, gt=10, lt=170)
    exif_sigma: float = Field(0.05, ge=0)
    prior_sigma: float = Field(0.25, ge=0)


class Backend(PlainBackend[Config]):
    """The camera estimator; see the module."""

    def intrinsics(self, frames: Sequence[Frame]) -> list[Camera]:
        """Return a camera for each frame; an EXIF focal length beyond 8 .. 1200 mm is not believed."""
        return [self._camera(frame) for frame in frames]

    def _camera(self, frame: Frame) -> Camera:
        focal = frame.exif_focal_35mm
        if focal is not None and BELIEVABLE_MM[0] <= focal <= BELIEVABLE_MM[1]:
            return from_focal_35mm(focal, frame.size_wh, self.config.exif_sigma)
        return from_field_of_view(self.config.fov_deg, frame.size_wh, self.config.prior_sigma, "prior")
