"""Where images come from: one model a kind of source, told apart by `kind`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from spatialgen.config.base import Settings

SAMPLES = "@samples"


class SourceSettings(Settings):
    """Limits that every source shares; they are checked in a file's header, before memory is taken."""

    path: str = Field(min_length=1)
    """Where the source is; relative paths are relative to the current directory."""
    max_pixels: int = Field(default=50_000_000, gt=0)
    """Larger images, depth maps and id maps are rejected."""
    min_side: int = Field(default=16, gt=0)
    """Images with a shorter side, in pixels, are rejected."""
    max_aspect: float = Field(default=20.0, ge=1.0)
    """Images whose longer side exceeds the shorter one by a greater factor are rejected."""
    max_file_bytes: int = Field(default=500_000_000, gt=0)
    """Larger files are rejected unread."""


class FolderConfig(SourceSettings):
    """All images of a folder and of the folders in it. `path: "@samples"` means the packaged sample photos."""

    kind: Literal["folder"]
    dedupe: bool = True
    """Of files with the same bytes, read only the first by name; the others become rejects."""


class RgbdConfig(SourceSettings):
    """Frames with depth, instance ids, labels or cameras: a folder with `frames.jsonl`, or a `.jsonl` file."""

    kind: Literal["rgbd"]


class ParquetConfig(SourceSettings):
    """Images in a column of a Parquet file, or of all Parquet files of a folder."""

    kind: Literal["parquet"]
    image_column: str = "image"
    """Column of encoded bytes, of {bytes, path} structs, or of paths relative to the Parquet file's folder."""
    id_column: str | None = None
    """Column of unique ids; without one, ids are `file:row`."""


class WebDatasetConfig(SourceSettings):
    """Images in uncompressed tar shards: a `.tar` file, or all of a folder."""

    kind: Literal["webdataset"]


class AnalyticConfig(Settings):
    """Rendered scenes with exact truth (spatialgen.testing), for trying things out. They have no path."""

    kind: Literal["analytic"]
    scenes: int = Field(default=100, gt=0)
    """How many scenes to render."""
    width: int = Field(default=320, ge=32, le=4096)
    """Pixels."""
    height: int = Field(default=240, ge=32, le=4096)
    """Pixels."""
    objects: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = (3, 7)
    """The least and the most things that stand on the floor; smaller ones may stand on them."""
    colors: Literal["by_label", "all_different"] = "by_label"
    """Whether things of one name, or all things of a scene, have colours of their own."""
    shapes: Literal["usual", "other"] = "usual"
    """`other`: things of the same names built from other forms, to test on shapes that nothing was trained on."""


SourceConfig = Annotated[
    FolderConfig | RgbdConfig | ParquetConfig | WebDatasetConfig | AnalyticConfig, Field(discriminator="kind")
]
