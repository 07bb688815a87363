"""True answers about what is seen: how many, whether there is one, which one is meant, whether a spot is free."""

from __future__ import annotations

import numpy as np

from spatialgen.records import F64
from spatialgen.testing.primitives import Solid, cylinder
from spatialgen.testing.truth.answer import Answer, silent, untold
from spatialgen.testing.truth.gap import gap_m
from spatialgen.testing.truth.scene import TrueScene
from spatialgen.testing.truth.single import box_on_grid

_STANDING_M = 1.0


def count(scene: TrueScene, label: str) -> Answer:
    """Return how many things of that label show at least one pixel."""
    if scene.ids is None:
        return untold("no exact picture")
    return Answer(float(sum(scene.by_id(k).label == label for k in scene.visible)))


def exists(scene: TrueScene, label: str) -> Answer:
    """Return 1 if a thing of that label is seen, else 0."""
    number = count(scene, label)
    return number if number.value is None else Answer(float(number.value > 0))


def referred(scene: TrueScene, label: str, side: str, rank: int) -> Answer:
    """Return the box on the 0..999 grid of the rank-th thing of that label from the "left" or "right", by the
    centroids of what is seen."""
    if scene.ids is None:
        return untold("no exact picture")
    ids = scene.ids
    seen = [k for k in scene.visible if scene.by_id(k).label == label]
    across = {k: float(np.nonzero(ids == int(k))[1].mean()) for k in seen}
    ranked = sorted(seen, key=lambda k: across[k], reverse=side == "right")
    if not 1 <= rank <= len(ranked):
        return silent(f"{len(ranked)} are seen")
    return Answer(0.0, values=box_on_grid(ids == int(ranked[rank - 1])), order=(ranked[rank - 1],))


def floor_point_m(scene: TrueScene, u_px: float, v_px: float) -> F64 | None:
    """Return the canonical point (3,) of the floor seen at a pixel, None where something else is seen."""
    point = scene.point_m(u_px, v_px)
    on_floor = scene.ids is not None and scene.ids[round(v_px), round(u_px)] == 0
    return point if point is not None and on_floor and abs(float(point[2])) < 0.01 else None


def clear_radius_m(scene: TrueScene, point_m: F64) -> float:
    """Return how far the nearest thing or wall is from a thin post, 1 m high, on the floor at a point (3,)."""
    post: Solid = cylinder(np.array([point_m[0], point_m[1], 0.01 + _STANDING_M / 2]), 1e-3, _STANDING_M)
    things = [solid for item in scene.objects for solid in item.solids]
    return gap_m([post], [*things, *scene.backdrop])
