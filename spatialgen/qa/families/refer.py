"""`refer`: "the second chair from the left", to be found as a box."""

from __future__ import annotations

import json

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.english import ordinal, singular_thing
from spatialgen.qa.facts import Facts, decided_facts
from spatialgen.qa.families.image_place import boxes_apart
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.grid import to_grid
from spatialgen.qa.safety import unsafe_text

APART = 0.04  # of the width, between the middles of neighbours
MAX_KIND = 8


def _facts(a: SceneArrays) -> list[Facts]:
    rows = [row for n in range(len(a.scenes)) for row in _ranked(a, n)]
    index = np.array([k for k, _, _ in rows], np.int64)
    scene = a.o.scene[index]
    nothing = np.full(len(index), np.nan)
    sides = [("left", rank) if rank <= of / 2 else ("right", of + 1 - rank) for _, rank, of in rows]
    labels = [singular_thing(" ".join(a.objects[k].label.lower().split())) for k, _, _ in rows]
    return [
        decided_facts(
            "refer",
            scene,
            index,
            nothing,
            nothing,
            values=to_grid(a.o.box[index], a.s.size_wh[scene]),
            params=[
                json.dumps({"from": side, "label": label, "rank": rank}, sort_keys=True)
                for (side, rank), label in zip(sides, labels, strict=True)
            ],
            words={"phrase": [_phrase(s, r, lab) for (s, r), lab in zip(sides, labels, strict=True)]},
        )
    ]


def _phrase(side: str, rank: int, label: str) -> str:
    return f"the {side}most {label}" if rank == 1 else f"the {ordinal(rank)} {label} from the {side}"


def _ranked(a: SceneArrays, n: int) -> list[tuple[int, int, int]]:
    """Objects of a kind seen at least twice: index, rank from the left, how many there are."""
    span = range(int(a.first[n]), int(a.first[n + 1]))
    kinds: dict[str, list[int]] = {}
    for k in span:
        kinds.setdefault(a.heads[k], []).append(k)
    rows = []
    for members in kinds.values():
        if not 2 <= len(members) <= MAX_KIND or any(a.doubled[k] or unsafe_text(a.objects[k].label) for k in members):
            continue
        across = a.o.centroid[members, 0] / a.s.size_wh[n, 0]
        order = np.argsort(across, kind="stable")
        if np.min(np.diff(across[order])) >= APART:
            rows += [(members[k], rank + 1, len(members)) for rank, k in enumerate(order.tolist())]
    return rows


FAMILY = Family(
    name="refer",
    types=("refer",),
    kind=Kind.VALUED,
    units={"refer": "px1000"},
    upright=False,
    facts=_facts,
    say={"refer": "box"},
    apart=boxes_apart,
)
