"""Reports as tables for people and as JSON for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from spatialgen.console.words import duration, rate, shown, size
from spatialgen.reports import BuildReport, BuildStatus, JobStatus, PlanReport

_PIPED_WIDTH = 120


def console() -> Console:
    """Return standard output as a place for tables."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED_WIDTH)


def as_json(report: Any) -> str:
    """Return a report as one JSON object."""
    row = asdict(report) if is_dataclass(report) and not isinstance(report, type) else report
    return json.dumps(row, indent=1, default=_plain, ensure_ascii=False)


def print_plan(report: PlanReport, out: Console) -> None:
    """Print units, stages, pools, estimates and what would be refused."""
    listed = report.records - sum(report.rejects.values())
    facts = {
        "images to read": f"{listed} of {report.records} records, {size(report.source_bytes)}",
        "units": f"{report.units}" + (f", {report.new_units} of them new" if report.new_units < report.units else ""),
        "disk, about": size(report.disk_bytes),
        "time, about": "not known yet: run a few images first" if report.hours is None else f"{report.hours:.2f} hours",
        "fingerprint": report.fingerprint[:16],
        "build folder": report.out,
    }
    _pairs(out, facts)
    rows = [(s.name, s.version, str(s.batch_size), f"{s.cpus:g}", f"{s.gpus:g}") for s in report.stages]
    _table(out, "stages", ("stage", "version", "batch", "CPUs", "GPUs"), rows, numeric=(2, 3, 4))
    pools = [
        (" ".join(p.stages), f"{p.cpus:g}", f"{p.gpus:g}", _span(p.min_workers, p.max_workers)) for p in report.pools
    ]
    _table(out, "actors", ("steps", "CPUs", "GPUs", "workers"), pools, numeric=(1, 2, 3))
    _counts(out, "refused by the listing", "reason", report.rejects)
    for problem in report.problems:
        out.print(Text(f"a run would be refused: {problem}"))


def print_build(report: BuildReport, out: Console) -> None:
    """Print what a build holds and how long its stages took."""
    _counts(out, "questions by type", "type", report.questions)
    _counts(out, "rejected images", "reason", report.rejects)
    _counts(out, "rejected objects", "reason", report.object_rejects)
    stages = [(s.stage, f"{s.seconds:.1f}", str(s.images), rate(s.images_per_s)) for s in report.stages]
    _table(out, "this run", ("stage", "seconds", "images", "images/s"), stages, numeric=(1, 2, 3))
    _pairs(
        out,
        {
            "images": str(report.images),
            "objects": str(report.objects),
            "questions": f"{sum(report.questions.values())} of {len(report.questions)} types",
            "took": duration(report.seconds) if report.worked else "nothing: everything had been done before",
            "build folder": report.out,
        },
    )


def print_status(status: BuildStatus, out: Console) -> None:
    """Print how far a build has come."""
    facts = {"state": status.state, "build folder": status.out}
    if status.holder:
        facts["held by"] = status.holder
    if status.last_run:
        facts["last run"] = f"{status.last_run.get('job')} {status.last_run.get('state')}, {_when(status.last_run)}"
    _pairs(out, facts)
    jobs = [("perceive", status.perceive), *((f"ask {job.name}", job) for job in status.asks)]
    rows = [(name, job.state, _part(job.units_done, job.units), str(job.records), _holds(job)) for name, job in jobs]
    _table(out, "jobs", ("job", "state", "units", "images", "holds"), rows, numeric=(2, 3))
    for name, job in jobs:
        _counts(out, f"rejects of {name}", "reason", job.rejects)
    for job in status.asks:
        _counts(out, f"questions of {job.name}", "type", job.by_type)


def print_rows(out: Console, title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table of texts."""
    _table(out, title, header, rows)


def print_facts(out: Console, facts: Mapping[str, str]) -> None:
    """Print names and values."""
    _pairs(out, facts)


def _table(
    out: Console, title: str, header: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[int] = ()
) -> None:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, title_style="bold", pad_edge=False)
    for i, name in enumerate(header):
        table.add_column(name, justify="right" if i in numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    if table.row_count:
        out.print(table)


def _counts(out: Console, title: str, header: str, counts: Mapping[str, int]) -> None:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    _table(out, title, (header, "count"), [(shown(name), str(count)) for name, count in ordered], numeric=(1,))


def _pairs(out: Console, facts: Mapping[str, str]) -> None:
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        table.add_row(Text(name, style="bold"), Text(value, overflow="fold"))
    out.print(table)


def _span(least: int, most: int | None) -> str:
    return f"{least} or more" if most is None else f"{least}" if most == least else f"{least} to {most}"


def _part(done: int, units: int) -> str:
    return f"{done}/{units}" if units else "-"


def _holds(job: JobStatus) -> str:
    questions = sum(job.by_type.values())
    counts = {name: count for name, count in job.counts.items() if count}
    return ", ".join(
        [*(f"{count} {name}" for name, count in counts.items()), *([f"{questions} questions"] if questions else [])]
    )


def _when(run: Mapping[str, object]) -> str:
    return f"{run.get('records')} images in {duration(float(str(run.get('seconds') or 0)))}, at {run.get('updated')}"


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
