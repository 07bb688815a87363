"""The camera from EXIF where a photo has a focal length, else from Depth Pro's field of view (arXiv:2410.02073)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from spatialgen.perception.cameras import exif
from spatialgen.perception.checkpoints import HubConfig
from spatialgen.perception.depth._depth_pro_model import DepthPro, focal_px
from spatialgen.records import Camera, Frame, ModelUse

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


class Backend:
    """The camera estimator; see the module. Photos with a focal length in EXIF need no network."""

    version = "1"
    uses_gpu = True

    def __init__(self, config: Config) -> None:
        self.config = config
        self.checkpoint = config.checkpoint()
        self.batch_size = config.batch_size
        self.weights = (self.checkpoint.key,)
        self._prior = exif.Backend(exif.Config.model_validate({"exif_sigma": config.exif_sigma}))
        self._network: DepthPro | None = None

    def setup(self, device: str) -> None:
        """Load the network. Raises WeightsError."""
        self._network = DepthPro(self.checkpoint, self.config.dtype, device)

    def models(self) -> tuple[ModelUse, ...]:
        """Return the checkpoint with its licence."""
        return (self.checkpoint.use("camera"),)

    def close(self) -> None:
        """Let go of the network."""
        self._network = None

    def intrinsics(self, frames: Sequence[Frame]) -> list[Camera]:
        """Return a camera for each frame."""
        if self._network is None:
            raise AssertionError("intrinsics comes after setup")
        cameras = self._prior.intrinsics(frames)
        unknown = [i for i, camera in enumerate(cameras) if camera.source == "prior"]
        seen = self._network.predict([frames[i].rgb for i in unknown], self.batch_size)
        for i, prediction in zip(unknown, seen, strict=True):
            if SANE_FOV_DEG[0] <= prediction.fov_x_deg <= SANE_FOV_DEG[1]:
                cameras[i] = self._camera(prediction.fov_x_deg, frames[i].size_wh)
        return cameras

    def _camera(self, fov_x_deg: float, size_wh: tuple[int, int]) -> Camera:
        width, height = size_wh
        focal = focal_px(fov_x_deg, width)
        return Camera(focal, focal, (width - 1) / 2, (height - 1) / 2, "model:depth_pro", self.config.focal_sigma)
