"""Facts by the column: what is true of a scene, apart from any wording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
I8 = NDArray[np.int8]
Bool = NDArray[np.bool_]

DECIDED, SAME, UNKNOWN = 0, 1, 2
STATUSES = ("decided", "same", "unknown")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Facts:
    """n facts of one question type.

    `subjects` (n, k): indices into all objects in the order of the definition, -1 where there are fewer.
    `value` (n,): NaN where not decided or where `values` (n, m) or the order of the subjects is the answer.
    `sigma` (n,): one-sigma error in the unit of the value; of the deciding difference for relations.
    `margin` (n,): how far from the limit of being decided, 1 at the limit, for choosing the informative ones;
    0 for what is true but nobody would ask.
    `params`: JSON text a fact, keys sorted. `words`: texts of further slots that templates may name.
    `told` (n, 2): a number that an open answer may give as the reason, with its error, NaN for none; `instead` (n,):
    the object of which it is so, ON_FLOOR for the floor, UNSUPPORTED for none.
    """

    type: str
    scene: I64
    subjects: I64
    value: F64
    sigma: F64
    status: I8
    margin: F64
    values: F64 | None = None
    params: Sequence[str] | None = None
    words: Mapping[str, Sequence[str]] | None = None
    told: F64 | None = None
    instead: I64 | None = None

    def __len__(self) -> int:
        return len(self.value)

    def take(self, rows: I64 | Bool) -> Facts:
        """Return the facts at `rows`, indices or a mask."""
        index = np.flatnonzero(rows) if rows.dtype == bool else rows
        picked = index.tolist()
        return replace(
            self,
            scene=self.scene[index],
            subjects=self.subjects[index],
            value=self.value[index],
            sigma=self.sigma[index],
            status=self.status[index],
            margin=self.margin[index],
            values=None if self.values is None else self.values[index],
            params=None if self.params is None else [self.params[k] for k in picked],
            words=None
            if self.words is None
            else {slot: [texts[k] for k in picked] for slot, texts in self.words.items()},
            told=None if self.told is None else self.told[index],
            instead=None if self.instead is None else self.instead[index],
        )


def decided_facts(
    type_: str,
    scene: I64,
    subjects: I64,
    value: F64,
    sigma: F64,
    margin: F64 | None = None,
    *,
    values: F64 | None = None,
    params: Sequence[str] | None = None,
    words: Mapping[str, Sequence[str]] | None = None,
) -> Facts:
    """Return facts that are all decided."""
    n = len(value)
    return Facts(
        type=type_,
        scene=scene,
        subjects=subjects if subjects.ndim == 2 else subjects[:, None],
        value=value.astype(np.float64),
        sigma=sigma,
        status=np.zeros(n, np.int8),
        margin=np.ones(n) if margin is None else margin,
        values=values,
        params=params,
        words=words,
    )


def together(parts: Sequence[Facts]) -> Facts:
    """Return the facts of several parts of one type, none of which has more than subjects and a value."""
    width = max(part.subjects.shape[1] for part in parts)
    subjects = np.full((sum(len(part) for part in parts), width), -1, np.int64)
    start = 0
    for part in parts:
        subjects[start : start + len(part), : part.subjects.shape[1]] = part.subjects
        start += len(part)
    return Facts(
        type=parts[0].type,
        scene=np.concatenate([part.scene for part in parts]),
        subjects=subjects,
        value=np.concatenate([part.value for part in parts]),
        sigma=np.concatenate([part.sigma for part in parts]),
        status=np.concatenate([part.status for part in parts]),
        margin=np.concatenate([part.margin for part in parts]),
    )


def with_status(facts: Facts, status: int) -> Facts:
    """Return the same facts with one status for all and, unless decided, without a value."""
    value = facts.value if status == DECIDED else np.full(len(facts), np.nan)
    return replace(facts, status=np.full(len(facts), status, np.int8), value=value)
