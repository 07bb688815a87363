"""A family of question types: what it measures, and in which ways it can be asked.

To add one, write `families/<name>.py` with a `FAMILY` and `templates/<name>.yaml` with its wording.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.facts import F64, I64, Bool, Facts

FactsFunction = Callable[[SceneArrays], Sequence[Facts]]


class Kind(StrEnum):
    """How a fact is put into words."""

    RELATION = "relation"  # A against B, where swapping them flips the fact: any of the forms
    PREDICATE = "predicate"  # holds or not; rare or common, so the closed forms are evened out
    VALUED = "valued"  # a number, a class or a box with a text of its own
    PICK = "pick"  # one of several
    ORDER = "order"  # several in order

    @property
    def turns(self) -> bool:
        """Whether a fact of one type can be asked as one of the inverse type."""
        return self is Kind.RELATION


@dataclass(frozen=True, slots=True)
class Family:
    """What a file of `families/` defines.

    `units` by type: the column `answer_unit`. `say` by type: how a value becomes text, a key of
    `speech.SPEAKERS`. `concepts` by type: types of one concept about the same subjects are near-duplicates.
    `scalar` types have values that can be compared with a limit ("more than 2 m"). `apart` by type: whether
    two facts differ enough to stand beside each other as options. `upright`: silent where gravity is unknown.
    `symmetric`: the order of the subjects means nothing.
    """

    name: str
    types: tuple[str, ...]
    kind: Kind
    units: dict[str, str]
    facts: FactsFunction
    say: dict[str, str] = field(default_factory=dict)
    concepts: dict[str, str] = field(default_factory=dict)
    scalar: frozenset[str] = frozenset()
    upright: bool = True
    symmetric: bool = False
    apart: Callable[[Facts, I64, I64], Bool] | None = None


def facts_of(family: Family, a: SceneArrays) -> list[Facts]:
    """Return the facts of a family, all its types, without those that the scene cannot carry."""
    found = [facts for facts in family.facts(a) if len(facts)]
    if family.upright:
        found = [facts.take(a.s.gravity[facts.scene]) for facts in found]
    return [facts for facts in found if len(facts)]


def values_apart(facts: Facts, i: I64, j: I64) -> Bool:
    """Return where facts i and j differ by 25 % and by 4 sigmas, so that only one of them can be right."""
    a, b = np.abs(facts.value[i]), np.abs(facts.value[j])
    difference: F64 = np.abs(facts.value[i] - facts.value[j])
    sigma = np.hypot(facts.sigma[i], facts.sigma[j])
    return (difference > 0.25 * np.maximum(a, b)) & (difference > 4.0 * sigma) & (difference > 0.02)


def classes_apart(facts: Facts, i: I64, j: I64) -> Bool:
    """Return where facts i and j have different classes."""
    apart: Bool = facts.value[i] != facts.value[j]
    return apart


@lru_cache(maxsize=1)
def families() -> tuple[Family, ...]:
    """Return all families, sorted by name."""
    package = importlib.import_module("spatialgen.qa.families")
    names = sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))
    return tuple(importlib.import_module(f"{package.__name__}.{name}").FAMILY for name in names)


@lru_cache(maxsize=1)
def family_of_type() -> dict[str, Family]:
    """Return the family of each question type."""
    return {type_: family for family in families() for type_ in family.types}
