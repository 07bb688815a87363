"""`aligned_vertically` (one over the other) and `aligned_horizontally` (at one height), by the centres."""

from __future__ import annotations

import numpy as np

from spatialgen.qa.arrays import SceneArrays, length_sigma, norm
from spatialgen.qa.decide import zone
from spatialgen.qa.facts import Facts
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import predicate, tellable

LEVEL_M, NOT_LEVEL_M = 0.05, 0.15


def _facts(a: SceneArrays) -> list[Facts]:
    return [_vertical(a), _horizontal(a)]


def _vertical(a: SceneArrays) -> Facts:
    p = a.p
    flat = p.delta * np.array([1.0, 1.0, 0.0])
    distance, sigma = norm(flat), length_sigma(p.cov, flat, 2)
    told = tellable(a, p.scene, distance, sigma)
    diagonals = np.hypot(a.o.size[:, 0], a.o.size[:, 1])
    small = np.minimum(diagonals[p.i], diagonals[p.j])
    areas = a.o.size[:, 0] * a.o.size[:, 1]
    by_area = np.where(areas[p.i] <= areas[p.j], diagonals[p.i], diagonals[p.j])
    size_sigma = a.o.size[:, :2] * a.o.size_sigma[:, :2]
    diagonal_sigma = np.hypot(size_sigma[:, 0], size_sigma[:, 1]) / diagonals
    sigma = np.hypot(sigma, np.maximum(diagonal_sigma[p.i], diagonal_sigma[p.j]) / 2.0)
    holds, _ = zone(distance, sigma, small / 4.0, small / 2.0)
    _, fails = zone(distance, sigma, by_area / 4.0, by_area / 2.0)
    return predicate("aligned_vertically", a, np.stack([p.i, p.j], 1), holds, fails, sigma, told=told)


def _horizontal(a: SceneArrays) -> Facts:
    difference = np.abs(a.p.delta[:, 2])
    scale = a.s.scale_sigma[a.p.scene]
    sigma = np.hypot(np.sqrt(a.p.cov[:, 2, 2]), difference * scale)
    holds, fails = zone(difference, sigma, LEVEL_M, NOT_LEVEL_M)
    told = tellable(a, a.p.scene, difference, np.sqrt(a.p.cov[:, 2, 2]))
    return predicate("aligned_horizontally", a, np.stack([a.p.i, a.p.j], 1), holds, fails, sigma, told=told)


FAMILY = Family(
    name="alignment",
    types=("aligned_vertically", "aligned_horizontally"),
    kind=Kind.PREDICATE,
    units={"aligned_vertically": "none", "aligned_horizontally": "none"},
    symmetric=True,
    facts=_facts,
)
