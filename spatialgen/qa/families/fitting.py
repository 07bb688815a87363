"""`fits_between`, `passes_between`, `fits_on`: would it fit, by the gap or by the footprint."""

from __future__ import annotations

import json

import numpy as np

from spatialgen.qa.arrays import F64, I64, Bool, SceneArrays
from spatialgen.qa.decide import RATIO_SIZE, difference_decided, log_sigma
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.keys import below, mix
from spatialgen.qa.measures import predicate, scale_trusted, tellable
from spatialgen.qa.sets import triples

FLOOR_M = 0.05
AGENT_WIDTHS_M = (0.35, 0.5, 0.7, 0.9, 1.2)
STANDS_WITHIN_M = 0.15


def _facts(a: SceneArrays) -> list[Facts]:
    return [_fits_between(a), _passes_between(a), _fits_on(a)]


def _fits_between(a: SceneArrays) -> Facts:
    """A's narrower horizontal side against the gap of B and C, which stand beside each other."""
    one, b, c = triples(a, "fits_between")
    row = {pair: k for k, pair in enumerate(zip(a.p.i.tolist(), a.p.j.tolist(), strict=True))}
    pair = np.array([row[bc] for bc in zip(b.tolist(), c.tolist(), strict=True)], np.int64)
    gap, gap_sigma = a.p.gap[pair], a.p.gap_sigma[pair]
    room = gap - a.o.size[one, 1]
    scale = a.s.scale_sigma[a.o.scene[one]]
    sigma = np.sqrt(gap_sigma**2 + a.o.size_sigma[one, 1] ** 2 + (room * scale) ** 2)
    asked = difference_decided(room, sigma, FLOOR_M) & _beside(a, b, c) & scale_trusted(a, a.o.scene[one])
    told, subjects = tellable(a, a.o.scene[one], gap, gap_sigma), np.stack([one, b, c], 1)
    return predicate("fits_between", a, subjects, asked & (room > 0), asked & (room < 0), sigma, told=told)


def _beside(a: SceneArrays, b: I64, c: I64) -> Bool:
    """Whether two objects share most of the heights of the lower one, so that between them means something."""
    shared = np.minimum(a.o.z[b, 1], a.o.z[c, 1]) - np.maximum(a.o.z[b, 0], a.o.z[c, 0])
    beside: Bool = shared > 0.5 * np.minimum(a.o.size[b, 2], a.o.size[c, 2])
    return beside


def _passes_between(a: SceneArrays) -> Facts:
    p = a.p
    key = mix(mix(a.o.key[p.i], a.o.key[p.j]), a.s.key[p.scene])
    width: F64 = np.array(AGENT_WIDTHS_M)[below(key, "agent", len(AGENT_WIDTHS_M))]
    room = p.gap - width
    sigma = np.hypot(p.gap_sigma, p.gap * a.s.scale_sigma[p.scene])
    bottoms = np.maximum(np.abs(a.o.z[p.i, 0]), np.abs(a.o.z[p.j, 0]))
    stand = a.s.floor[p.scene] & (bottoms < STANDS_WITHIN_M) & _beside(a, p.i, p.j)
    asked = difference_decided(room, sigma, FLOOR_M) & stand & scale_trusted(a, p.scene)
    widths = width.tolist()
    return predicate(
        "passes_between",
        a,
        np.stack([p.i, p.j], 1),
        asked & (room > 0),
        asked & (room < 0),
        sigma,
        params=[json.dumps({"width_m": w}) for w in widths],
        words={"width": [f"{round(w * 100)} cm" for w in widths]},
        told=tellable(a, p.scene, p.gap, p.gap_sigma),
    )


def _fits_on(a: SceneArrays) -> Facts:
    """Whether A's footprint fits in that of B, sides along sides; no where even the narrower side is too wide."""
    i, j = np.concatenate([a.p.i, a.p.j]), np.concatenate([a.p.j, a.p.i])
    long_room, long_sigma = _log_room(a, i, j, 0)
    short_room, short_sigma = _log_room(a, i, j, 1)
    long_decided = difference_decided(long_room, long_sigma, RATIO_SIZE)
    short_decided = difference_decided(short_room, short_sigma, RATIO_SIZE)
    trusted = scale_trusted(a, a.o.scene[i])
    holds = long_decided & short_decided & (long_room > 0) & (short_room > 0)
    fails = short_decided & (short_room < 0)
    sigma = np.maximum(long_sigma, short_sigma)
    return predicate("fits_on", a, np.stack([i, j], 1), holds & trusted, fails & trusted, sigma)


def _log_room(a: SceneArrays, i: I64, j: I64, side: int) -> tuple[F64, F64]:
    size, sigma = a.o.size[:, side], a.o.size_sigma[:, side]
    return np.log(size[j] / size[i]), log_sigma(sigma[i] / size[i], sigma[j] / size[j])


FAMILY = Family(
    name="fitting",
    types=("fits_between", "passes_between", "fits_on"),
    kind=Kind.PREDICATE,
    units=dict.fromkeys(("fits_between", "passes_between", "fits_on"), "none"),
    facts=_facts,
)
