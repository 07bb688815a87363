"""What a reader of the questions alone can guess: by form with names replaced, by type with names, and balanced.

A linear classifier on hashed words, pairs and triples of words is trained on the questions of one half of the
images and tried on the other. Chance is one over the number of answers. Open answers are no classes and are left out.

    python bench/blind.py [--scenes 1500] [--objects 6]
"""

from __future__ import annotations

import argparse
import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier

from spatialgen.qa.ask import acceptance, ask_scenes, count_scenes
from spatialgen.qa.config import AskConfig
from spatialgen.qa.names import name_objects
from spatialgen.records import Scene
from spatialgen.testing.box_scenes import furnished_boxes, make_scene

Row = dict[str, Any]
CLOSED = ("yes_no", "true_false", "choice", "multiple_choice")
MIN_ROWS = 200


@dataclass(frozen=True, slots=True)
class Item:
    """A question with and without names, its answer's class, the number of classes, and its half."""

    type: str
    form: str
    question: str
    anonymous: str
    answer: str
    classes: int
    held_out: bool


def items_of(scenes: Sequence[Scene], rows: Sequence[Row]) -> list[Item]:
    """Return the closed questions as items."""
    naming, names, start = name_objects(scenes), {}, 0
    for scene in scenes:
        ids = [o.object_id for o in scene.objects]
        names[scene.image_id] = dict(zip(ids, naming.phrases[start : start + len(ids)], strict=True))
        start += len(ids)
    items = []
    for row in rows:
        if row["form"] in CLOSED and row["status"] == "decided":
            items.append(_item(row, [names[row["image_id"]][s] for s in row["subjects"]]))
    return [item for item in items if item.classes > 1]


def _item(row: Row, names: Sequence[str]) -> Item:
    anonymous, order = _anonymous(row["question"], names)
    answer, classes = _answer(row, names, order)
    held_out = int(row["content_sha256"][-8:], 16) % 2 == 0
    return Item(row["question_type"], row["form"], row["question"], anonymous, answer, classes, held_out)


def _anonymous(question: str, names: Sequence[str]) -> tuple[str, list[str]]:
    """Replace names by A, B .. in the order in which they are mentioned; labels of `count` and `exists` by X."""
    found = sorted((m.start(), n) for n in set(names) if (m := re.search(re.escape(n), question, re.IGNORECASE)))
    order = [n for _, n in found]
    for letter, name in sorted(zip("ABCDEFGHIJ", order, strict=False), key=lambda pair: -len(pair[1])):
        question = re.sub(re.escape(name), f"object{letter}", question, flags=re.IGNORECASE)
    return question, order


def _answer(row: Row, names: Sequence[str], order: Sequence[str]) -> tuple[str, int]:
    if row["form"] == "multiple_choice":
        letter = re.match(r"(?:Option |The answer is |\()?([A-H])\b", row["answer"])
        options = len(re.findall(r"^\(?[A-H][.)] ", row["question"], re.MULTILINE))
        return (letter[1] if letter else "", options)
    if row["form"] in ("yes_no", "true_false"):
        return row["answer"].split()[0].strip(".,:") + _truth(row["answer"]), 2
    value = row["answer_value"]
    if row["answer_unit"] == "index" and len(names) > 2:
        first = len(names) - len([n for n in names if n in order])
        return str(order.index(names[int(value)])) if names[int(value)] in order else "?", max(len(names) - first, 2)
    if row["answer_unit"] == "none" and row["question_type"] in _TURNING:
        winner = names[0] if value == 1.0 else names[1]
        return str(order.index(winner)), 2
    return _which(row), 2


def _truth(answer: str) -> str:
    return " true" if re.search(r"\btrue\b", answer, re.IGNORECASE) else ""


_TURNING = frozenset(
    [
        "left_of",
        "right_of",
        "above",
        "below",
        "in_front_of",
        "behind",
        "nearer",
        "farther",
        "wider",
        "narrower",
        "taller",
        "shorter",
        "bigger",
        "smaller",
        "longer",
        "higher_top",
    ]
)


def _which(row: Row) -> str:
    """Of two alternatives that the question names, the one that the answer repeats; else the fact itself."""
    return str(row["answer_value"]) if row["answer_unit"] == "none" else f"{row['answer_value']:.6g}"


def accuracy(items: Sequence[Item], anonymous: bool) -> tuple[float, float, int]:
    """Return the share that a classifier gets right on the held-out half, chance, and the number tried."""
    train = [i for i in items if not i.held_out]
    test = [i for i in items if i.held_out]
    if len(test) < MIN_ROWS or len({i.answer for i in train}) < 2:
        return float("nan"), float("nan"), len(test)
    vectorizer = HashingVectorizer(ngram_range=(1, 3), n_features=2**20, token_pattern=r"[^\s]+", alternate_sign=False)
    texts = [[i.anonymous if anonymous else i.question for i in part] for part in (train, test)]
    model = SGDClassifier(loss="log_loss", alpha=1e-6, max_iter=8, tol=None, random_state=0)
    model.fit(vectorizer.transform(texts[0]), [i.answer for i in train])
    guesses = model.predict(vectorizer.transform(texts[1]))
    right = np.mean([g == i.answer for g, i in zip(guesses, test, strict=True)])
    return float(right), float(np.mean([1.0 / i.classes for i in test])), len(test)


def report(title: str, groups: dict[str, list[Item]], anonymous: bool) -> None:
    """Print accuracy over chance of each group, the worst first."""
    print(title)
    rows = [(name, *accuracy(items, anonymous)) for name, items in groups.items()]
    for name, right, chance, n in sorted(rows, key=lambda r: 9.0 if math.isnan(r[1]) else r[2] - r[1]):
        if not math.isnan(right):
            print(
                f"  {name:24s} {100 * right:5.1f} %  chance {100 * chance:5.1f} %  {100 * (right - chance):+5.1f}  of {n}"
            )


def grouped(items: Sequence[Item], by: str) -> dict[str, list[Item]]:
    """Return the items by `form` or by `type`."""
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[getattr(item, by)].append(item)
    return dict(groups)


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=1500)
    parser.add_argument("--objects", type=int, default=6)
    given = parser.parse_args()
    scenes = [make_scene(furnished_boxes(seed, given.objects), f"room-{seed:06d}") for seed in range(given.scenes)]
    config = AskConfig(per_image=200)
    items = items_of(scenes, ask_scenes(scenes, config).to_pylist())
    report("names replaced, by form", grouped(items, "form"), anonymous=True)
    report("with names, by type", grouped(items, "type"), anonymous=False)
    prior = AskConfig(per_image=200, balance=("prior",))
    kept = ask_scenes(scenes, prior, acceptance(count_scenes(scenes, prior), prior))
    report("with names, balance: prior, by type", grouped(items_of(scenes, kept.to_pylist()), "type"), anonymous=False)
    balanced = items_of(scenes, kept.to_pylist())
    report("with names, balance: prior, all types", {"all": balanced}, anonymous=False)


if __name__ == "__main__":
    main()
