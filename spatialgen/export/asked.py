"""Questions of a set, brought back from their rows and put into words again, with other words for the objects."""

from __future__ import annotations

import numpy as np

from spatialgen.export.pages import Page, Row
from spatialgen.qa.asks import Asks
from spatialgen.qa.facts import decided_facts
from spatialgen.qa.family import Kind, family_of_type
from spatialgen.qa.names import Naming
from spatialgen.qa.phrase import REASON
from spatialgen.qa.render import write
from spatialgen.qa.types import ONE_OBJECT, PAIR_QUALITATIVE, PAIR_QUANTITATIVE

RETOLD = frozenset((*PAIR_QUALITATIVE, *PAIR_QUANTITATIVE, *ONE_OBJECT)) - {"depth_at_point", "box_2d", "box_3d"}
"""Types whose words are made of nothing but the subjects and the value."""

_CLOSED = ("yes_no", "choice", "true_false", "open")


def can_be_retold(row: Row) -> bool:
    """Return whether a row holds all that its words were made of: decided, and without options, claims or reasons."""
    type_, form = row["question_type"], row["form"]
    if type_ not in RETOLD or row["status"] != "decided" or REASON in row["template_id"]:
        return False
    return form == "open" or (form in _CLOSED and family_of_type()[type_].kind is not Kind.VALUED)


def retold(page: Page, row: Row, naming: Naming) -> tuple[str, str]:
    """Return question and answer of a row that can be retold: its own templates, the objects called as in `naming`."""
    index = {thing.object_id: k for k, thing in enumerate(page.scene.objects)}
    facts = decided_facts(
        row["question_type"],
        np.zeros(1, np.int64),
        np.array([[index[s] for s in row["subjects"]]], np.int64),
        np.array([row["answer_value"]], np.float64),
        np.array([np.nan if row["sigma"] is None else row["sigma"]], np.float64),
    )
    keys = np.array([row["seed_key"]], np.uint64)
    asks = Asks(family=family_of_type()[row["question_type"]], form=row["form"], facts=facts, keys=keys)
    written = write(asks, naming, page.config.units)
    return written.questions[0], written.answers[0]
