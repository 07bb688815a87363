"""What a user reads when a configuration is wrong: the key, the file and line, what was expected, the nearest key."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from spatialgen.config.backends import Role
from spatialgen.config.yaml_text import KeyPath
from spatialgen.errors import ConfigError


def explain(error: ValidationError, root: type[BaseModel], data: Any, places: Mapping[KeyPath, str]) -> ConfigError:
    """Return `error` about `data` in a user's words. `places` says where each key comes from."""
    lines: dict[str, None] = {}
    for fault in error.errors(include_url=False):
        path = _to_choice(fault, data_path(fault["loc"], data), places)
        kind = fault["type"]
        about = _unknown_key(root, data, path) if kind == "extra_forbidden" else _wrong_value(fault)
        lines[f"{_place(path, places)}: {dotted(path)}: {about}"] = None
    return ConfigError("\n".join(lines))


def dotted(path: KeyPath) -> str:
    """Return `path` as it is written after --set."""
    return ".".join(map(str, path)) or "the whole file"


def data_path(loc: tuple[int | str, ...], data: Any) -> KeyPath:
    """Return the part of pydantic's location that are keys of `data`: union tags and member names are left out."""
    path: list[str | int] = []
    for i, part in enumerate(loc):
        if _has(data, part):
            data = data[part]
            path.append(part)
        elif i == len(loc) - 1 and isinstance(data, dict):
            path.append(part)
    return tuple(path)


def models_at(root: type[BaseModel], data: Any, path: KeyPath) -> list[Any]:
    """Return the models (or dicts, tuples of models) that may stand at `path`, by the annotations on the way."""
    here: list[Any] = [root]
    for part in path:
        value = data[part] if _has(data, part) else None
        here = [m for annotation, role in _fields(here, part) for m in _models(annotation, role, value)]
        data = value
    return here


def annotations_at(root: type[BaseModel], data: Any, path: KeyPath) -> list[Any]:
    """Return the annotations of the field at `path`; none where there is no such field."""
    return [annotation for annotation, _ in _fields(models_at(root, data, path[:-1]), path[-1])]


def _fields(models: list[Any], name: str | int) -> Iterator[tuple[Any, Role | None]]:
    for model in models:
        if get_origin(model) in (dict, tuple):
            yield get_args(model)[get_origin(model) is dict], None
            continue
        if name in model.model_fields:
            field = model.model_fields[str(name)]
            yield field.annotation, next((m for m in field.metadata if isinstance(m, Role)), None)


def _models(annotation: Any, role: Role | None, value: Any) -> Iterator[Any]:
    if role is not None:
        if isinstance(value, dict) and isinstance(value.get("backend"), str):
            try:
                yield role.config_class(value["backend"])
            except ConfigError:
                return
    elif get_origin(annotation) in (dict, tuple):
        yield annotation
    elif get_origin(annotation) is Annotated:
        yield from _models(get_args(annotation)[0], None, value)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if _tag_fits(annotation, value):
            yield annotation
    elif get_origin(annotation) in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _models(member, None, value)


def _tag_fits(model: type[BaseModel], value: Any) -> bool:
    kind = model.model_fields.get("kind")
    if kind is None or not isinstance(value, dict) or "kind" not in value:
        return True
    return value["kind"] in get_args(kind.annotation)


def _unknown_key(root: type[BaseModel], data: Any, path: KeyPath) -> str:
    models = models_at(root, data, path[:-1])
    known = sorted({name for model in models for name in getattr(model, "model_fields", ())})
    near = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
    return f"no such key; {hint}"


def _wrong_value(fault: Any) -> str:
    if fault["type"] == "missing":
        return "this key is missing"
    if fault["type"] == "union_tag_not_found":
        return f"the key {fault['ctx']['discriminator']} is missing"
    if fault["type"] == "union_tag_invalid":
        tags = fault["ctx"]["expected_tags"].replace("'", "")
        return f"no such {fault['ctx']['discriminator'].strip(chr(39))}: {fault['ctx']['tag']!r}; there are: {tags}"
    message = str(fault["msg"]).removeprefix("Value error, ").replace("Input should be", "expected")
    if fault["type"] in ("backend", "value_error"):
        return message
    return f"{message}, not {fault['input']!r}"


def _to_choice(fault: Any, path: KeyPath, places: Mapping[KeyPath, str]) -> KeyPath:
    """Return the path of the key that chose among models, where that is what is wrong."""
    chooser = {"backend": "backend", "union_tag_invalid": "kind"}.get(fault["type"])
    return (*path, chooser) if chooser and (*path, chooser) in places else path


def _place(path: KeyPath, places: Mapping[KeyPath, str]) -> str:
    while path and path not in places:
        path = path[:-1]
    return places[path]


def _has(data: Any, part: str | int) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and 0 <= part < len(data)
