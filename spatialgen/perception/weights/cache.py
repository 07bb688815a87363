"""The cache of weights: pulled once, checked by sha256, written whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from spatialgen.errors import WeightsError
from spatialgen.perception.checkpoints import Checkpoint, from_key, from_list
from spatialgen.perception.hub_list import listed
from spatialgen.perception.weights.archive import download, open_member
from spatialgen.perception.weights.catalog import ModelEntry, WeightFile, entry
from spatialgen.records import ModelUse

CACHE = "SPATIALGEN_CACHE"  # environment: the cache's folder
CHUNK = 1 << 20

Report = Callable[[str], None]


def cache_dir() -> Path:
    """Return the cache's folder: `$SPATIALGEN_CACHE`, else `spatialgen` in the user's cache folder."""
    own = os.environ.get(CACHE)
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(own).expanduser() if own else Path(base).expanduser() / "spatialgen"


def folder_of(model: ModelEntry) -> Path:
    """Return where the files of `model` are or will be; those of origin local stay where they are."""
    if model.origin == "local":
        return Path(model.package).expanduser()
    return cache_dir() / "weights" / f"{model.name}-{(model.sha256 or 'hub')[:12]}"


def is_cached(name: str) -> bool:
    """Return whether all files of `name` are here and match."""
    if _is_unlisted(name):
        return from_key(name).cached() is not None
    model = entry(name)
    return _hub(model).cached() is not None if model.origin == "hub" else not _missing(model)


def path(name: str) -> Path:
    """Return the path of the weights `name`: the first file of its list. Raises WeightsError.

    Files that are not there or do not match their sha256 are an error that says what to run; nothing is fetched
    but what comes from the model hub.
    """
    if _is_unlisted(name):
        return from_key(name).fetch()
    model = entry(name)
    if model.origin == "hub":
        return _hub(model).fetch()
    for file in model.files:
        _check(_place(model, file), file, model)
    return _place(model, model.files[0])


def sha256(name: str) -> str:
    """Return what a fingerprint keeps of the weights `name`: of all its files, as listed."""
    if _is_unlisted(name):
        return from_key(name).identity()
    model = entry(name)
    return _hub(model).identity() if model.origin == "hub" else str(model.sha256)


def use(name: str, role: str | None = None) -> ModelUse:
    """Return the record that a scene keeps of the weights `name`: role, name, sha256, licence of the weights."""
    model = entry(name)
    return ModelUse(role or model.role, name, sha256(name), model.license)


def ensure(names: Iterable[str], report: Report | None = None) -> list[Path]:
    """Pull the weights `names` that are not cached yet, and return their paths. Raises WeightsError.

    What an interruption left is fetched again; a file counts only once it is whole, matches and has its name.
    `report` is told each step in words.
    """
    say = report or (lambda _: None)
    wanted = list(dict.fromkeys(names))
    models = [entry(name) for name in wanted if not _is_unlisted(name)]
    for group in _by_package([m for m in models if m.origin in {"pypi", "npm"}]):
        if any(_missing(m) for m in group):
            _pull(group, say)
    return [path(name) for name in wanted]


def _pull(group: Sequence[ModelEntry], say: Report) -> None:
    """Fetch one package and take out what its entries name."""
    first = group[0]
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", f"{first.origin}-{first.package}-{first.version}")
    scratch = cache_dir() / "scratch" / slug
    with _lock(cache_dir() / "scratch" / f"{slug}.lock"):
        wanted = [(m, f) for m in group for f in _missing(m)]
        if not wanted:
            return  # another process was here first
        shutil.rmtree(scratch, ignore_errors=True)  # of a run that was killed
        scratch.mkdir(parents=True)
        say(f"fetching {first.package} {first.version} ({first.origin})")
        try:
            archive = download(first.origin, first.package, first.version, scratch, cache_dir() / "tools")
            for model, file in wanted:
                _take_out(archive, file, model)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    say(f"cached {', '.join(m.name for m in group)}")


def _take_out(archive: Path, file: WeightFile, model: ModelEntry) -> None:
    place = _place(model, file)
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = place.with_name(f".{place.name}.{os.getpid()}.partial")
    try:
        with open_member(archive, file.member) as source, unfinished.open("wb") as target:
            left = file.bytes + 1  # one more than listed is enough to see that it does not match
            while left > 0 and (chunk := source.read(min(CHUNK, left))):
                target.write(chunk)
                left -= len(chunk)
            target.flush()
            os.fsync(target.fileno())
        _check(unfinished, file, model)
        unfinished.replace(place)
    finally:
        unfinished.unlink(missing_ok=True)


def _check(place: Path, file: WeightFile, model: ModelEntry) -> None:
    try:
        stat = place.stat()
    except OSError:
        raise WeightsError(
            f"weights {model.name}: {place} is not there; run `spatialgen models pull {model.name}`"
        ) from None
    found = _sha256_once(str(place.resolve()), stat.st_size, stat.st_mtime_ns)
    if found != file.sha256:
        raise WeightsError(
            f"weights {model.name}: {file.member} of {model.package} {model.version} has sha256 {found}"
            f" ({stat.st_size} bytes) but the model list says {file.sha256} ({file.bytes} bytes); refused."
            f" Delete {place} and run `spatialgen models pull {model.name}`; if that does not help, the package"
            " has changed and must not be trusted"
        )


def _missing(model: ModelEntry) -> list[WeightFile]:
    missing = []
    for file in model.files:
        try:
            _check(_place(model, file), file, model)
        except WeightsError:
            missing.append(file)
    return missing


def _place(model: ModelEntry, file: WeightFile) -> Path:
    return folder_of(model) / (file.member if model.origin == "local" else file.name)


def _by_package(models: Sequence[ModelEntry]) -> list[list[ModelEntry]]:
    groups: dict[tuple[str, str, str], list[ModelEntry]] = {}
    for model in models:
        groups.setdefault((model.origin, model.package, model.version), []).append(model)
    return list(groups.values())


def _is_unlisted(name: str) -> bool:
    """Return whether `name` is the key of a hub repository or a path that is in no list."""
    return "/" in name


def _hub(model: ModelEntry) -> Checkpoint:
    return from_list(next(e for e in listed() if e.name == model.name))


@contextmanager
def _lock(lock: Path) -> Iterator[None]:
    """Hold `lock` against other processes; a dead holder's is free."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@lru_cache(maxsize=256)
def _sha256_once(place: str, size: int, mtime_ns: int) -> str:
    with Path(place).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
