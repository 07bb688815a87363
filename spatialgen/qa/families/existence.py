"""`exists`: whether a kind of thing is in the picture, with as many that are not as there are that are."""

from __future__ import annotations

from spatialgen.qa.families.counting import existence_facts
from spatialgen.qa.family import Family, Kind

FAMILY = Family(
    name="existence",
    types=("exists",),
    kind=Kind.PREDICATE,
    units={"exists": "count"},
    upright=False,
    facts=existence_facts,
)
