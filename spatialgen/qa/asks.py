"""Questions before they have words: a block of facts of one type, to be asked in one form."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spatialgen.qa.facts import I64, Bool, Facts
from spatialgen.qa.family import Family
from spatialgen.qa.keys import U64


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Asks:
    """n questions of one type, form and way. `keys` (n,): of the fact and the form; every draw comes from them.

    `way` distinguishes how a form is put: "stated" a claim about the value, "limit" more or less than, "tie" with the
    option "about the same", "telling" with "cannot be told", "statements" one true among several, "surplus" one of the
    many alike (most things are not inside of others) that no other fact is set against, or a rare one asked once more.
    `options` (n, k): facts of `pool` whose values are the options, -1 for none; `right` (n,): the column that is so.
    """

    family: Family
    form: str
    facts: Facts
    keys: U64
    way: str = ""
    pool: Facts | None = None
    options: I64 | None = None
    right: I64 | None = None
    others: tuple[tuple[tuple[str, int, int, bool], ...], ...] | None = None

    @property
    def type(self) -> str:
        """The question type."""
        return self.facts.type

    def __len__(self) -> int:
        return len(self.facts)

    def take(self, rows: I64 | Bool) -> Asks:
        """Return the questions at `rows`, indices or a mask."""
        index = np.flatnonzero(rows) if rows.dtype == bool else rows
        return replace(
            self,
            facts=self.facts.take(index),
            keys=self.keys[index],
            options=None if self.options is None else self.options[index],
            right=None if self.right is None else self.right[index],
            others=None if self.others is None else tuple(self.others[k] for k in index.tolist()),
        )


def rank_in_group(group: I64, keys: U64) -> I64:
    """Return each row's rank by key among the rows of its group, (n,). Ties keep the order of the rows."""
    order = np.lexsort((keys, group))
    sorted_group = group[order]
    starts = np.flatnonzero(np.diff(sorted_group, prepend=sorted_group[:1] - 1)) if len(group) else group
    sizes = np.diff(np.append(starts, len(group)))
    rank = np.empty(len(group), np.int64)
    rank[order] = np.arange(len(group)) - np.repeat(starts, sizes)
    return rank


def group_sizes(group: I64, counted: Bool) -> I64:
    """Return, for each row, how many rows of its group are `counted`, (n,)."""
    _, index = np.unique(group, return_inverse=True)
    totals = np.bincount(index[counted], minlength=int(index.max(initial=0)) + 1)
    return totals[index].astype(np.int64)
