"""`perspective`: standing at A and facing B, in which quarter C lies."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import F64, I64, SceneArrays, norm
from spatialgen.qa.facts import Facts, decided_facts
from spatialgen.qa.family import Family, Kind, classes_apart
from spatialgen.qa.measures import wrapped
from spatialgen.qa.sets import triples

MARGIN_DEG = 10.0
MIN_DISTANCE_M = 0.15


def _facts(a: SceneArrays) -> list[Facts]:
    at, b, c = triples(a, "perspective")
    at, facing, seen = np.concatenate([at, at]), np.concatenate([b, c]), np.concatenate([c, b])
    to_facing, near_facing, facing_sigma = _bearing(a, at, facing)
    to_seen, near_seen, seen_sigma = _bearing(a, at, seen)
    turn = wrapped(to_seen - to_facing)
    sigma = np.hypot(facing_sigma, seen_sigma)
    inside = 45.0 - np.abs(turn % 90.0 - 45.0)
    decided = (inside > np.maximum(MARGIN_DEG, 2.0 * sigma)) & ~near_facing & ~near_seen
    sector = np.where(np.abs(turn) < 90.0, 0.0, 2.0) + (turn > 0.0)
    facts = decided_facts("perspective", a.o.scene[at], np.stack([at, facing, seen], 1), sector, sigma)
    return [facts.take(decided & a.s.gravity[facts.scene])]


def _bearing(a: SceneArrays, at: I64, to: I64) -> tuple[F64, np.ndarray[tuple[int], np.dtype[np.bool_]], F64]:
    """Bearing, degrees, whether it is too short to have one, and its error, with the widest spread of both ends."""
    vector = (a.o.center[to] - a.o.center[at])[:, :2]
    distance = norm(vector)
    spread = np.sqrt(np.max(a.o.cov[at][:, (0, 1), (0, 1)] + a.o.cov[to][:, (0, 1), (0, 1)], axis=1))
    sigma = np.degrees(spread / np.maximum(distance, 1e-9))
    return np.degrees(np.arctan2(vector[:, 0], vector[:, 1])), distance < MIN_DISTANCE_M, sigma


FAMILY = Family(
    name="perspective",
    types=("perspective",),
    kind=Kind.VALUED,
    units={"perspective": "index"},
    facts=_facts,
    say={"perspective": "quarter"},
    apart=classes_apart,
)
