"""Reads a configuration: a YAML file, then the overrides of the command line, then the checks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from spatialgen.config.faults import annotations_at, dotted, explain
from spatialgen.config.models import BuildConfig
from spatialgen.config.yaml_text import KeyPath, parse_yaml
from spatialgen.errors import ConfigError

M = TypeVar("M", bound=BaseModel)


def load_config(path: Path, overrides: Sequence[str] = ()) -> BuildConfig:
    """Return the configuration in the file `path`, with `a.b=value` overrides. Raises ConfigError."""
    return load_model(BuildConfig, path, overrides)


def load_model(model: type[M], path: Path, overrides: Sequence[str] = ()) -> M:
    """Return the YAML file `path` as a `model`, with `a.b=value` overrides, values being YAML. Raises ConfigError."""
    draft = _read(path)
    for override in overrides:
        _override(model, draft, override)
    return _validate(model, draft)


def dump_config(config: BaseModel) -> str:
    """Return `config`, defaults included, as YAML that `load_config` reads back to an equal one."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


@dataclass(slots=True)
class _Draft:
    """A configuration before it is checked, and where each of its keys comes from."""

    data: dict[str, Any]
    places: dict[KeyPath, str] = field(default_factory=dict)


def _read(path: Path) -> _Draft:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a UTF-8 text file") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot read this configuration: {error.strerror}") from error
    parsed = parse_yaml(text, str(path))
    if not isinstance(parsed.data, dict):
        raise ConfigError(f"{path}: expected a mapping of keys at the top of the file")
    places = {key: f"{path}, line {line}" for key, line in parsed.lines.items()}
    return _Draft(parsed.data, {(): str(path), **places})


def _override(model: type[BaseModel], draft: _Draft, override: str) -> None:
    where = f"--set {override}"
    name, equals, text = override.partition("=")
    written = name.strip().split(".")
    if not equals or not all(written):
        raise ConfigError(f"{where}: expected KEY.KEY=VALUE")
    target, path = _parent(draft.data, written, where)
    target[path[-1]] = _value(model, draft.data, path, text, where)
    for stale in [p for p in draft.places if p[: len(path)] == path]:
        del draft.places[stale]
    for depth in range(1, len(path) + 1):
        if path[:depth] not in draft.places:
            draft.places[path[:depth]] = where


def _parent(data: Any, keys: Sequence[str], where: str) -> tuple[Any, KeyPath]:
    """Return the mapping or list that holds what `keys` name, and their path, in which places in lists are numbers."""
    path: list[str | int] = []
    for key in keys:
        if path:
            if data[path[-1]] is None:
                data[path[-1]] = {}
            data = data[path[-1]]
        if isinstance(data, dict):
            data.setdefault(key, None)
            path.append(key)
        elif isinstance(data, list) and key.isdecimal() and int(key) < len(data):
            path.append(int(key))
        elif isinstance(data, list):
            raise ConfigError(f"{where}: {dotted(tuple(path))} has the places 0 to {len(data) - 1}, and no {key!r}")
        else:
            raise ConfigError(f"{where}: {dotted(tuple(path))} is {data!r} and has no keys of its own")
    return data, tuple(path)


def _value(model: type[BaseModel], data: dict[str, Any], path: KeyPath, text: str, where: str) -> Any:
    """Return `text` as it stands where only text can be meant (a path may look like YAML), else as YAML."""
    expected = annotations_at(model, data, path)
    if expected and all(annotation is str for annotation in expected):
        return text
    if expected and all(set(get_args(annotation)) == {str, type(None)} for annotation in expected):
        return None if text in ("", "null", "~") else text
    return parse_yaml(text, where).data


def _validate(model: type[M], draft: _Draft) -> M:
    try:
        text = json.dumps(draft.data)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{draft.places[()]}: {error}; only text, numbers, true, false, lists and keys") from error
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise explain(error, model, draft.data, draft.places) from error
