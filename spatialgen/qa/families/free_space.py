"""`free_space_point`: a point of the picture where the floor is seen and empty."""

from __future__ import annotations

import json

import numpy as np

from spatialgen.qa.arrays import TRUSTED_SCALE_SIGMA, SceneArrays
from spatialgen.qa.facts import Facts, decided_facts
from spatialgen.qa.families.image_place import boxes_apart
from spatialgen.qa.family import Family, Kind
from spatialgen.qa.grid import to_grid

MIN_RADIUS_M = 0.10
MAX_RADIUS_M = 1.0


def _facts(a: SceneArrays) -> list[Facts]:
    """The widest free spot of each scene, asked about with a circle a little smaller, down to 5 cm steps."""
    scenes, spots = [], [np.zeros((0, 5))]
    for n, scene in enumerate(a.scenes):
        free = np.asarray(scene.free_floor_m, np.float64).reshape(-1, 5)
        if a.s.floor[n] and len(free) and a.s.scale_sigma[n] <= TRUSTED_SCALE_SIGMA:
            spots.append(free[np.argmax(free[:, 2])][None])
            scenes.append(n)
    rows, index = np.concatenate(spots), np.array(scenes, np.int64)
    radius = np.minimum(np.floor((rows[:, 2] * 0.8) / 0.05) * 0.05, MAX_RADIUS_M)
    values = to_grid(rows[:, 3:5] + 0.5, a.s.size_wh[index])
    radii = [round(r, 2) for r in radius.tolist()]
    nothing = np.full(len(index), np.nan)
    facts = decided_facts(
        "free_space_point",
        index,
        np.zeros((len(index), 0), np.int64),
        nothing,
        nothing,
        values=values,
        params=[json.dumps({"radius_m": r}) for r in radii],
        words={"radius": [f"{round(r * 100)} cm" if r < 1.0 else f"{r:g} m" for r in radii]},
    )
    return [facts.take(radius >= MIN_RADIUS_M)]


FAMILY = Family(
    name="free_space",
    types=("free_space_point",),
    kind=Kind.VALUED,
    units={"free_space_point": "px1000"},
    facts=_facts,
    say={"free_space_point": "point"},
    apart=boxes_apart,
)
