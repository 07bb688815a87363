"""CRPE (Wang et al. 2024): single choice, asked four times with the options rotated; right only if all four are.

JSON lines: `question_id`, `image`, `text` (the question with its lettered options), `category` (exist, subject,
predicate, object), `correct_option` (a letter). The four rotations of a question are found by what they ask (picture,
category, stem and set of options), never by their place in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spatialgen.errors import SourceError
from spatialgen.evaluate.benches.base import Item, Line, field, json_rows, line
from spatialgen.evaluate.parser import parse_choice

_OPTION = re.compile(r"(?:^|\n)\s*\(?([A-H])[).:]\s*(.+?)\s*(?=\n|$)")
Key = tuple[str, str, str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Crpe:
    """The bench. `images` is the folder that `image` starts from."""

    name: str = "crpe"

    def items(self, path: Path, images: Path | None) -> Iterator[Item]:
        """Yield every rotation as a question of its own."""
        for number, row in enumerate(json_rows(path)):
            where = f"{path}, record {number}"
            file = (images or path.parent) / str(field(row, "image", where))
            text = str(field(row, "text", where))
            if str(field(row, "correct_option", where)) not in [letter for letter, _ in _OPTION.findall(text)]:
                raise SourceError(f"{where}: correct_option {row['correct_option']!r} is none of its options")
            yield Item(f"{number}:{row.get('question_id', number)}", text, file, str(file), row)

    def lines(self, items: Sequence[Item], answers: Sequence[str]) -> list[Line]:
        """Return circular and plain accuracy by category. Raises SourceError where rotations are missing."""
        groups: dict[Key, list[tuple[Item, str]]] = {}
        for item, answer in zip(items, answers, strict=True):
            groups.setdefault(_key(item), []).append((item, answer))
        judged = [
            (key, [_judge(i, a) for i, a in members])
            for key, same in groups.items()
            for members in _questions(key, same)
        ]
        lines = []
        for category in sorted({key[1] for key, _ in judged}):
            rows = [(key, members) for key, members in judged if key[1] == category]
            parsed = [p for _, members in rows for _, p in members]
            circular = [float(all(right for right, _ in members)) for _, members in rows]
            plain = [float(right) for _, members in rows for right, _ in members]
            pictures = [key[0] for key, _ in rows]
            lines.append(line(category, "accuracy (all rotations)", circular, parsed, pictures))
            spread = [key[0] for key, members in rows for _ in members]
            lines.append(line(category, "accuracy (single)", plain, parsed, spread))
        return lines


def _questions(key: Key, same: list[tuple[Item, str]]) -> list[list[tuple[Item, str]]]:
    """Return the rotations of each question that is put in these words: of one, or of several with ids of their own.

    Raises SourceError where rotations are missing.
    """
    if len(same) == len(key[3]):
        return [same]
    by_id: dict[str, list[tuple[Item, str]]] = {}
    for item, answer in same:
        by_id.setdefault(str(item.row.get("question_id")), []).append((item, answer))
    questions = list(by_id.values())
    if any(len(members) != len(key[3]) for members in questions):
        raise SourceError(f"a question of {key[0]} has {len(same)} rotations instead of {len(key[3])}: {key[2][:80]!r}")
    return questions


def _key(item: Item) -> Key:
    options = tuple(sorted(text for _, text in _OPTION.findall(item.question)))
    first = _OPTION.search(item.question)
    stem = item.question[: first.start()] if first else item.question
    return item.picture_key, str(item.row.get("category", "all")), " ".join(stem.split()), options


def _judge(item: Item, answer: str) -> tuple[bool, bool]:
    found = _OPTION.findall(item.question)
    chosen = parse_choice(answer, [text for _, text in found])
    return chosen is not None and found[chosen][0] == item.row["correct_option"], chosen is not None


BENCH: Any = Crpe()
