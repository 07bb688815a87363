"""`depth_at_point`: the z-depth at a point of the picture, given on the 0..999 grid of the padded square."""

from __future__ import annotations

import json

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.decide import quantity_decided
from spatialgen.qa.facts import Facts, decided_facts
from spatialgen.qa.family import Family, Kind, values_apart
from spatialgen.qa.grid import to_grid


def _facts(a: SceneArrays) -> list[Facts]:
    rows = [np.asarray(s.depth_samples, np.float64).reshape(-1, 4) for s in a.scenes]
    scene = np.repeat(np.arange(len(rows)), [len(r) for r in rows]).astype(np.int64)
    samples = np.concatenate([np.zeros((0, 4)), *rows])
    points = to_grid(samples[:, :2] + 0.5, a.s.size_wh[scene])
    value = samples[:, 2]
    sigma = np.hypot(samples[:, 3], value * a.s.scale_sigma[scene])
    grid = points.astype(int).tolist()
    facts = decided_facts(
        "depth_at_point",
        scene,
        np.zeros((len(scene), 0), np.int64),
        value,
        sigma,
        params=[
            json.dumps({"point": point, "point_px": pixel}, sort_keys=True)
            for point, pixel in zip(grid, samples[:, :2].tolist(), strict=True)
        ],
        words={"point": [f"({x}, {y})" for x, y in grid]},
    )
    return [facts.take(quantity_decided(value, sigma))]


FAMILY = Family(
    name="depth_at_point",
    types=("depth_at_point",),
    kind=Kind.VALUED,
    units={"depth_at_point": "m"},
    facts=_facts,
    say={"depth_at_point": "length"},
    scalar=frozenset({"depth_at_point"}),
    apart=values_apart,
)
