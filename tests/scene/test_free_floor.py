"""Empty places on the floor: nothing stands within their radius, seen or unseen."""

import pytest

from spatialgen.scene.build import build_scene
from spatialgen.scene.config import LiftConfig
from spatialgen.testing.frames import to_frame
from spatialgen.testing.render import render
from spatialgen.testing.scenes import Kind, sample_scene
from spatialgen.testing.truth.scene import from_analytic
from spatialgen.testing.truth.seen import clear_radius_m, floor_point_m


@pytest.mark.parametrize(("seed", "kind"), [(209, "room"), (216, "room"), (203, "close"), (210, "close"), (3, "room")])
def test_what_is_hidden_may_hold_anything(seed: int, kind: Kind) -> None:
    """In the first four of these pictures something stood behind what hides the floor, within the radius."""
    scene = sample_scene(seed, kind=kind)
    picture = render(scene, shadows=False)
    truth = from_analytic(scene, picture)
    lifted = build_scene(to_frame(scene, picture), LiftConfig())
    for _, _, radius, u, v in lifted.free_floor_m:
        point = floor_point_m(truth, u, v)
        assert point is not None
        assert clear_radius_m(truth, point) >= radius - 0.03


def test_an_open_floor_still_has_places() -> None:
    scene = sample_scene(209)
    lifted = build_scene(to_frame(scene, render(scene, shadows=False)), LiftConfig())
    assert len(lifted.free_floor_m) >= 3
