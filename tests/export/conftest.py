"""One small build for all tests here: rendered rooms, among them a wide and a tall picture."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spatialgen import build
from spatialgen.config.loader import load_config
from spatialgen.export.llava import export_llava
from spatialgen.export.pages import Page, pages
from spatialgen.export.reader import BuildReader, open_build
from spatialgen.testing.manifest import write_manifest
from spatialgen.testing.scenes import sample_scene

CONFIG = Path(__file__).parents[2] / "configs" / "rgbd.yaml"
SIZES = [(400, 200), (200, 400), (240, 180), (240, 180), (240, 180)]

Export = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuildReader:
    """A finished build of five analytic rooms."""
    folder = tmp_path_factory.mktemp("rooms")
    scenes = [sample_scene(seed, size_wh=size, objects=(9, 12)) for seed, size in enumerate(SIZES, 3)]
    write_manifest(folder / "frames", scenes)
    sets = [f"source.path={folder / 'frames'}", f"output.path={folder / 'out'}", "output.unit_images=2"]
    build.generate(load_config(CONFIG, [*sets, "run.executor=inprocess"]))
    return open_build(folder / "out")


@pytest.fixture(scope="session")
def book(built: BuildReader) -> dict[str, Page]:
    """The pages of the build by image."""
    return {page.scene.image_id: page for page in pages(built, "default")}


@pytest.fixture(scope="session")
def exported(built: BuildReader, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Export the build in a form and return the records."""
    folder = tmp_path_factory.mktemp("exported")

    def export(name: str) -> list[dict[str, Any]]:
        text = export_llava(built, folder, "default", None, name).read_text("utf-8")
        return json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]

    return export
