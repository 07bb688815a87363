"""What could have been asked: the denominator of coverage, as the goals define it."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np

from spatialgen.testing.truth import TrueScene, truth_value
from spatialgen.testing.truth.pairs import QUALITATIVE, QUANTITATIVE
from spatialgen.testing.truth.single import VISIBLE, WHOLE
from spatialgen.verify.kinds import ORDERED_PAIRS, fact_key

MIN_PIXELS = 400
_NO_PARAMS = "{}"


def whole_objects(truth: TrueScene, min_pixels: int = MIN_PIXELS) -> frozenset[str]:
    """Return the ids of the true objects that the border does not cut and that show at least `min_pixels` pixels.

    An object is cut if one of its pixels lies on the border of the exact picture. Raises ValueError without one.
    """
    if truth.ids is None:
        raise ValueError(f"scene {truth.scene_id} has no exact picture, so what can be asked is unknown")
    ids = truth.ids
    pixels = np.bincount(ids.ravel())
    border = set(np.concatenate([ids[0], ids[-1], ids[:, 0], ids[:, -1]]).tolist())
    seen = {str(k) for k in np.flatnonzero(pixels >= min_pixels) if int(k) not in border}
    return frozenset(seen & {item.object_id for item in truth.objects})


def askable_facts(truth: TrueScene) -> frozenset[tuple[str, tuple[str, ...], str]]:
    """Return the keys (`kinds.fact_key`) of all facts about one or two whole objects that have a clear answer.

    Clear: the definition gives an answer, by over twice the floor where there is one. Types about several objects
    are left out, since no list of all of them is meant to be asked.
    """
    whole = sorted(whole_objects(truth), key=int)
    keys = set()
    for name in (*WHOLE, *VISIBLE):
        for object_id in whole:
            if truth_value(truth, name, [object_id]).clear:
                keys.add(fact_key(name, [object_id], _NO_PARAMS))
    for name in (*QUALITATIVE, *QUANTITATIVE):
        pairs = permutations(whole, 2) if name in ORDERED_PAIRS else combinations(whole, 2)
        for pair in pairs:
            if truth_value(truth, name, pair).clear:
                keys.add(fact_key(name, pair, _NO_PARAMS))
    return frozenset(keys)
