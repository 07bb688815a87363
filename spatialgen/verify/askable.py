"""What could have been asked: the denominator of coverage, as the goals define it."""

from __future__ import annotations

import numpy as np

from spatialgen.testing.truth.scene import TrueScene

MIN_PIXELS = 400


def whole_objects(truth: TrueScene, min_pixels: int = MIN_PIXELS) -> frozenset[str]:
    """Return the ids of the objects that the border does not cut and that show at least `min_pixels` pixels.

    An object is cut if one of its pixels lies on the border of the exact picture. Raises ValueError without one.
    """
    if truth.ids is None:
        raise ValueError(f"scene {truth.scene_id} has no exact picture, so what can be asked is unknown")
    ids = truth.ids
    pixels = np.bincount(ids.ravel())
    border = set(np.concatenate([ids[0], ids[-1], ids[:, 0], ids[:, -1]]).tolist())
    return frozenset(str(k) for k in np.flatnonzero(pixels >= min_pixels) if k > 0 and int(k) not in border)
