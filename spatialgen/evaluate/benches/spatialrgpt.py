"""SpatialRGPT-Bench (Cheng et al. 2024): quantities within 25 %, directions within an hour, six qualitative pairs.

JSON list or lines: `id`, `image_info.file_path`, `text_q`, `qa_info` {`type`: quantitative or qualitative,
`category`: width_data, distance_data, direction, left_predicate, left_choice, ...}, `conversations` [human, gpt],
`bbox` [[x0, y0, x1, y1], ...]. The regions of a question are boxes: models without region tokens see them drawn and
numbered, as "Region [k]" in the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import ImageDraw

from spatialgen.errors import SourceError
from spatialgen.evaluate.benches.base import Item, Line, encoded, field, json_rows, line
from spatialgen.evaluate.metrics import direction_success, hour_error, relative_error, within
from spatialgen.evaluate.parser import parse_choice, parse_hour, parse_quantity, parse_yes_no
from spatialgen.train.pictures import decode

_PAIRS = {"left": "left/right", "right": "left/right", "above": "below/above", "below": "below/above"}
_PAIRS |= {"behind": "behind/front", "front": "behind/front", "big": "big/small", "small": "big/small"}
_PAIRS |= {"tall": "tall/short", "short": "tall/short", "wide": "wide/thin", "thin": "wide/thin"}
_COLOURS = ("red", "lime", "blue", "yellow", "magenta", "cyan")


@dataclass(frozen=True, slots=True)
class SpatialRgpt:
    """The bench. `images` is the folder that `file_path` starts from."""

    name: str = "spatialrgpt"

    def items(self, path: Path, images: Path | None) -> Iterator[Item]:
        """Yield the questions with their regions drawn into the picture."""
        for number, row in enumerate(json_rows(path)):
            where = f"{path}, record {number}"
            file = (images or path.parent) / field(field(row, "image_info", where), "file_path", where)
            question = str(row.get("text_q") or field(row, "conversations", where)[0]["value"])
            key = f"{file}#{number}"
            yield Item(str(row.get("id", number)), question, _drawn(file, row.get("bbox") or []), key, row)

    def lines(self, items: Sequence[Item], answers: Sequence[str]) -> list[Line]:
        """Return success and mean absolute relative error by quantity, accuracy by qualitative pair."""
        groups: dict[tuple[str, str], list[tuple[float, bool, str]]] = {}
        for item, answer in zip(items, answers, strict=True):
            for metric, value, parsed in _judge(item, answer):
                group = groups.setdefault((_group(item), metric), [])
                group.append((value, parsed, item.row["image_info"]["file_path"]))
        return [
            line(group, metric, [v for v, _, _ in rows], [p for _, p, _ in rows], [k for _, _, k in rows])
            for (group, metric), rows in sorted(groups.items())
        ]


def _drawn(file: Path, boxes: Sequence[Sequence[float]]) -> Path | bytes:
    if not boxes or not file.is_file():
        return file
    image = decode(file.read_bytes(), str(file))
    pen = ImageDraw.Draw(image)
    for k, box in enumerate(boxes):
        colour = _COLOURS[k % len(_COLOURS)]
        pen.rectangle([float(v) for v in box], outline=colour, width=max(2, image.width // 200))
        pen.text((float(box[0]) + 3, float(box[1]) + 3), str(k), fill=colour)
    return encoded(image)


def _group(item: Item) -> str:
    info = item.row["qa_info"]
    if info["type"] == "quantitative":
        return str(info["category"]).removesuffix("_data")
    for word, pair in _PAIRS.items():
        if word in info["category"]:
            return pair
    raise SourceError(f"{item.item_id}: unknown category {info['category']!r}")


def _judge(item: Item, answer: str) -> list[tuple[str, float, bool]]:
    """Return (metric, value, parsed) of one answer. Errors are averaged over the answers that could be read."""
    info, reference = item.row["qa_info"], str(item.row["conversations"][1]["value"])
    if info["type"] == "qualitative":
        right, parsed = _qualitative(item, answer, reference)
        return [("accuracy", float(right), parsed)]
    if info["category"] == "direction":
        truth, hour = parse_hour(reference), parse_hour(answer)
        _must(truth, item)
        error = hour_error(hour, truth or 0.0)
        found = [("success (within 1 hour)", float(direction_success(hour, truth or 0.0)), hour is not None)]
        return found if error is None else [*found, ("mean error, hours", error, True)]
    truth, value = parse_quantity(reference, "m"), parse_quantity(answer, "m")
    _must(truth, item)
    error = relative_error(value, truth or 0.0)
    found = [("success (within 25 %)", float(within(value, truth or 0.0)), value is not None)]
    return found if error is None else [*found, ("mean absolute relative error", error, True)]


def _must(truth: object, item: Item) -> None:
    if truth is None:
        raise SourceError(f"{item.item_id}: its own answer cannot be read: {item.row['conversations'][1]['value']!r}")


def _qualitative(item: Item, answer: str, reference: str) -> tuple[bool, bool]:
    if "choice" in item.row["qa_info"]["category"]:
        regions = sorted({f"region {k}" for k in range(len(item.row.get("bbox") or [0, 1]))})
        said, truth = (_region(t, regions) for t in (answer, reference))
    else:
        said, truth = parse_yes_no(answer), parse_yes_no(reference)
        _must(truth, item)
    return said == truth and said is not None, said is not None


def _region(text: str, regions: Sequence[str]) -> int | None:
    return parse_choice(text.replace("[", "").replace("]", ""), regions)


BENCH: Any = SpatialRgpt()
