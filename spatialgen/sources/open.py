"""From the configuration to the source it means."""

from __future__ import annotations

from pathlib import Path

from spatialgen.config.models import BuildConfig, OutputConfig
from spatialgen.config.sources import (
    SAMPLES,
    AnalyticConfig,
    FolderConfig,
    ParquetConfig,
    RgbdConfig,
    SourceSettings,
)
from spatialgen.errors import ConfigError
from spatialgen.sources.analytic import AnalyticSource
from spatialgen.sources.base import Source
from spatialgen.sources.folder import FolderSource
from spatialgen.sources.image import ImageLimits
from spatialgen.sources.parquet import ParquetSource
from spatialgen.sources.pictures import Pictures
from spatialgen.sources.rgbd import RgbdSource, manifest_path
from spatialgen.sources.samples import SamplesSource
from spatialgen.sources.webdataset import WebDatasetSource


def open_source(config: BuildConfig) -> Source:
    """Return the source of `config`. Raises ConfigError where its pictures cannot be kept as `output.images` says."""
    source, output = config.source, config.output
    if output.images == "reference" and (not isinstance(source, FolderConfig | RgbdConfig) or source.path == SAMPLES):
        raise ConfigError(f"output.images: this source ({source.kind}) has no picture files to refer to; use embed")
    if isinstance(source, AnalyticConfig):
        return AnalyticSource(
            source.scenes,
            (source.width, source.height),
            config.seed,
            source.shapes,
            source.objects,
            source.colors == "all_different",
        )
    pictures, path = _pictures(source, output), _absolute(source.path)
    if isinstance(source, FolderConfig):
        return SamplesSource(pictures) if source.path == SAMPLES else FolderSource(path, pictures, source.dedupe)
    if isinstance(source, RgbdConfig):
        return RgbdSource(manifest_path(path), pictures)
    if isinstance(source, ParquetConfig):
        return ParquetSource(path, pictures, source.image_column, source.id_column)
    return WebDatasetSource(path, pictures)


def _pictures(source: SourceSettings, output: OutputConfig) -> Pictures:
    limits = ImageLimits(source.max_pixels, source.min_side, source.max_aspect)
    return Pictures(limits, source.max_file_bytes, output.images == "embed", output.jpeg_quality)


def _absolute(path: str) -> Path:
    """Workers need not run in the directory that the command was given in."""
    return Path(path).expanduser().absolute()
