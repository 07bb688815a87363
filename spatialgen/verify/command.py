"""`spatialgen verify`: what the command line hands over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from spatialgen.testing.furniture import Shapes
    from spatialgen.testing.scenes import Kind
    from spatialgen.verify.run import VerifyOptions

_CONDITIONS = "exact,exact_no_up,noise_1,noise_3,masks_small,masks_large,flying"


def command(
    scenes: Annotated[int, typer.Option(help="Analytic scenes of each kind.")] = 40,
    first: Annotated[int, typer.Option(help="Seed of the first scene.")] = 0,
    kinds: Annotated[str, typer.Option(help="Of room, outdoors, tabletop, close, steep, walls; with commas.")] = "room",
    shapes: Annotated[
        str, typer.Option(help="Their furniture: usual, or other, which nothing was tuned on.")
    ] = "usual",
    conditions: Annotated[str, typer.Option(help="How the input is spoiled; with commas.")] = _CONDITIONS,
    frames: Annotated[
        Path | None, typer.Option(help="A folder with frames.jsonl and truth.jsonl, instead of analytic scenes.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Another config than configs/rgbd.yaml.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where verify.txt, verify.json and verify.png go.")] = Path("build/verify"),
    facts: Annotated[bool, typer.Option("--facts", help="Judge facts before they become questions: quicker.")] = False,
    strict: Annotated[bool, typer.Option(help="End with 1 if a goal is missed.")] = False,
) -> None:
    """Run the pipeline on scenes with known truth and say by type what is right, how far off, and what was asked."""
    from spatialgen.cli import told_plainly

    with told_plainly():
        from spatialgen.verify.run import VerifyOptions

        options = VerifyOptions(
            scenes=scenes,
            first=first,
            shapes=_known_shapes(shapes),
            kinds=_known_kinds(kinds),
            conditions=tuple(filter(None, conditions.split(","))),
            frames=frames,
            config=config,
            worded=not facts,
        )
        missed = _verify(options, out)
    if strict and missed:
        raise typer.Exit(1)


def _verify(options: VerifyOptions, out: Path) -> int:
    from spatialgen.verify.goals import all_goals
    from spatialgen.verify.report import as_text, write_report
    from spatialgen.verify.run import run

    reports = run(options, tell=lambda text: typer.echo(text, err=True))
    typer.echo(as_text(reports))
    for path in write_report(reports, out):
        typer.echo(f"wrote {path}", err=True)
    return sum(goal.met is False for goal in all_goals(reports))


def _known_kinds(text: str) -> tuple[Kind, ...]:
    from typing import get_args

    from spatialgen.errors import ConfigError
    from spatialgen.testing.scenes import Kind

    chosen = tuple(filter(None, text.split(",")))
    known: tuple[Kind, ...] = get_args(Kind)
    unknown = [kind for kind in chosen if kind not in known]
    if unknown or not chosen:
        raise ConfigError(f"--kinds {text!r}: known are {', '.join(known)}")
    return tuple(kind for kind in known if kind in chosen)


def _known_shapes(text: str) -> Shapes:
    from typing import get_args

    from spatialgen.errors import ConfigError
    from spatialgen.testing.furniture import Shapes

    known: tuple[Shapes, ...] = get_args(Shapes)
    for shapes in known:
        if shapes == text:
            return shapes
    raise ConfigError(f"--shapes {text!r}: known are {', '.join(known)}")
