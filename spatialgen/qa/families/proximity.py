"""`next_to`, `far_from`: the gap in mean longest sides."""

from __future__ import annotations

import numpy as np

from spatialgen.geometry.noise import SENSOR_NOISE
from spatialgen.qa.arrays import F64, SceneArrays
from spatialgen.qa.decide import zone
from spatialgen.qa.facts import Facts
from spatialgen.qa.families.longer import longest_side
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.measures import predicate, tellable

NEXT, NOT_NEXT, NOT_FAR, FAR = 0.5, 1.0, 1.0, 2.0


def _facts(a: SceneArrays) -> list[Facts]:
    p = a.p
    subjects = np.stack([p.i, p.j], axis=1)
    r, sigma = _relative_gap(a)
    told = tellable(a, p.scene, p.gap, p.gap_sigma)
    near, not_near = zone(r, sigma, NEXT, NOT_NEXT)
    not_far, far = zone(r, sigma, NOT_FAR, FAR)
    return [
        predicate("next_to", a, subjects, near, not_near, sigma, told=told),
        predicate("far_from", a, subjects, far, not_far, sigma, told=told),
    ]


def _relative_gap(a: SceneArrays) -> tuple[F64, F64]:
    side, side_sigma = longest_side(a)
    mean = (side[a.p.i] + side[a.p.j]) / 2.0
    mean_sigma = np.hypot(side_sigma[a.p.i], side_sigma[a.p.j]) / 2.0
    r = a.p.gap / mean
    gap_sigma = np.hypot(a.p.gap_sigma, _smeared(a))
    return r, np.hypot(gap_sigma / mean, r * mean_sigma / mean)


def _smeared(a: SceneArrays) -> F64:
    """How far apart along the view things may be that seem to touch in the depth map of a network, metres, (P,)."""
    noise = a.s.depth_noise[a.p.scene]
    nearer = np.minimum(a.o.camera_distance[a.p.i], a.o.camera_distance[a.p.j])
    return np.where(noise > SENSOR_NOISE, noise * nearer, 0.0)


FAMILY = Family(
    name="proximity",
    types=("next_to", "far_from"),
    kind=Kind.PREDICATE,
    units={"next_to": "none", "far_from": "none"},
    symmetric=True,
    facts=_facts,
    concepts={"next_to": "how close", "far_from": "how close"},
)
