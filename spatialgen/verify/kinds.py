"""How each question type is judged: as a quality (right or wrong) or as a quantity (by its error)."""

from __future__ import annotations

from collections.abc import Sequence

from spatialgen.testing.truth.groups import PICKS
from spatialgen.testing.truth.pairs import QUALITATIVE, QUANTITATIVE

HOURS = frozenset({"clock_direction", "clock_from_camera"})
BOXES = frozenset({"box_2d", "box_3d", "refer", "free_space_point"})
QUALITIES = (
    frozenset(QUALITATIVE)
    | frozenset(PICKS)
    | HOURS
    | BOXES
    | frozenset({"nth_closest", "depth_order", "count", "exists", "between", "perspective", "image_third", "facing"})
    | frozenset({"fits_between", "passes_between", "fits_on", "same_size", "same_distance", "refer"})
)
ORDERED_PAIRS = frozenset({"on_top_of", "inside"})
_OPPOSITES = {
    "right_of": "left_of",
    "below": "above",
    "behind": "in_front_of",
    "farther": "nearer",
    "narrower": "wider",
    "shorter": "taller",
    "smaller": "bigger",
}


def is_quality(question_type: str) -> bool:
    """Return whether answers of the type are right or wrong, rather than off by so much."""
    return question_type in QUALITIES


def kind_of(question_type: str) -> str:
    """Return "quality", "quantity", or "box" for `box_3d`, which is right only if nine numbers are."""
    if question_type == "box_3d":
        return "box"
    return "quality" if is_quality(question_type) else "quantity"


def fact_key(question_type: str, subjects: Sequence[str], params: str) -> tuple[str, tuple[str, ...], str]:
    """Return what makes a fact one fact: a type and its inverse, and both orders of a pair, are the same."""
    name = _OPPOSITES.get(question_type, question_type)
    pair = question_type in QUALITATIVE or question_type in QUANTITATIVE
    if pair and question_type not in ORDERED_PAIRS:
        return name, tuple(sorted(subjects)), params
    return name, tuple(subjects), params


def summary_name(question_type: str) -> str:
    """Return the name that a type is reported under: with its inverse."""
    opposite = {a: b for b, a in _OPPOSITES.items()}.get(question_type)
    if opposite is not None:
        return f"{question_type}/{opposite}"
    base = _OPPOSITES.get(question_type)
    return question_type if base is None else f"{base}/{question_type}"
