"""The true answer to one question, with how far it is from tipping over."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """What is true. `value` is None where the definition says to be silent (`note` says why).

    `margin` is the true deciding difference in the unit of the type's floor (metres, or the logarithm of a ratio),
    `floor` that floor; both 0 where a type has none. `values` holds what one number does not (boxes), `order` the
    subjects as they should stand. `known` is False where this scene's truth cannot tell (no picture, no facing).
    """

    value: float | None
    margin: float = 0.0
    floor: float = 0.0
    values: tuple[float, ...] | None = None
    order: tuple[str, ...] | None = None
    known: bool = True
    note: str = ""

    @property
    def clear(self) -> bool:
        """Whether there is an answer, and by over twice the floor."""
        return self.known and self.value is not None and self.margin >= 2 * self.floor


def silent(why: str) -> Answer:
    """Return the answer of a question that should not be asked."""
    return Answer(None, note=why)


def untold(why: str) -> Answer:
    """Return the answer of a question whose truth is not known here."""
    return Answer(None, known=False, note=why)
