"""What is read off a mask alone."""

from __future__ import annotations

import numpy as np
import pytest

from spatialgen.geometry.crops import Crop
from spatialgen.scene.image_facts import image_facts


def _facts(u0: int, width: int) -> tuple[str, ...]:
    mask = np.ones((40, 30), bool)
    crop = Crop(u0, 100, np.ones(mask.shape, np.float32), mask.astype(np.int32), mask)
    facts = image_facts(crop, width, width)
    assert facts is not None
    return facts.cut


@pytest.mark.parametrize(
    ("u0", "width", "cut"),
    [
        (0, 640, ("left",)),
        (2, 640, ("left",)),
        (3, 640, ()),
        (11, 2880, ("left",)),
        (12, 2880, ()),
        (608, 640, ("right",)),
    ],
)
def test_a_mask_near_the_border_is_cut_by_it(u0: int, width: int, cut: tuple[str, ...]) -> None:
    assert _facts(u0, width) == cut
