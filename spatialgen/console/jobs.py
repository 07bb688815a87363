"""What the commands of the command line do, once their arguments are read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console

from spatialgen import build
from spatialgen.config.loader import load_config
from spatialgen.console.progress import watching
from spatialgen.console.tables import as_json, console, print_build, print_plan, print_rows, print_status
from spatialgen.console.words import shown
from spatialgen.errors import BuildFailed, PlanError, StoreError
from spatialgen.records import Reject
from spatialgen.reports import BuildReport
from spatialgen.store.layout import BuildPaths
from spatialgen.store.plan import PlanReader, read_info

_REFUSED = 10


def plan(config: Path, overrides: Sequence[str], *, extend: bool, json: bool) -> None:
    """Plan a build and print the plan."""
    settings = load_config(config, overrides)
    with watching(json) as progress:
        report = build.plan_build(settings, extend, progress)
    _print(report, print_plan, json)
    if report.rejects and not json:
        header = ("record", "reason", "what exactly")
        rows = [(shown(r.image_id), r.code.value, shown(r.detail, 200)) for r in _first_refused(Path(report.out))]
        print_rows(console(), "the first that are refused", header, rows)
    if report.problems:
        raise PlanError("this plan cannot run here: " + "; ".join(report.problems))


def run(job: str, config: Path, overrides: Sequence[str], *, json: bool, **options: bool) -> None:
    """Run `job` ("perceive", "ask" or "generate") and print what the build holds."""
    jobs: dict[str, Callable[..., BuildReport]] = {
        "perceive": build.perceive,
        "ask": build.ask,
        "generate": build.generate,
    }
    settings = load_config(config, overrides)
    try:
        with watching(json) as progress:
            report = jobs[job](settings, progress, **options)
    except BuildFailed as error:
        if isinstance(error.report, BuildReport):
            _print(error.report, print_build, json)
        raise
    _print(report, print_build, json)


def status(out: Path, *, json: bool) -> None:
    """Print how far the build in `out` has come. Raises StoreError if there is none."""
    found = build.status(out)
    if found.state == "absent":
        raise StoreError(f"{out} holds no build, not even a plan of one")
    _print(found, print_status, json)


def card(out: Path) -> None:
    """Write the card of the build in `out`."""
    from spatialgen.export.card import write_card

    print(write_card(out))


def export(out: Path, folder: Path, qa: str | None, split: str | None, form: str) -> None:
    """Write the build in `out` as LLaVA JSON, or in another form."""
    from spatialgen.export.llava import default_set, export_llava
    from spatialgen.export.reader import open_build

    opened = open_build(out)
    print(export_llava(opened, folder, qa or default_set(opened), split, form))


def say(text: str) -> None:
    """Print `text` on standard error."""
    print(text, file=sys.stderr, flush=True)


def _first_refused(root: Path) -> list[Reject]:
    paths = BuildPaths(root).perceive
    info = read_info(paths)
    with closing(PlanReader(paths.plan_parquet, info.units if info else 0)) as plan:
        return list(islice((r for unit in plan for r in unit if isinstance(r, Reject)), _REFUSED))


def _print(report: Any, table: Callable[[Any, Console], None], json: bool) -> None:
    if json:
        print(as_json(report))
    else:
        table(report, console())
