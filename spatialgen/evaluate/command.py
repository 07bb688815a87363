"""`spatialgen eval`: what the command line hands over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from spatialgen.evaluate.run import Report

_BENCHES = (
    "NAME=PATH: build (a held-out build; PATH may end in #QUESTIONS#SPLIT), scenes (pointing to the things of one), "
    "spatialrgpt, crpe, vsi, qspatial, proximity. Repeatable."
)


def command(
    model: Annotated[Path, typer.Option(help="A model folder, as `spatialgen train` leaves it.")],
    bench: Annotated[list[str], typer.Option(metavar="NAME=PATH", help=_BENCHES)],
    images: Annotated[Path | None, typer.Option(help="The folder that the bench's picture paths start from.")] = None,
    train_build: Annotated[
        Path | None,
        typer.Option(help="The build trained on (or BUILD#QUESTIONS): adds majority and question-only baselines."),
    ] = None,
    blind: Annotated[bool, typer.Option("--blind", help="Also ask the model with blank pictures.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Where answers and report go; default: eval/ beside the model.")
    ] = None,
    batch: Annotated[int, typer.Option(help="Questions computed together.")] = 16,
    limit: Annotated[int | None, typer.Option(help="Only so many questions of each bench.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    max_new_tokens: Annotated[int, typer.Option(help="Longest answer, tokens.")] = 64,
) -> None:
    """Ask a model the questions of benchmarks and report its scores, with intervals and baselines."""
    from spatialgen.cli import told_plainly

    with told_plainly():
        from rich.console import Console

        from spatialgen.evaluate.run import evaluate, identity, model_answers, show, write

        folder, who = out or model.parent / "eval", identity(model, max_new_tokens)
        reports: list[Report] = []
        for blank in (False, True) if blind else (False,):
            answer = model_answers(model, device, blank, max_new_tokens)
            place = folder / ("blind" if blank else "answers")
            for name, path in map(_split, bench):
                report = evaluate(name, Path(path), images, answer, place, batch, limit, who)
                reports.append(_named(report, f"{name}, blank pictures") if blank else report)
        if train_build is not None:
            reports += [
                r for name, path in map(_split, bench) if name == "build" for r in _baselines(train_build, path)
            ]
        show(reports, Console())
        write(reports, folder / "report.json")


def _split(text: str) -> tuple[str, str]:
    from spatialgen.errors import ConfigError

    name, equals, path = text.partition("=")
    if not equals:
        raise ConfigError(f"--bench {text}: expected NAME=PATH, such as build=build/held-out")
    return name, path


def _named(report: Report, name: str) -> Report:
    from dataclasses import replace

    return replace(report, bench=name)


def _baselines(train_build: Path, path: str) -> list[Report]:
    from spatialgen.evaluate.baselines import Blind
    from spatialgen.evaluate.benches.build import BENCH, build_rows, parts, score_lines
    from spatialgen.evaluate.run import Report

    items = list(BENCH.items(Path(path), None))
    folder, questions, _ = parts(str(train_build))
    blind = Blind(build_rows(folder, questions, split="train"))
    return [
        Report(f"build, {name}", path, len(items), tuple(score_lines([judge(i.row) for i in items])))
        for name, judge in (("majority answer", blind.majority), ("question only", blind.question_only))
    ]
