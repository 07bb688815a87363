"""Where everything lies in a build folder. All paths inside are relative, so that the folder can be moved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

UNITS_A_FOLDER = 1000
PERCEIVE_TABLES = ("images", "scenes", "rejects")
ASK_TABLES = ("questions", "rejects")


@dataclass(frozen=True, slots=True)
class DatasetPaths:
    """The files of one dataset (perceive, or one set of questions) under `root`."""

    root: Path

    @property
    def plan_json(self) -> Path:
        return self.root / "plan.json"

    @property
    def plan_parquet(self) -> Path:
        return self.root / "plan.parquet"

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.json"

    @property
    def success(self) -> Path:
        return self.root / "_SUCCESS"

    @property
    def staging(self) -> Path:
        return self.root / "staging"


@dataclass(frozen=True, slots=True)
class BuildPaths:
    """The files of one build under `root`."""

    root: Path

    @property
    def perceive(self) -> DatasetPaths:
        return DatasetPaths(self.root)

    def ask(self, name: str) -> DatasetPaths:
        """The set of questions `name`, which the config has checked to be a plain folder name."""
        return DatasetPaths(self.root / "qa" / name)

    def asks(self) -> list[str]:
        """The names of the sets of questions that are there."""
        return sorted(p.parent.name for p in self.root.glob("qa/*/plan.json"))

    @property
    def config(self) -> Path:
        return self.root / "config.yaml"

    @property
    def card(self) -> Path:
        return self.root / "README.md"

    @property
    def lease(self) -> Path:
        return self.root / "lease.json"

    @property
    def runs(self) -> Path:
        return self.root / "runs"


def shard_name(table: str, index: int, generation: int) -> str:
    """Return a shard's path in its dataset. A shard rewritten by a retry has a higher generation, in its name."""
    suffix = f"-r{generation}" if generation else ""
    return f"{table}/{table}-{index:05d}{suffix}.parquet"
