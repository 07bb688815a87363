"""`count` and `exists`: what is seen, whatever is known of its size."""

from __future__ import annotations

import json

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.english import plural, singular_thing, with_article
from spatialgen.qa.facts import Facts, decided_facts
from spatialgen.qa.family import Family, Kind, classes_apart
from spatialgen.qa.keys import draw, mix, text_keys
from spatialgen.qa.names import head_of, words_of
from spatialgen.qa.safety import unsafe_text

MIN_SCORE = 0.5
RELATED = (
    frozenset(["cup", "mug", "glass", "tumbler", "beaker"]),
    frozenset(["chair", "armchair", "stool", "seat", "bench", "sofa", "ottoman"]),
    frozenset(["table", "desk", "counter", "sideboard", "nightstand"]),
    frozenset(["shelf", "bookshelf", "rack", "cabinet", "cupboard", "wardrobe", "dresser", "drawer"]),
    frozenset(["box", "crate", "case", "chest", "carton", "container", "bin", "basket", "bucket"]),
    frozenset(["lamp", "light", "lantern", "chandelier"]),
    frozenset(["book", "notebook", "magazine"]),
    frozenset(["tv", "monitor", "screen", "laptop", "computer"]),
    frozenset(["plant", "flower", "tree", "bush", "vase", "pot"]),
    frozenset(["bag", "backpack", "suitcase", "handbag", "purse"]),
    frozenset(["ball", "globe", "sphere", "orange", "apple"]),
    frozenset(["picture", "painting", "poster", "frame", "mirror"]),
)


def count_facts(a: SceneArrays) -> list[Facts]:
    """Return how many there are of each kind that is surely seen."""
    rows = [(n, label, k) for n in range(len(a.scenes)) for label, k in _seen(a, n)[0]]
    return [_as_facts("count", rows)]


def existence_facts(a: SceneArrays) -> list[Facts]:
    """Return which kinds are there (1), and as many that are not (0)."""
    rows = []
    for n in range(len(a.scenes)):
        seen, present = _seen(a, n)
        rows += [(n, label, 1) for label, _ in seen]
        rows += [(n, label, 0) for label in _absent(a, n, present, len(seen))]
    return [_as_facts("exists", rows)]


def _seen(a: SceneArrays, n: int) -> tuple[list[tuple[str, int]], set[str]]:
    """Kinds surely seen, with their number; and all kinds, unsure ones included."""
    index = range(int(a.first[n]), int(a.first[n + 1]))
    labels: dict[str, str] = {}
    unsure = set()
    for k in index:
        labels.setdefault(a.heads[k], " ".join(a.objects[k].label.lower().split()))
        if a.doubled[k] or a.objects[k].score < MIN_SCORE or unsafe_text(a.objects[k].label):
            unsure.add(a.heads[k])
    seen = []
    for head in sorted(labels):
        others = [h for h in labels if h != head and words_of(head) & words_of(h)]
        if head and head not in unsure and not others:
            seen.append((labels[head], sum(a.heads[k] == head for k in index)))
    return seen, set(labels)


def _absent(a: SceneArrays, n: int, present: set[str], wanted: int) -> list[str]:
    words = frozenset().union(*(words_of(h) for h in present)) if present else frozenset()
    related = frozenset().union(*(group for group in RELATED if group & words))
    names = [words_of(a.objects[k].name or "") for k in range(int(a.first[n]), int(a.first[n + 1]))]
    used = words | related | frozenset().union(*names)
    allowed = [label for label in a.absent_labels if not words_of(head_of(label)) & used]
    keys = draw(mix(text_keys(allowed), a.s.key[n]), "absent")
    return [allowed[k] for k in np.argsort(keys, kind="stable")[:wanted].tolist()]


def _as_facts(type_: str, rows: list[tuple[int, str, int]]) -> Facts:
    labels = [singular_thing(label) for _, label, _ in rows]
    return decided_facts(
        type_,
        np.array([n for n, _, _ in rows], np.int64),
        np.zeros((len(rows), 0), np.int64),
        np.array([k for _, _, k in rows], np.float64),
        np.zeros(len(rows)),
        params=[json.dumps({"label": label}) for _, label, _ in rows],
        words={
            "label": labels,
            "a_label": [with_article(label) for label in labels],
            "labels": [plural(label) for label in labels],
        },
    )


FAMILY = Family(
    name="counting",
    types=("count",),
    kind=Kind.VALUED,
    units={"count": "count"},
    upright=False,
    facts=count_facts,
    say={"count": "count"},
    apart=classes_apart,
)
