"""The other shapes: the same things by name and about as large, which stand as firmly, and never the same form."""

import numpy as np
import pytest

from spatialgen.sources.analytic import AnalyticSource
from spatialgen.testing import furniture, furniture_other
from spatialgen.testing.furniture import Maker, Model
from spatialgen.testing.primitives import box_corners
from spatialgen.testing.scenes import COLORS, sample_scene

MAKERS = [
    pytest.param(usual, other, id=f"{kind} {label}")
    for kind, here, there in (
        ("standing", furniture.STANDING, furniture_other.STANDING),
        ("small", furniture.SMALL, furniture_other.SMALL),
    )
    for label, usual, other in ((label, maker, there[label]) for label, maker in here.items())
]


def models(maker: Maker) -> list[Model]:
    return [maker(np.random.Generator(np.random.Philox(seed))) for seed in range(20)]


def spans(maker: Maker) -> np.ndarray:
    """Return the (3,) mean extents of what a maker makes."""
    corners = [np.vstack([box_corners(s) for s in model.solids]) for model in models(maker)]
    mean: np.ndarray = np.mean([c.max(axis=0) - c.min(axis=0) for c in corners], axis=0)
    return mean


def form(model: Model) -> list[str]:
    return sorted(type(s).__name__ for s in model.solids)


@pytest.mark.parametrize(("usual", "other"), MAKERS)
def test_a_thing_of_the_other_shapes_has_its_size_but_not_its_form(usual: Maker, other: Maker) -> None:
    assert {tuple(form(m)) for m in models(usual)}.isdisjoint(tuple(form(m)) for m in models(other))
    # A book lies, or stands: its three sides are compared in order of size.
    ratio = np.sort(spans(other)) / np.sort(spans(usual))
    assert ratio.min() > 0.5
    assert ratio.max() < 2


@pytest.mark.parametrize(("usual", "other"), MAKERS)
def test_it_stands_on_the_ground_and_carries_things_on_a_surface(usual: Maker, other: Maker) -> None:
    for model in models(other):
        assert len(model.shades) == len(model.solids)
        corners = [box_corners(s) for s in model.solids]
        assert min(c[:, 2].min() for c in corners) == pytest.approx(0, abs=1e-9)
        for shelf in model.shelves:
            assert any(abs(c[:, 2].max() - shelf.z_m) < 1e-6 for c in corners)


def test_scenes_of_other_shapes_are_scenes_of_their_own() -> None:
    assert set(furniture.STANDING) == set(furniture_other.STANDING)
    assert set(furniture.SMALL) == set(furniture_other.SMALL)
    usual, other = sample_scene(3), sample_scene(3, shapes="other")
    assert usual.scene_id != other.scene_id
    (row,) = AnalyticSource(scenes=1, size_wh=(64, 48), seed=3, shapes="other").list()
    frame, _ = AnalyticSource(scenes=1, size_wh=(64, 48), seed=3, shapes="other").read(row)  # type: ignore[arg-type]
    assert frame.image_id == row.image_id == other.scene_id  # type: ignore[union-attr]


def test_all_colours_may_be_asked_to_differ_and_things_to_be_few() -> None:
    for seed in range(10):
        few = sample_scene(seed, objects=(2, 4), all_colors_differ=True)
        colors = [item.color for item in few.objects]
        assert len(set(colors)) == min(len(colors), len(COLORS))
        assert sum(item.support_id == 0 for item in few.objects) <= 4
