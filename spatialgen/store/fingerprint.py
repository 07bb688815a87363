"""What changes results, as named parts, and how two of them differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from spatialgen.errors import PlanError

Parts = Mapping[str, Any]


def fingerprint(parts: Parts) -> str:
    """Return the sha256 of `parts` (JSON values, keys sorted), hexadecimal."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def differences(old: Parts, new: Parts) -> list[str]:
    """Return what changed, a line a key: `perceive.detector.score: 0.3 -> 0.4`."""
    before, after = dict(_leaves("", old)), dict(_leaves("", new))
    keys = sorted(before.keys() | after.keys())
    return [f"{k}: {_say(before, k)} -> {_say(after, k)}" for k in keys if _say(before, k) != _say(after, k)]


def refuse_change(folder: str, old: Parts, new: Parts) -> None:
    """Raise PlanError if the fingerprints differ, naming every key that changed."""
    changed = differences(json.loads(json.dumps(old)), json.loads(json.dumps(new)))
    if changed:
        lines = "\n".join(f"  {line}" for line in changed)
        raise PlanError(
            f"{folder} was made with other settings:\n{lines}\n"
            "Set them back, or choose another output folder (a set of questions: another ask.name)."
        )


def _leaves(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key in value:
            yield from _leaves(f"{prefix}.{key}" if prefix else str(key), value[key])
    else:
        yield prefix, value


def _say(leaves: Mapping[str, Any], key: str) -> str:
    return json.dumps(leaves[key], sort_keys=True) if key in leaves else "(absent)"
