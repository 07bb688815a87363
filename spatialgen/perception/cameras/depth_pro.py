"""The camera from EXIF where a photo has a focal length, else from Depth Pro's field of view (arXiv:2410.02073)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from spatialgen.perception.cameras import exif
from spatialgen.perception.checkpoints import HubConfig
from spatialgen.perception.depth._depth_pro_model import DepthPro, focal_px
from spatialgen.perception.network import NetworkBackend
from spatialgen.records import Camera, Frame

SANE_FOV_DEG = (5.0, 150.0)


class Config(HubConfig):
    """`focal_sigma`: relative error of the estimated focal length, and `exif_sigma` of one from EXIF.

    The default is from the paper: 65 to 84 % of the estimates on six datasets are within 25 % (table 3), which is a
    sigma of 0.16 to 0.24.
    """

    backend: Literal["depth_pro"] = "depth_pro"
    model: str = "apple/DepthPro-hf"
    batch_size: int = Field(1, ge=1)
    focal_sigma: float = Field(0.22, ge=0)
    exif_sigma: float = Field(0.05, ge=0)


class Backend(NetworkBackend[Config]):
    """The camera estimator; see the module. Photos with a focal length in EXIF need no network."""

    role = "camera"

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._prior = exif.Backend(exif.Config.model_validate({"exif_sigma": config.exif_sigma}))

    def setup(self, device: str) -> None:
        """Load the network. Raises WeightsError."""
        self._model = DepthPro(self.checkpoint, self.config.dtype, device)

    def intrinsics(self, frames: Sequence[Frame]) -> list[Camera]:
        """Return a camera for each frame."""
        cameras = self._prior.intrinsics(frames)
        unknown = [i for i, camera in enumerate(cameras) if camera.source == "prior"]
        seen = self._model.predict([frames[i].rgb for i in unknown], self.batch_size)
        for i, prediction in zip(unknown, seen, strict=True):
            if SANE_FOV_DEG[0] <= prediction.fov_x_deg <= SANE_FOV_DEG[1]:
                cameras[i] = self._camera(prediction.fov_x_deg, frames[i].size_wh)
        return cameras

    def _camera(self, fov_x_deg: float, size_wh: tuple[int, int]) -> Camera:
        width, height = size_wh
        focal = focal_px(fov_x_deg, width)
        return Camera(focal, focal, (width - 1) / 2, (height - 1) / 2, "model:depth_pro", self.config.focal_sigma)
