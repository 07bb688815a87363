"""`spatialgen predict`: answers to a file of questions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from spatialgen.evaluate.benches.base import Item


def command(
    model: Annotated[Path, typer.Option(help="A model folder, as `spatialgen train` leaves it.")],
    questions: Annotated[Path, typer.Option(help="JSON list or lines of {id, image, question}.")],
    out: Annotated[Path, typer.Option(help="JSON lines of {id, question, answer}; what is there is not asked again.")],
    images: Annotated[Path | None, typer.Option(help="The folder that `image` paths start from.")] = None,
    batch: Annotated[int, typer.Option(help="Questions computed together.")] = 16,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    max_new_tokens: Annotated[int, typer.Option(help="Longest answer, tokens.")] = 128,
) -> None:
    """Write a model's answers to a file of questions. Run again, it goes on where it stopped."""
    from spatialgen.cli import told_plainly

    with told_plainly():
        from spatialgen.errors import SourceError
        from spatialgen.evaluate.run import answers, model_answers

        items = list(_items(questions, images))
        if len({i.item_id for i in items}) != len(items):
            raise SourceError(f"{questions}: two questions have the same id")
        answers(items, model_answers(model, device, False, max_new_tokens), out, batch)


def _items(questions: Path, images: Path | None) -> Iterator[Item]:
    from spatialgen.evaluate.benches.base import Item, field, json_rows

    for number, row in enumerate(json_rows(questions)):
        where = f"{questions}, record {number}"
        file = (images or questions.parent) / str(row["image"]) if row.get("image") else None
        question = str(field(row, "question", where))
        yield Item(str(row.get("id", number)), question, file, str(file), row)
