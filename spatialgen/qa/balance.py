"""What needs the whole build: counts of strata first, then the share of each to keep, frozen in the ask plan.

A row is kept or not by its own key, so a unit of scenes never needs to know the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.asks import Asks
from spatialgen.qa.config import AskConfig
from spatialgen.qa.facts import DECIDED, F64, I64, Bool
from spatialgen.qa.family import Kind
from spatialgen.qa.keys import uniform

BINS_PER_DECADE = 4
FLATTEN_TO = 0.5  # quantile of a type's bins, or of all types, labels and images, to which the fuller ones are cut


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows fall in each class of each stratum, for each kind of balance."""

    rows: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)

    def merged(self, other: Counts) -> Counts:
        """Return the sum of both."""
        total: dict[str, dict[str, dict[str, int]]] = {}
        for part in (self.rows, other.rows):
            for kind, strata in part.items():
                for stratum, classes in strata.items():
                    into = total.setdefault(kind, {}).setdefault(stratum, {})
                    for name, n in classes.items():
                        into[name] = into.get(name, 0) + n
        return Counts(total)

    def to_json(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return plain dictionaries with sorted keys."""
        return {
            kind: {s: dict(sorted(classes.items())) for s, classes in sorted(strata.items())}
            for kind, strata in sorted(self.rows.items())
        }

    @staticmethod
    def from_json(data: Mapping[str, Mapping[str, Mapping[str, int]]]) -> Counts:
        """Return the counts that `to_json` wrote."""
        return Counts(data)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The share of rows to keep, by kind of balance, stratum and class; 1 for what is not listed."""

    keep: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)

    def to_json(self) -> dict[str, dict[str, dict[str, float]]]:
        """Return plain dictionaries with sorted keys."""
        return {
            kind: {s: dict(sorted(classes.items())) for s, classes in sorted(strata.items())}
            for kind, strata in sorted(self.keep.items())
        }

    @staticmethod
    def from_json(data: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Acceptance:
        """Return the acceptance that `to_json` wrote."""
        return Acceptance(data)


def count(blocks: Sequence[Asks], a: SceneArrays, config: AskConfig) -> Counts:
    """Return the counts of drafted questions for the kinds of balance that `config` asks for."""
    rows: dict[str, dict[str, dict[str, int]]] = {}
    per_scene = _per_scene(blocks, a)
    for kind in config.balance:
        strata: dict[str, dict[str, int]] = {}
        for block in blocks:
            for (stratum, name), n in Counter(zip(*_strata(kind, block, a, per_scene), strict=True)).items():
                into = strata.setdefault(stratum, {})
                into[name] = into.get(name, 0) + n
        rows[kind] = strata
    return Counts(rows)


def acceptance(counts: Counts, config: AskConfig) -> Acceptance:
    """Return the shares to keep. `prior`: every class of a stratum as often as the rarest one; else: cut to a level."""
    keep: dict[str, dict[str, dict[str, float]]] = {}
    for kind in config.balance:
        cut = {"prior": _evened, "images": _levelled_images}.get(kind, _levelled)
        keep[kind] = {stratum: cut(stratum, classes) for stratum, classes in counts.rows.get(kind, {}).items()}
    return Acceptance(keep)


def _evened(stratum: str, classes: Mapping[str, int]) -> dict[str, float]:
    """A stratum where one answer never happens tells the answer, and goes."""
    possible = int(stratum.rpartition("/")[2])
    rarest = min(classes.values()) if len(classes) >= possible else 0
    return {name: rarest / n for name, n in classes.items()}


def _levelled(stratum: str, classes: Mapping[str, int]) -> dict[str, float]:
    level = float(np.quantile(list(classes.values()), FLATTEN_TO))
    return {name: min(1.0, level / n) for name, n in classes.items()}


def _levelled_images(stratum: str, classes: Mapping[str, int]) -> dict[str, float]:
    """The class of an image is its number of rows, so the table is as long as there are numbers, not images."""
    sizes = np.array(sorted(int(name) for name in classes))
    images = np.array([classes[str(n)] for n in sizes.tolist()]) / sizes
    level = float(sizes[np.searchsorted(np.cumsum(images), FLATTEN_TO * images.sum())])
    return {str(n): min(1.0, level / n) for n in sizes.tolist()}


def accepted(blocks: Sequence[Asks], a: SceneArrays, config: AskConfig, table: Acceptance) -> list[Asks]:
    """Return the questions that the acceptance table keeps, each by its own key."""
    result = []
    per_scene = _per_scene(blocks, a)
    for block in blocks:
        keep: Bool = np.ones(len(block), bool)
        for kind in config.balance:
            strata, classes = _strata(kind, block, a, per_scene)
            shares = table.keep.get(kind, {})
            limit: F64 = np.array([shares.get(s, {}).get(c, 1.0) for s, c in zip(strata, classes, strict=True)])
            keep &= uniform(block.keys, f"accept {kind}") < limit
        if keep.any():
            result.append(block.take(keep))
    return result


def _per_scene(blocks: Sequence[Asks], a: SceneArrays) -> I64:
    scenes = np.concatenate([np.zeros(0, np.int64), *[block.facts.scene for block in blocks]])
    return np.bincount(scenes, minlength=len(a.scenes)).astype(np.int64)


def _strata(kind: str, asks: Asks, a: SceneArrays, per_scene: I64) -> tuple[list[str], list[str]]:
    """Return each row's stratum and its class in it; `per_scene` (S,): rows drafted about each scene."""
    if kind == "prior":
        return _prior(asks, a)
    if kind == "images":
        return ["images"] * len(asks), [str(n) for n in per_scene[asks.facts.scene].tolist()]
    if kind == "types":
        return ["types"] * len(asks), [asks.type] * len(asks)
    if kind == "labels":
        subjects = asks.facts.subjects
        first = subjects[:, 0].tolist() if subjects.shape[1] else [-1] * len(asks)
        return ["labels"] * len(asks), [a.heads[k] if k >= 0 else "" for k in first]
    return _histogram(asks)


def _histogram(asks: Asks) -> tuple[list[str], list[str]]:
    """Bins of equal ratio for what has a number; one bin for the rest."""
    value = asks.facts.value
    if asks.family.kind is not Kind.VALUED or asks.family.units[asks.type] in ("index", "px1000"):
        return [asks.type] * len(asks), ["all"] * len(asks)
    bins = np.floor(BINS_PER_DECADE * np.log10(np.maximum(np.abs(np.nan_to_num(value)), 1e-3)))
    return [asks.type] * len(asks), [str(int(b)) for b in bins.tolist()]


def _prior(asks: Asks, a: SceneArrays) -> tuple[list[str], list[str]]:
    """Type, form and labels against what the answer is: what a reader of the question alone could learn.

    Where the order of mention is drawn, labels are sorted and the class says which of them the answer favours.
    The stratum ends in the number of classes that it should have.
    """
    facts = asks.facts
    labels = [[a.heads[k] for k in row if k >= 0] for row in facts.subjects.tolist()]
    if asks.family.symmetric:
        labels = [sorted(names) for names in labels]
    words = facts.params or [""] * len(facts)
    if asks.options is not None and asks.family.kind is Kind.VALUED:
        return _option_prior(asks, labels, words)
    kind = asks.family.kind
    possible = 2 if kind in (Kind.RELATION, Kind.PREDICATE) and asks.form != "open" else 1
    strata, classes = [], []
    rows = zip(labels, words, facts.value.tolist(), facts.status.tolist(), strict=True)
    for names, params, value, status in rows:
        if kind is Kind.RELATION:
            turned = (names != sorted(names)) != (asks.type != asks.family.types[0])
            side = "same" if status != DECIDED or len(set(names)) == 1 else str((value > 0.5) != turned)
            n = 1 if len(set(names)) == 1 else 3 if asks.way in ("tie", "telling") else 1 if side == "same" else 2
            strata.append(f"{asks.family.name}/{asks.way if n == 3 else ''}/{'|'.join(sorted(names))}/{n}")
            classes.append(side)
        elif kind is Kind.PICK:
            strata.append(f"{asks.type}/{'|'.join(sorted(names))}/{len(set(names))}")
            classes.append(names[int(value)])
        else:
            strata.append(f"{asks.type}/{'|'.join(names)}/{params}/{possible}")
            classes.append(str(value) if possible == 2 else "all")
    return strata, classes


def _option_prior(asks: Asks, labels: Sequence[Sequence[str]], words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Among options that are values: the rank of the right one."""
    assert asks.pool is not None
    assert asks.options is not None
    assert asks.right is not None
    values = asks.pool.value[asks.options]
    right = np.take_along_axis(values, asks.right[:, None], axis=1)
    rank = (values < right).sum(axis=1).tolist()
    size = asks.options.shape[1]
    names = ["|".join(n) for n in labels]
    strata = [f"{asks.type}/{asks.form}/{n}/{p}/{size}" for n, p in zip(names, words, strict=True)]
    return strata, [str(r) for r in rank]
