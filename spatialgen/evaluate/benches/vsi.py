"""VSI-Bench (Yang et al. 2024): numbers by mean relative accuracy, options by accuracy.

JSON lines: `id`, `question_type`, `question`, `ground_truth`, `options` (a list such as "A. left", or null). Its
videos are beyond a model of single pictures: `image` names the frame to show (one that you drew from the video);
rows without one are asked without a picture, which their line says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spatialgen.errors import SourceError
from spatialgen.evaluate.benches.base import Item, Line, field, json_rows, line
from spatialgen.evaluate.metrics import mean_relative_accuracy
from spatialgen.evaluate.parser import parse_choice, parse_quantity

# What a bare number means is fixed by the questions themselves: sizes in centimetres, distances in metres.
_UNITS = {
    "object_abs_distance": ("m", "m"),
    "object_size_estimation": ("m", "cm"),
    "object_counting": ("count", "m"),
    "room_size_estimation": ("none", "m"),
}


@dataclass(frozen=True, slots=True)
class Vsi:
    """The bench. `images` is the folder that `image` starts from."""

    name: str = "vsi"

    def items(self, path: Path, images: Path | None) -> Iterator[Item]:
        """Yield the questions; options stand below theirs."""
        for number, row in enumerate(json_rows(path)):
            where = f"{path}, record {number}"
            file = (images or path.parent) / str(row["image"]) if row.get("image") else None
            question = str(field(row, "question", where))
            if row.get("options"):
                question += "\n" + "\n".join(map(str, row["options"])) + "\nAnswer with the letter of the option."
            elif field(row, "question_type", where) not in _UNITS:
                raise SourceError(
                    f"{where}: {row['question_type']!r} has no options, and is none of {', '.join(_UNITS)}"
                )
            yield Item(str(row.get("id", number)), question, file, str(file), row)

    def lines(self, items: Sequence[Item], answers: Sequence[str]) -> list[Line]:
        """Return MRA or accuracy by question type."""
        groups: dict[tuple[str, str], list[tuple[float, bool, str]]] = {}
        for item, answer in zip(items, answers, strict=True):
            metric, value, parsed = _judge(item, answer)
            note = "" if item.picture is not None else ", without a picture"
            group = groups.setdefault((str(item.row["question_type"]) + note, metric), [])
            group.append((value, parsed, item.picture_key))
        return [
            line(group, metric, [v for v, _, _ in rows], [p for _, p, _ in rows], [k for _, _, k in rows])
            for (group, metric), rows in sorted(groups.items())
        ]


def _judge(item: Item, answer: str) -> tuple[str, float, bool]:
    row = item.row
    if row.get("options"):
        options = [str(o).split(". ", 1)[-1] for o in row["options"]]
        chosen = parse_choice(answer, options)
        letter = None if chosen is None else "ABCDEFGH"[chosen]
        return "accuracy", float(letter == str(row["ground_truth"]).strip().upper()), chosen is not None
    unit, bare = _UNITS[row["question_type"]]
    value, truth = parse_quantity(answer, unit, bare_unit=bare), float(row["ground_truth"])
    if unit == "m" and bare == "cm":
        truth /= 100
    return "mean relative accuracy", mean_relative_accuracy(value, truth), value is not None


BENCH: Any = Vsi()
