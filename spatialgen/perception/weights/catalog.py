"""The model list: what each set of weights is, where it comes from, under which licence, with its full sha256."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spatialgen.errors import ConfigError, WeightsError

Origin = Literal["pypi", "npm", "hub", "local"]
OWN_LIST = "SPATIALGEN_MODELS"  # environment: the path of a list of your own, in the same format


class WeightFile(BaseModel):
    """One file: `member` is its path in the package's archive (for origin local: in the folder)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    member: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int = Field(gt=0)

    @property
    def name(self) -> str:
        """The file's own name, under which it is cached."""
        return PurePosixPath(self.member).name


class ModelEntry(BaseModel):
    """A set of weights. `package` is the package, the hub repository, or for origin local the folder.

    `version` is the package's version or the hub's revision; `files` of a hub entry may be open.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: str
    origin: Origin
    package: str
    version: str
    license: str
    license_source: str = ""
    author: str = ""
    notes: str = ""
    files: tuple[WeightFile, ...] = ()

    @property
    def bytes(self) -> int:
        """The size of all files, 0 where it is not known beforehand."""
        return sum(f.bytes for f in self.files)

    @property
    def sha256(self) -> str | None:
        """The sha256 of the one file, or that of the sorted lines "<sha256>  <name>" of several."""
        if len(self.files) <= 1:
            return self.files[0].sha256 if self.files else None
        lines = "".join(sorted(f"{f.sha256}  {f.name}\n" for f in self.files))
        return hashlib.sha256(lines.encode()).hexdigest()


def entries() -> tuple[ModelEntry, ...]:
    """Return the whole list: ours, the hub's, and that of `$SPATIALGEN_MODELS`, which wins over ours."""
    own = os.environ.get(OWN_LIST)
    mine = read_list(Path(own)) if own else ()
    taken = {e.name for e in mine}
    return (*mine, *(e for e in _shipped() if e.name not in taken))


def entry(name: str) -> ModelEntry:
    """Return the entry `name`. Raises WeightsError naming those there are."""
    for known in entries():
        if known.name == name:
            return known
    raise WeightsError(f"the model list has no {name!r}; it has: {', '.join(e.name for e in entries())}")


def read_list(path: Path) -> tuple[ModelEntry, ...]:
    """Read a list of models from YAML. Raises ConfigError that names the file and the field."""
    try:
        return parse_list(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"model list {path}: {error}") from error


def parse_list(text: str) -> tuple[ModelEntry, ...]:
    """Return the entries of a list. Raises ValueError."""
    raw = yaml.safe_load(text)
    if not isinstance(raw, list):
        raise ValueError("a model list is a list of entries")
    try:
        found = tuple(ModelEntry.model_validate(item) for item in raw)
    except ValidationError as error:
        raise ValueError(str(error)) from error
    if len({e.name for e in found}) != len(found):
        raise ValueError("two entries have the same name")
    return found


@lru_cache(maxsize=1)
def _shipped() -> tuple[ModelEntry, ...]:
    folder = resources.files(__package__)
    own = [parse_list(folder.joinpath(f).read_text("utf-8")) for f in ("models.yaml", "photos.yaml")]
    return (*own[0], *own[1], *_hub())


def _hub() -> tuple[ModelEntry, ...]:
    from spatialgen.perception.hub_list import listed

    return tuple(
        ModelEntry(name=e.name, role=e.role, origin="hub", package=e.repo, version=e.revision, license=e.license)
        for e in listed()
    )
