"""True answers about room: would this fit there, could one pass. The margin is the room to spare or missing."""

from __future__ import annotations

from spatialgen.testing.truth.answer import Answer
from spatialgen.testing.truth.scene import TrueObject, TrueScene

_FLOOR_M = 0.05


def _roomy(spare_m: float) -> Answer:
    return Answer(float(spare_m > 0), abs(spare_m), _FLOOR_M)


def fits_between(scene: TrueScene, item: TrueObject, one: TrueObject, other: TrueObject) -> Answer:
    """Return whether `item` would fit between two things that stand apart: its narrow side against their gap."""
    return _roomy(scene.gap_m(one, other) - item.box.width_m)


def passes_between(scene: TrueScene, one: TrueObject, other: TrueObject, width_m: float) -> Answer:
    """Return whether an agent `width_m` wide could pass between two things: its width against their gap."""
    return _roomy(scene.gap_m(one, other) - width_m)


def fits_on(item: TrueObject, support: TrueObject) -> Answer:
    """Return whether the footprint of `item` would fit on that of `support`, sides matched long to long."""
    return _roomy(min(support.box.length_m - item.box.length_m, support.box.width_m - item.box.width_m))
