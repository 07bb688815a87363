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

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.ask import acceptance, compose, count_scenes
from spatialgen.qa.asks import Asks
from spatialgen.qa.balance import Acceptance
from spatialgen.qa.config import AskConfig
from spatialgen.qa.family import Kind
from spatialgen.qa.names import name_objects
from spatialgen.qa.writing import Written
from spatialgen.records import Scene
from spatialgen.testing.box_scenes import furnished_boxes, make_scene

CLOSED = ("yes_no", "true_false", "choice", "multiple_choice")
MIN_ROWS = 200
BATCH = 50


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


def items_of(scenes: Sequence[Scene], config: AskConfig, accepted: Acceptance | None = None) -> list[Item]:
    """Return the closed and decided questions about `scenes`."""
    items = []
    for start in range(0, len(scenes), BATCH):
        batch = scenes[start : start + BATCH]
        phrases = name_objects(batch).phrases
        a, blocks, written = compose(batch, config, accepted)
        for block, words in zip(blocks, written, strict=True):
            if block.form in CLOSED:
                items += _block_items(block, words, phrases, a)
    return items


def _block_items(block: Asks, words: Written, phrases: Sequence[str], a: SceneArrays) -> list[Item]:
    answers, classes = _classes(block, words)
    items = []
    for k in range(len(block)):
        scene = int(block.facts.scene[k])
        names = [p for p in phrases[int(a.first[scene]) : int(a.first[scene + 1])] if p]
        question = words.questions[k]
        held_out = int(a.s.key[scene]) % 2 == 0
        anonymous = _anonymous(_without_labels(question, block, k), names)
        items.append(Item(block.type, block.form, question, anonymous, answers[k], classes[k], held_out))
    return items


def _without_labels(question: str, block: Asks, row: int) -> str:
    """Replace the labels that a count or an existence is about."""
    facts, rows = block.facts, [row]
    if block.way == "rivals" and block.pool is not None and block.options is not None:
        facts, rows = block.pool, [k for k in block.options[row].tolist() if k >= 0]
    for slot in ("labels", "a_label", "label", "phrase"):
        for k in rows if facts.words and slot in facts.words else []:
            question = re.sub(re.escape((facts.words or {})[slot][k]), "objectX", question, flags=re.IGNORECASE)
    return question


def _anonymous(question: str, names: Sequence[str]) -> str:
    """Replace the names of all objects of the scene by A, B .. in the order in which they are mentioned."""
    found = sorted((m.start(), n) for n in set(names) if (m := re.search(re.escape(n), question, re.IGNORECASE)))
    letters = dict(zip([n for _, n in found], "ABCDEFGHIJKLMNOPQRSTUVWXYZ", strict=False))
    for name in sorted(letters, key=len, reverse=True):
        question = re.sub(re.escape(name), f"object{letters[name]}", question, flags=re.IGNORECASE)
    return question


def _classes(block: Asks, words: Written) -> tuple[list[str], list[int]]:
    """Return each answer's class, and how many there are to choose from."""
    n = len(block)
    if block.form in ("yes_no", "true_false"):
        wrong = re.compile(r"^(No|False|That is false|The statement is false)\b")
        return ["no" if wrong.match(text) else "yes" for text in words.answers], [2] * n
    if block.form == "multiple_choice":
        letters = [re.match(r"(?:Option |The answer is |\()?([A-H])\b", text) for text in words.answers]
        options = [len(re.findall(r"^\(?[A-H][.)] ", text, re.MULTILINE)) for text in words.questions]
        return [m[1] if m else "" for m in letters], options
    if block.right is not None:
        return [str(k) for k in block.right.tolist()], [2] * n
    candidates = (block.facts.subjects >= 0).sum(axis=1).tolist()
    sizes = [c if block.family.kind is Kind.PICK else 2 for c in candidates]
    return [str(v) for v in block.facts.value.tolist()], sizes


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
            over = f"{100 * (right - chance):+5.1f}"
            print(f"  {name:24s} {100 * right:5.1f} %  chance {100 * chance:5.1f} %  {over}  of {n}")


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
    items = items_of(scenes, AskConfig(per_image=200))
    report("names replaced, by form", grouped(items, "form"), anonymous=True)
    report("names replaced, by type", grouped(items, "type"), anonymous=True)
    report("with names, by type", grouped(items, "type"), anonymous=False)
    prior = AskConfig(per_image=200, balance=("prior",))
    balanced = items_of(scenes, prior, acceptance(count_scenes(scenes, prior), prior))
    report("with names, balance: prior, by type", grouped(balanced, "type"), anonymous=False)
    report("with names, balance: prior, by form", grouped(balanced, "form"), anonymous=False)


if __name__ == "__main__":
    main()
