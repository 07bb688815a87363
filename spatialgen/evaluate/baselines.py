"""What can be answered without the picture: the most frequent answer, and a classifier that reads only the question.

Both learn from the training split of a build and answer a held-out one. They bound what a model's score owes to
language alone. Answers are classes a row can be judged by: yes, no, an option's place, a name's place in the question,
the sign of a relation; quantities are answered with the median of their type and unit, and the right side.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from zlib import crc32

import numpy as np

from spatialgen.evaluate.metrics import direction_success
from spatialgen.evaluate.numbers import plain
from spatialgen.evaluate.verdict import Row, Said, Score, judge_quantity, kind_of, near_share, said
from spatialgen.records import F64

_BUCKETS = 1 << 15
_CLASSES = 8  # more where a form has more: hours


def answer_class(row: Row, reference: Said) -> int | None:
    """Return the class of the right answer, seen from the question's text: places, not names."""
    kind = kind_of(row)
    if reference is None:
        return None
    if kind in ("yes_no", "exists", "stated"):
        return int(bool(reference))
    if kind in ("option", "third", "perspective"):
        return int(reference) if isinstance(reference, int) else None
    if kind in ("relation", "name") and isinstance(reference, int):
        order = sorted(range(len(row.names)), key=lambda i: plain(row.question).find(plain(row.names[i])))
        if kind == "relation":
            picked = 0 if reference == 1 else 1
            return order.index(picked)
        return order.index(reference) if reference < len(order) else None
    if kind == "hour" and isinstance(reference, float):
        return int(reference) % 12
    return None


class Blind:
    """A majority answer by type and form, and a logistic regression on hashed words and pairs of words."""

    def __init__(self, rows: Iterable[Row]) -> None:
        kept = [(row, said(row, row.answer)) for row in rows]
        self._majority: dict[tuple[str, str], int] = {}
        self._median: dict[tuple[str, str], float] = {}
        self._weights: dict[str, F64] = {}
        self._count(kept)
        for form in sorted({row.form for row, _ in kept}):
            classed = [(row, answer_class(row, s)) for row, s in kept if row.form == form]
            self._weights[form] = _fit([(r, c) for r, c in classed if c is not None])

    def _count(self, kept: Sequence[tuple[Row, Said]]) -> None:
        classes: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
        values: dict[tuple[str, str], list[float]] = defaultdict(list)
        for row, reference in kept:
            found = answer_class(row, reference)
            if found is not None:
                classes[row.question_type, row.form][found] += 1
            elif kind_of(row) in ("quantity", "share") and isinstance(reference, float):
                values[row.question_type, row.form].append(abs(reference))
        self._majority = {key: min(c, key=lambda k: (-c[k], k)) for key, c in classes.items()}
        self._median = {key: float(np.median(v)) for key, v in values.items()}

    def majority(self, row: Row) -> Score:
        """Judge the most frequent answer of the row's type and form."""
        key = (row.question_type, row.form)
        return self._judge(row, self._majority.get(key))

    def question_only(self, row: Row) -> Score:
        """Judge what the classifier says after reading the question alone."""
        weights = self._weights.get(row.form)
        logits = None if weights is None else weights[_features(row)].sum(0)
        return self._judge(row, None if logits is None else int(np.argmax(logits)))

    def _judge(self, row: Row, guess: int | None) -> Score:
        reference, kind = said(row, row.answer), kind_of(row)
        truth = answer_class(row, reference)
        correct: bool | None = None
        if kind in ("quantity", "share") and isinstance(reference, float):
            return self._judge_middle(row, kind, reference)
        if kind == "hour" and row.form == "open" and truth is not None:
            correct = direction_success(guess, truth)
        elif truth is not None:
            correct = guess == truth
        return Score(row.question_type, row.form, row.image_id, kind, guess is not None, correct)

    def _judge_middle(self, row: Row, kind: str, reference: float) -> Score:
        """Judge the median as an answer, by the rules that a model's number is judged by."""
        middle = self._median.get((row.question_type, row.form))
        if kind == "share":
            correct = near_share(row, middle, reference)
            return Score(row.question_type, row.form, row.image_id, kind, middle is not None, correct)
        if row.unit == "count" and middle is not None:
            middle = round(middle)
        return judge_quantity(row, middle, reference)


def _features(row: Row) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    words = re.findall(r"\w+", plain(row.question))
    grams = [*words, *(f"{a} {b}" for a, b in itertools.pairwise(words)), f"type {row.question_type}"]
    # Which thing is mentioned first is all that a prior about things can use.
    grams += [f"{place} {name}" for place, name in enumerate(_in_order(row))]
    return np.array(sorted({crc32(g.encode()) % _BUCKETS for g in grams}), np.int64)


def _in_order(row: Row) -> list[str]:
    question = plain(row.question)
    return [n for _, n in sorted((question.find(plain(n)), plain(n)) for n in row.names if plain(n) in question)]


def _fit(rows: Sequence[tuple[Row, int]], epochs: int = 6, rate: float = 0.1) -> F64:
    """Return (buckets, classes) weights of a softmax regression, by AdaGrad, one row at a time, in a fixed order."""
    classes = max([_CLASSES, *(c + 1 for _, c in rows)])
    weights = np.zeros((_BUCKETS, classes))
    squares = np.full((_BUCKETS, classes), 1e-6)
    features = [_features(row) for row, _ in rows]
    order = np.random.Generator(np.random.Philox(0))
    for _ in range(epochs):
        for i in order.permutation(len(rows)):
            at, truth = features[i], rows[i][1]
            logits = weights[at].sum(0)
            shares = np.exp(logits - logits.max())
            shares /= shares.sum()
            shares[truth] -= 1
            squares[at] += shares**2
            weights[at] -= rate * shares / np.sqrt(squares[at])
    return weights
