"""Checkpoints of the full stack: a model hub repository or a local folder, found, hashed and licensed.

Nothing here imports torch, and only `Checkpoint.fetch` may touch the network: a plan reads what is on the disk.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from spatialgen.errors import WeightsError
from spatialgen.perception.hub_list import Listed, listed
from spatialgen.records import ModelUse

SETTINGS = ("*.json", "*.txt", "*.model", "README.md")  # configuration, tokenizer, and the card with the licence
NO_SUBFOLDERS = ("*/*",)
HASHED = (".safetensors", ".bin", ".pth", ".pt", ".json", ".txt", ".model")
UNKNOWN_LICENSE = "not stated"
COMMIT = re.compile("[0-9a-f]{40}")


class HubConfig(BaseModel):
    """What all backends with a hub checkpoint share. `revision` None: the listed one, else the branch main.

    `model` is a hub repository ("owner/name") or a path to a local folder (or to the one file that a backend
    loads). `sha256` is that of the weights' file, checked before loading; listed models have theirs checked always.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(min_length=1)
    revision: str | None = None
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")
    license: str | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    batch_size: int = Field(4, ge=1)

    def checkpoint(self, file: str | None = None) -> Checkpoint:
        """Return the checkpoint that this names; `file` is the one file to load, if a backend loads one file."""
        known = next((e for e in listed() if e.repo == self.model and file in (None, e.file)), None)
        same = known is not None and self.revision in (None, known.revision)
        return Checkpoint(
            model=self.model,
            revision=self.revision or (known.revision if known else "main"),
            file=file or (known.file if known else None),
            sha256=self.sha256 or (known.sha256 if known and same else None),
            license=self.license or (known.license if known else None),
            settings_only=known is not None and known.settings_only,
        )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One model's files. `file` names the single file to load, or None for a folder in transformers' format.

    With `settings_only` just the configuration and the tokenizer are fetched and hashed.
    """

    model: str
    revision: str = "main"
    file: str | None = None
    sha256: str | None = None
    license: str | None = None
    settings_only: bool = False

    @property
    def local(self) -> Path | None:
        """The local path that `model` names, or None for a hub repository."""
        path = Path(self.model).expanduser()
        looks_local = self.model.startswith((".", "/", "~")) or self.model.count("/") != 1
        return path if looks_local or path.exists() else None

    @property
    def key(self) -> str:
        """The name in the model list; for what is not listed, the absolute path, or `owner/name@revision[:file]`."""
        if self.local is not None:
            return str(self._in(self.local).absolute())
        for known in listed():
            if (known.repo, known.revision, known.file, known.sha256) == self._facts:
                return known.name
        return self.reference if self.file is None else f"{self.reference}:{self.file}"

    @property
    def _facts(self) -> tuple[str, str, str | None, str | None]:
        return self.model, self.revision, self.file, self.sha256

    @property
    def reference(self) -> str:
        """The model as users write it: the path, or `owner/name@revision`."""
        return self.model if self.local is not None else f"{self.model}@{self.revision}"

    def cached(self) -> Path | None:
        """Return the folder or file if it is on this machine; never touches the network."""
        try:
            folder = self.local or Path(self._snapshot(offline=True, weights="*.safetensors"))
        except Exception:  # the hub client has a dozen ways to say that a snapshot is not there
            return None
        path = self._in(folder)
        return path if path.exists() else None

    def fetch(self) -> Path:
        """Return the folder or file, downloaded if need be, with its sha256 checked. Raises WeightsError."""
        path = self._local_or_fail() if self.local is not None else self._download()
        if self.sha256 is not None:
            self._check(path)
        return path

    def identity(self) -> str:
        """Return what a fingerprint keeps, the same before and after a download.

        That is the sha256 of local files, and for the hub repository and revision: a full commit hash says all,
        while a branch may move (the models recorded in the scenes then say which files were used).
        """
        if self.local is None:
            return self.reference if self.sha256 is None else f"{self.reference} sha256:{self.sha256}"
        path = self.cached()
        return self.reference if path is None else self._digest(path)

    def use(self, role: str) -> ModelUse:
        """Return the record of this model's use, with the licence of the weights."""
        name = self.local.name if self.local is not None else self.model
        return ModelUse(role, name, self._version(), self.license or self._card_license())

    def _version(self) -> str:
        path = None if self.local is not None or COMMIT.fullmatch(self.revision) else self.cached()
        return self.identity() if path is None else f"{self.revision} {self._digest(path)}"

    def _digest(self, path: Path) -> str:
        return f"sha256:{digest(path, weights=not self.settings_only)}"

    def _local_or_fail(self) -> Path:
        path = self.cached()
        if path is None:
            wanted = self._in(Path(self.model).expanduser())
            raise WeightsError(
                f"weights {self.model!r}: there is no {wanted}; give a folder with the checkpoint"
                " or a model hub repository as owner/name"
            )
        return path

    def _download(self) -> Path:
        here = self.cached() if COMMIT.fullmatch(self.revision) else None
        if here is not None and (self.settings_only or here.is_file() or _weight_files(here)):
            return here  # a commit does not move: no need to ask the hub
        try:
            folder = Path(self._snapshot(offline=False, weights="*.safetensors"))
            if self.file is None and not self.settings_only and not list(folder.glob("*.safetensors")):
                folder = Path(self._snapshot(offline=False, weights="*.bin"))
        except Exception as error:
            raise WeightsError(
                f"weights {self.reference}: cannot be fetched from the model hub ({_first_line(error)}); run"
                " `spatialgen models pull` where there is network, or set `model` to a local folder"
            ) from error
        return self._in(folder)

    def _snapshot(self, *, offline: bool, weights: str) -> str:
        from huggingface_hub import snapshot_download

        wanted = [] if self.settings_only else [self.file or weights]
        return snapshot_download(
            self.model,
            revision=self.revision,
            allow_patterns=[*wanted, *SETTINGS],
            ignore_patterns=None if self.file else list(NO_SUBFOLDERS),
            local_files_only=offline,
        )

    def _in(self, folder: Path) -> Path:
        return folder / self.file if self.file is not None and folder.is_dir() else folder

    def _check(self, path: Path) -> None:
        files = [path] if path.is_file() else _weight_files(path)
        found = [_file_sha256(f) for f in files]
        if found != [self.sha256]:
            raise WeightsError(
                f"weights {self.reference}: {files[0].name if files else path} has sha256"
                f" {', '.join(found) or 'none'}, not {self.sha256}; delete it and pull it again"
            )

    def _card_license(self) -> str:
        path = self.cached()
        card = None if path is None else (path if path.is_dir() else path.parent) / "README.md"
        return card_license(card.read_text("utf-8", "replace")) if card and card.is_file() else UNKNOWN_LICENSE


def from_list(known: Listed) -> Checkpoint:
    """Return the checkpoint of an entry of the list."""
    return Checkpoint(known.repo, known.revision, known.file, known.sha256, known.license, known.settings_only)


def from_key(key: str) -> Checkpoint:
    """Return the checkpoint that a `Checkpoint.key` with a slash in it names (listed ones have names without)."""
    if Path(key).is_absolute():
        return Checkpoint(model=key)
    reference, _, file = key.partition(":")
    model, _, revision = reference.partition("@")
    return Checkpoint(model=model, revision=revision or "main", file=file or None)


def card_license(text: str) -> str:
    """Return the `license` of a model card's YAML head, or "not stated"."""
    parts = text.split("---", 2)
    if text.startswith("---") and len(parts) == 3:
        try:
            head: Any = yaml.safe_load(parts[1])
        except yaml.YAMLError:
            return UNKNOWN_LICENSE
        if isinstance(head, dict) and isinstance(head.get("license"), str):
            return str(head["license"])
    return UNKNOWN_LICENSE


def digest(path: Path, *, weights: bool = True) -> str:
    """Return the sha256 of a weights' file, or of the sorted (name, sha256) of a folder's checkpoint files."""
    if path.is_file():
        return _file_sha256(path)
    settings = [f for f in _files(path) if f.suffix in {".json", ".txt", ".model"}]
    files = [*_weight_files(path), *settings] if weights else settings
    lines = sorted(f"{f.name} {_file_sha256(f)}\n" for f in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _weight_files(folder: Path) -> Sequence[Path]:
    """Return the files that loading would take: safetensors where there are any, else pickled state dicts."""
    files = _files(folder)
    return [f for f in files if f.suffix == ".safetensors"] or [f for f in files if f.suffix in {".bin", ".pth", ".pt"}]


def _files(folder: Path) -> list[Path]:
    return sorted(f for f in folder.iterdir() if f.is_file() and f.suffix in HASHED)


def _file_sha256(path: Path) -> str:
    stat = path.stat()
    return _sha256_once(str(path.resolve()), stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=256)
def _sha256_once(path: str, size: int, mtime_ns: int) -> str:
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
