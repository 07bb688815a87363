"""The command line answers at once, and says plainly what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spatialgen.cli import app

CONFIGS = Path(__file__).parents[2] / "configs"
COMMANDS = ("plan", "generate", "perceive", "ask", "status", "models", "card", "inspect", "export", "verify")
HEAVY = ("numpy", "pydantic", "yaml", "rich.table", "pyarrow", "PIL", "cv2", "torch", "transformers", "ray", "open3d")


def test_help_names_all_commands() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert [name for name in COMMANDS if f"\n  {name} " not in result.output] == []


def test_help_imports_nothing_heavy() -> None:
    """The time that `--help` may take is spent on imports: what it may import is what this looks at."""
    code = f"import sys, spatialgen.cli; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_wrong_key_is_one_message_and_exit_code_2() -> None:
    config = str(CONFIGS / "rgbd.yaml")
    done = subprocess.run(
        [sys.executable, "-m", "spatialgen", "plan", "--config", config, "--set", "source.pth=x"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "error: --set source.pth=x: source.pth: no such key; did you mean 'path'?\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["plan", "--config", "nowhere.yaml"], "nowhere.yaml: cannot read this configuration"),
        (["status", "nowhere"], "nowhere holds no build"),
        (["card", "nowhere"], "nowhere is not a finished build"),
        (["inspect", "nowhere"], "nowhere is not a finished build"),
        (["models", "pull", "nothing"], "the model list has no 'nothing'"),
    ],
)
def test_errors_are_told_without_a_traceback(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code in (1, 2)
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("error: ")
    assert said in result.stderr


def test_the_model_list_states_licence_origin_and_sha256() -> None:
    result = CliRunner().invoke(app, ["models", "list", "--json"])
    assert result.exit_code == 0
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    fastdepth = rows["fastdepth"]
    assert fastdepth["license"] == "MIT"
    assert fastdepth["origin"] == "npm"
    assert fastdepth["sha256"].startswith("6275c23f")
    assert all(row["license"] for row in rows.values())
    plain = CliRunner().invoke(app, ["models", "list"])
    assert "fastdepth" in plain.stdout
