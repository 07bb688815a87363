"""`spatialgen chat`: questions about one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    model: Annotated[Path, typer.Option(help="A model folder, as `spatialgen train` leaves it.")],
    image: Annotated[Path, typer.Option(help="The picture.")],
    question: Annotated[
        str | None, typer.Option("--question", "-q", help="One question; without it, a dialogue.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    max_new_tokens: Annotated[int, typer.Option(help="Longest answer, tokens.")] = 128,
) -> None:
    """Answer questions about a picture."""
    from spatialgen.cli import told_plainly

    with told_plainly():
        from spatialgen.errors import SourceError
        from spatialgen.evaluate.answer import Answerer
        from spatialgen.train.pictures import decode

        try:
            picture = decode(image.read_bytes(), str(image))
        except OSError as error:
            raise SourceError(f"{image}: cannot read: {error.strerror}") from error
        answerer = Answerer(model, device, max_new_tokens=max_new_tokens)
        if question is not None:
            typer.echo(answerer.chat(picture, [(question, None)]))
            return
        _dialogue(answerer, picture)


def _dialogue(answerer: object, picture: object) -> None:
    from PIL.Image import Image

    from spatialgen.evaluate.answer import Answerer

    assert isinstance(answerer, Answerer)
    assert isinstance(picture, Image)
    turns: list[tuple[str, str | None]] = []
    while True:
        try:
            question = input("> ").strip()
        except EOFError:
            return
        if question:
            answer = answerer.chat(picture, [*turns, (question, None)])
            turns.append((question, answer))
            typer.echo(answer)
