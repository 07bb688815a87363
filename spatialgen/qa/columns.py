"""Text by the column: templates chosen by keys and filled from columns of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from spatialgen.errors import ConfigError
from spatialgen.qa.english import capital
from spatialgen.qa.facts import I64, Bool
from spatialgen.qa.keys import U64, below
from spatialgen.qa.phrase import CAPITAL, Filler, Template

Columns = Mapping[str, Sequence[str]]


@cache
def _bound(templates: tuple[Template, ...]) -> tuple[tuple[str, ...], tuple[Filler, ...]]:
    layout = tuple(sorted({slot for template in templates for slot in template.slots}))
    return layout, tuple(template.filler(layout) for template in templates)


def fill(templates: tuple[Template, ...], choice: I64, columns: Columns) -> list[str]:
    """Return template `choice[k]` filled with row k of `columns`. Raises ConfigError when a slot has no column."""
    layout, fillers = _bound(templates)
    picked = choice.tolist()
    if not layout:
        return [fillers[k](()) for k in picked]
    rows = zip(*[_column(slot, columns, templates) for slot in layout], strict=True)
    return [fillers[k](row) for k, row in zip(picked, rows, strict=True)]


def _column(slot: str, columns: Columns, templates: tuple[Template, ...]) -> Sequence[str]:
    found = columns.get(slot)
    if found is None and slot.startswith(CAPITAL):
        plain = columns.get(slot[1:])
        found = None if plain is None else [capital(word) for word in plain]
    if found is None:
        raise ConfigError(f"no words for slot {{{slot.lstrip(CAPITAL)}}} of template {templates[0].id} and its like")
    return found


def choose(templates: Sequence[Template], keys: U64, purpose: str) -> I64:
    """Return a template's index for each key."""
    return below(keys, purpose, len(templates))


def ids(templates: Sequence[Template], choice: I64) -> list[str]:
    """Return the ids of chosen templates."""
    names = [template.id for template in templates]
    return [names[k] for k in choice.tolist()]


def either(first: Bool, yes: Sequence[str], no: Sequence[str]) -> list[str]:
    """Return row by row from `yes` where `first`, else from `no`."""
    return [a if take else b for take, a, b in zip(first.tolist(), yes, no, strict=True)]


def rows_of(words: Sequence[str], index: I64) -> list[str]:
    """Return `words` at each index."""
    return [words[k] for k in index.tolist()]


_STYLES = ("{}. {}", "{}) {}", "({}) {}")


def lettered(options: Sequence[str], style: int) -> str:
    """Return options as lines "A. x", "A) x" or "(A) x"."""
    form = _STYLES[style]
    return "\n".join([form.format(letter, text) for letter, text in zip(LETTERS, options, strict=False)])


LETTERS = "ABCDEFGH"
