"""True answers about room: would this fit there, could one pass, does that stand free."""

from __future__ import annotations

from spatialgen.testing.truth.answer import Answer, silent
from spatialgen.testing.truth.scene import TrueObject, TrueScene

_SHARE = 0.1


def _roomy(space_m: float, needed_m: float) -> Answer:
    """Yes where there is 10 % to spare, no where 10 % is missing, silent in between."""
    if abs(space_m - needed_m) < _SHARE * needed_m:
        return silent(f"{space_m:.3f} m of room for {needed_m:.3f} m")
    return Answer(float(space_m > needed_m), abs(space_m - needed_m))


def fits_between(scene: TrueScene, item: TrueObject, one: TrueObject, other: TrueObject) -> Answer:
    """Return whether `item` would fit between two things that stand apart: its narrow side against their gap."""
    return _roomy(scene.gap_m(one, other), item.box.width_m)


def passes_between(scene: TrueScene, one: TrueObject, other: TrueObject, width_m: float) -> Answer:
    """Return whether an agent `width_m` wide could pass between two things: its width against their gap."""
    return _roomy(scene.gap_m(one, other), width_m)


def fits_on(item: TrueObject, support: TrueObject) -> Answer:
    """Return whether the footprint of `item` would fit on that of `support`, sides matched long to long."""
    spare = min(
        (support.box.length_m - item.box.length_m) / item.box.length_m,
        (support.box.width_m - item.box.width_m) / item.box.width_m,
    )
    return silent("a close fit") if abs(spare) < _SHARE else Answer(float(spare > 0), abs(spare))
