"""The configuration of a build: what to read, where to write, which networks, which questions, how to run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from spatialgen.config.backends import BackendConfig, Role
from spatialgen.config.base import Settings
from spatialgen.config.sources import SourceConfig
from spatialgen.qa.config import AskConfig
from spatialgen.scene.config import LiftConfig


class OutputConfig(Settings):
    """The build folder, and how its files are cut."""

    path: str = Field(min_length=1)
    """The build folder; on a cluster, on a file system that all nodes share."""
    images: Literal["embed", "reference"] = "embed"
    """Store the pictures in the build (once each), or only the paths of the originals."""
    unit_images: int = Field(default=32, ge=1, le=4096)
    """Images in a unit of work: what is lost at most, for each worker, when a run is killed."""
    unit_bytes: int = Field(default=64_000_000, gt=0)
    """A unit is closed early when its files reach this size."""
    shard_bytes: int = Field(default=256_000_000, gt=0)
    """About how large a packed shard gets."""
    jpeg_quality: int = Field(default=95, ge=1, le=100)
    """For pictures whose bytes cannot be kept (rotated, CMYK and the like)."""


class PerceiveConfig(Settings):
    """A backend for each role, a file of `spatialgen/perception/<role>/`, with its options; and the lift to 3D."""

    detector: Annotated[BackendConfig, Role("detectors")]
    depth: Annotated[BackendConfig, Role("depth")]
    segmenter: Annotated[BackendConfig, Role("segmenters")]
    captioner: Annotated[BackendConfig, Role("captioners")]
    camera: Annotated[BackendConfig, Role("cameras")]
    gravity: Annotated[BackendConfig, Role("gravity")]
    lift: LiftConfig = LiftConfig.model_validate({})
    """From depth and masks to upright boxes in the canonical frame."""


class RunConfig(Settings):
    """How a run goes. Nothing here changes what is written, but for the device's rounding."""

    executor: Literal["ray", "inprocess"] = "ray"
    """Ray (locally or on a cluster), or one process without Ray."""
    pipeline: str = "fused"
    """A file of `pipelines/`: how stages are placed in actors."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where networks run; `auto` takes a GPU where there is one."""
    max_internal_errors: int = Field(default=100, ge=0)
    """A run stops after more unexpected errors than this."""
    max_reject_fraction: float = Field(default=0.5, ge=0.0, le=1.0)
    """A run fails when a greater share of the images is rejected (judged after 1,000 images, or at the end)."""
    lease_seconds: float = Field(default=60.0, ge=1.0)
    """How long a dead run's hold on the build folder lasts."""


class PoolConfig(Settings):
    """Overrides of one actor pool of the pipeline; what is left out stays as the pipeline says."""

    min_workers: int | None = Field(default=None, ge=1)
    max_workers: int | None = Field(default=None, ge=1)
    cpus: float | None = Field(default=None, ge=0.0)
    """CPU cores of one actor."""
    gpus: float | None = Field(default=None, ge=0.0)
    """GPUs of one actor; fractions share a GPU."""


class RayConfig(Settings):
    """The cluster. Nothing here changes what is written."""

    address: str | None = None
    """`auto`, `host:port` or `ray://host:port` of a running cluster; without one, a local Ray is started."""
    num_cpus: int | None = Field(default=None, ge=1)
    """CPU cores of a local Ray; all by default."""
    num_gpus: float | None = Field(default=None, ge=0.0)
    """GPUs of a local Ray; those of the machine by default."""
    object_store_bytes: int | None = Field(default=None, ge=78_643_200)
    """Object store of a local Ray."""
    pools: dict[str, PoolConfig] = Field(default_factory=dict)
    """Pool sizes and GPU shares, by the pool's name in the pipeline."""


class BuildConfig(Settings):
    """Everything about a build. Read with `load_config`, never changed afterwards."""

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """What the build is called."""
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    """Every random choice is keyed by this and by what it is about."""
    source: SourceConfig
    output: OutputConfig
    perceive: PerceiveConfig
    ask: AskConfig = AskConfig.model_validate({})
    """Which questions, how many, in which words."""
    run: RunConfig = RunConfig()
    ray: RayConfig = RayConfig()
