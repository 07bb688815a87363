"""YAML as configurations use it: safe tags only, no duplicate keys, numbers such as 2e-5, and where each key stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from spatialgen.errors import ConfigError

KeyPath = tuple[str | int, ...]

_FLOAT = re.compile(r"[-+]?(\d[\d_]*\.?\d*|\.\d+)[eE][-+]?\d+$")


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads 2e-5 as a number, as YAML 1.2 and everybody but YAML 1.1 does."""


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))


@dataclass(frozen=True, slots=True)
class YamlText:
    """A parsed file: its `data`, and for each key path the line (from 1) on which it stands."""

    data: Any
    lines: Mapping[KeyPath, int]


def parse_yaml(text: str, where: str) -> YamlText:
    """Return the data of `text`. Raises ConfigError naming `where` and the line of what is wrong."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        lines = dict(_lines(node, (), where, ())) if node is not None else {}
        return YamlText(loader.construct_document(node) if node is not None else None, lines)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(f"{where}{line}: not valid YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{where}: not valid YAML: {error}") from error


def _lines(node: yaml.Node, path: KeyPath, where: str, above: tuple[int, ...]) -> Iterator[tuple[KeyPath, int]]:
    if id(node) in above:
        raise ConfigError(f"{where}, line {node.start_mark.line + 1}: an alias that contains itself")
    inside = (*above, id(node))
    if isinstance(node, yaml.MappingNode):
        seen: dict[Any, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise ConfigError(
                    f"{where}, line {line}: the key {key.value!r} stands on line {seen[key.value]} already"
                )
            seen[key.value] = line
            yield (*path, key.value), line
            yield from _lines(value, (*path, key.value), where, inside)
    elif isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            yield (*path, i), item.start_mark.line + 1
            yield from _lines(item, (*path, i), where, inside)
