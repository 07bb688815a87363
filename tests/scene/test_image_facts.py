"""What is read off a mask alone."""

from __future__ import annotations

import numpy as np
import pytest
from pycocotools import mask as coco

from spatialgen.geometry.crops import Crop
from spatialgen.scene.image_facts import encode_mask, image_facts


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


@pytest.mark.parametrize(
    ("u0", "v0", "height"), [(0, 0, 48), (5, 0, 48), (0, 0, 20), (7, 28, 20), (34, 13, 20), (5, 0, 47)]
)
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_mask_comes_back_from_its_counts(u0: int, v0: int, height: int, share: float) -> None:
    """Wherever its crop lies: a run goes on into the next column only where the crop is as high as the picture."""
    mask = np.random.default_rng(u0).random((height, 30)) < share
    whole = np.zeros((48, 64), bool)
    whole[v0 : v0 + height, u0 : u0 + 30] = mask
    counts = encode_mask(mask, u0, v0, 64, 48)
    np.testing.assert_array_equal(coco.decode({"size": [48, 64], "counts": counts}) > 0, whole)
    assert counts == coco.encode(np.asfortranarray(whole.astype(np.uint8)))["counts"]
