"""One small build of analytic frames, made by the command line itself, for all tests here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from spatialgen.cli import app
from spatialgen.testing.manifest import write_manifest
from spatialgen.testing.scenes import sample_scene

CONFIG = Path(__file__).parents[2] / "configs" / "rgbd.yaml"
TYPES = "ask.types=[left_of,behind,distance,height,taller,count,box_2d]"

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def run() -> Run:
    """Run a command and return its result; it must end with `code`."""

    def call(*arguments: str | Path, code: int = 0) -> Result:
        result = CliRunner().invoke(app, [str(a) for a in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return call


@pytest.fixture(scope="session")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of five analytic frames and a line without a picture."""
    folder = tmp_path_factory.mktemp("frames")
    write_manifest(folder, [sample_scene(seed, size_wh=(160, 120)) for seed in range(5)])
    with (folder / "frames.jsonl").open("a") as file:
        file.write('{"id": "gone", "image": "gone.png"}\n')
    return folder


@pytest.fixture(scope="session")
def options(frames: Path) -> Callable[[Path], list[str]]:
    """The arguments that build `frames` into a folder, in this process."""

    def arguments(out: Path) -> list[str]:
        sets = [f"source.path={frames}", f"output.path={out}", "run.executor=inprocess", "output.unit_images=2", TYPES]
        return ["--config", str(CONFIG), *(part for each in sets for part in ("--set", each))]

    return arguments


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, run: Run, options: Callable[[Path], list[str]]) -> Path:
    """The finished build."""
    out = tmp_path_factory.mktemp("build") / "out"
    run("generate", *options(out))
    return out
