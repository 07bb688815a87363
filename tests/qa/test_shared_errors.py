"""What two objects have in common does not make their difference unsure: here the error of the floor."""

from dataclasses import replace

import numpy as np
import pytest
from qa_scenes import Box, make_scene

from spatialgen.qa.arrays import SceneArrays, build
from spatialgen.qa.families.ratio import FAMILY as RATIO
from spatialgen.qa.measures import level_sigma
from spatialgen.qa.names import name_objects
from spatialgen.records import Floor, ObjectGeometry, Scene

FLOOR_SIGMA_M, OWN_SIGMA_M = 0.02, 0.001
TABLE, CRATE, MUG = 0, 1, 2
BOXES = (
    Box("table", (-0.6, 3.0, 0.4), (1.4, 0.8, 0.8)),
    Box("crate", (0.9, 3.0, 0.2), (0.6, 0.5, 0.4)),
    Box("mug", (-0.6, 3.0, 0.9), (0.1, 0.09, 0.2), on="1"),
)


def arrays() -> SceneArrays:
    """A table and a crate on the floor and a mug on the table: all levels share the floor's error but the feet."""
    scene = make_scene(BOXES, "shared", gravity_sigma=0.0)
    objects = tuple(
        replace(item, geometry=_lifted(item.geometry, k != MUG))
        for k, item in enumerate(scene.objects)
        if item.geometry
    )
    shared: Scene = replace(scene, objects=objects, floor=Floor(1.5, FLOOR_SIGMA_M))
    return build([shared], name_objects([shared]), seed=0)


def _lifted(geometry: ObjectGeometry, stands: bool) -> ObjectGeometry:
    z_sigma = np.full(2, np.hypot(OWN_SIGMA_M, FLOOR_SIGMA_M))
    height = float(np.hypot(OWN_SIGMA_M, FLOOR_SIGMA_M if stands else 0.0))
    return replace(
        geometry,
        center_cov_m2=np.diag([1e-6, 1e-6, (z_sigma**2).sum() / 4]),
        z_sigma_m=z_sigma,
        size_sigma_m=np.array([OWN_SIGMA_M, OWN_SIGMA_M, height]),
    )


def pair(a: SceneArrays, one: int, other: int) -> int:
    return next(k for k in range(len(a.p.i)) if {int(a.p.i[k]), int(a.p.j[k])} == {one, other})


def test_the_floor_cancels_between_two_things_on_it_and_half_remains_with_one_above() -> None:
    a = arrays()
    sigma = np.sqrt(a.p.cov[:, 2, 2])
    assert sigma[pair(a, TABLE, CRATE)] == pytest.approx(OWN_SIGMA_M, rel=1e-6)
    assert sigma[pair(a, TABLE, MUG)] == pytest.approx(np.hypot(OWN_SIGMA_M, FLOOR_SIGMA_M / 2), rel=1e-6)


def test_the_floor_cancels_between_two_tops_but_not_between_a_foot_and_a_top() -> None:
    a = arrays()
    k, own = pair(a, TABLE, CRATE), np.sqrt(2) * OWN_SIGMA_M
    assert level_sigma(a, a.p.i, 1, a.p.j, 1)[k] == pytest.approx(own, rel=1e-6)
    assert level_sigma(a, a.p.i, 0, a.p.j, 1)[k] == pytest.approx(np.hypot(own, FLOOR_SIGMA_M), rel=1e-6)


def test_of_heights_that_are_alike_the_ratio_is_surer_than_either() -> None:
    a = arrays()
    facts = next(f for f in RATIO.facts(a) if f.type == "height_ratio")
    sigma = {tuple(s): float(v) for s, v in zip(facts.subjects.tolist(), facts.sigma, strict=True)}
    shared = FLOOR_SIGMA_M * (1 / 0.4 - 1 / 0.8)
    own = np.hypot(OWN_SIGMA_M / 0.8, OWN_SIGMA_M / 0.4)
    assert sigma[CRATE, TABLE] == pytest.approx(0.5 * np.hypot(shared, own), rel=1e-6)
