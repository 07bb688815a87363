"""From questions to words: each kind of fact in each form."""

from __future__ import annotations

from collections.abc import Callable

from spatialgen.qa.asks import Asks
from spatialgen.qa.family import Kind
from spatialgen.qa.names import Naming
from spatialgen.qa.write_pairs import write_decided, write_relation
from spatialgen.qa.write_picks import write_order, write_pick
from spatialgen.qa.write_values import write_value
from spatialgen.qa.writing import Written

Writer = Callable[[Asks, Naming, str], Written]

_WRITERS: dict[Kind, Writer] = {
    Kind.RELATION: write_relation,
    Kind.PREDICATE: write_decided,
    Kind.VALUED: write_value,
    Kind.PICK: write_pick,
    Kind.ORDER: write_order,
}


def write(asks: Asks, naming: Naming, units: str) -> Written:
    """Return the words of a block of questions; `units` as in `AskConfig`."""
    return _WRITERS[asks.family.kind](asks, naming, units)
