"""What an answer to one of our questions says, in a form that two answers can be compared in.

The reference answer and the model's go through the same parser; a reference that it cannot read makes the row
unscored (and counted), never right or wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spatialgen.evaluate import metrics
from spatialgen.evaluate.numbers import plain
from spatialgen.evaluate.parser import (
    parse_box,
    parse_choice,
    parse_hour,
    parse_order,
    parse_quantity,
    parse_side,
    parse_yes_no,
)

_QUANTITIES = ("m", "m3", "deg", "ratio", "count")
# Relations of two, by what their answers say: words for A standing in it, words for B doing so.
_RELATIONS = {
    ("left_of", "right_of"): (r"left", r"right"),
    ("above", "below"): (r"above|higher|over", r"below|lower|under|beneath"),
    ("higher_top",): (r"higher|above|over", r"lower|below|under"),
    ("in_front_of", "behind"): (
        r"in front|front|closer|nearer|nearest|closest",
        r"behind|back|farther|further|farthest|furthest",
    ),
    ("nearer", "farther"): (r"closer|nearer|nearest|closest|shorter", r"farther|further|farthest|furthest|longer"),
    ("wider", "narrower"): (r"wider|broader|more", r"narrower|less"),
    ("taller", "shorter"): (r"taller|higher|more", r"shorter|lower|less"),
    ("bigger", "smaller"): (r"bigger|larger|more", r"smaller|less"),
    ("longer",): (r"longer|larger|more", r"shorter|smaller|less"),
}
_STATED = {"on_top_of", "next_to", "far_from", "touching", "aligned_vertically", "aligned_horizontally", "inside"}
_STATED |= {"between", "fits_between", "passes_between", "fits_on", "same_size", "same_distance"}
_DENIED = re.compile(
    r"\b(?:not|no|nowhere|neither|cannot|never|without|elsewhere|misses|apart|away|outside|unequal|different|differ|"
    r"open space|gap|stick out|sticks out|far from|clearly|too|unlike|beside the point)\b|n't\b"
)
_REFERRED = ("closest_to_object", "farthest_from_object", "nearest_neighbour")
_OPTION = re.compile(r"(?:^|\n)\s*\(?([A-H])[).:]\s*(.+?)\s*(?=\n|$)")


@dataclass(frozen=True, slots=True)
class Row:
    """One question with what its answer is judged by. `names` are the words for `subjects`, or empty."""

    qa_id: str
    image_id: str
    question: str
    answer: str
    question_type: str
    form: str
    status: str
    unit: str
    value: float | None
    values: tuple[float, ...] | None
    names: tuple[str, ...]

    @classmethod
    def of(cls, row: Mapping[str, Any], names: Sequence[str]) -> Row:
        """Return the row of a questions table."""
        values = row["answer_values"]
        return cls(
            row["qa_id"],
            row["image_id"],
            row["question"],
            row["answer"],
            row["question_type"],
            row["form"],
            row["status"],
            row["answer_unit"],
            row["answer_value"],
            None if values is None or None in values else tuple(values),
            tuple(names),
        )


@dataclass(frozen=True, slots=True)
class Score:
    """One judged answer. `correct` is None where the reference itself could not be read.

    `truth` is the size that was asked for, SI, of measured quantities (metres, cubic metres, degrees, ratios; not
    counts) asked openly, else None; `stated` is the size that the answer gives, None where it could not be read. An
    answer that does not name the side which the reference names states less than nothing, -p: no metric takes that
    for near, and it errs by p + g.
    """

    question_type: str
    form: str
    image_id: str
    kind: str
    parsed: bool
    correct: bool | None
    stated: float | None = None
    truth: float | None = None


Said = bool | int | float | str | tuple[float, ...] | tuple[int, ...] | None


def kind_of(row: Row) -> str:
    """Return how a row is judged: by yes or no, option, name, relation, statement, quantity, hour, box, order, ..."""
    if row.form in ("yes_no", "true_false"):
        return "yes_no"
    if row.form == "multiple_choice":
        return "option"
    if row.status != "decided":
        return "text"
    special = {"image_third": "third", "perspective": "perspective", "exists": "exists", "depth_order": "order"}
    special["relative_depth"] = "share"
    if row.question_type in special:
        return special[row.question_type]
    if row.unit in ("px1000", "hour"):
        return "box" if row.unit == "px1000" else "hour"
    if row.unit in _QUANTITIES and row.value is not None:
        return "quantity"
    return _kind_of_names(row)


def _kind_of_names(row: Row) -> str:
    apart = len(set(row.names)) == len(row.names) >= 2
    if _words_of(row.question_type) is not None:
        return "relation" if apart else "text"
    if row.question_type in _STATED:
        return "stated"
    return "name" if apart and row.unit == "index" else "text"


def _words_of(question_type: str) -> tuple[str, str] | None:
    return next((words for types, words in _RELATIONS.items() if question_type in types), None)


def said(row: Row, text: str) -> Said:
    """Return what `text` says as an answer to `row`, or None if that cannot be told."""
    kind = kind_of(row)
    if kind == "yes_no":
        return parse_yes_no(text)
    if kind == "option":
        return parse_choice(text, [option for _, option in _OPTION.findall(row.question)])
    if kind == "name":
        names = row.names[1:] if row.question_type in _REFERRED else row.names
        return parse_choice(text, names)
    if kind in ("quantity", "share"):
        return parse_quantity(text, "none" if kind == "share" else row.unit)
    if kind == "hour":
        return parse_hour(text)
    if kind == "box":
        return parse_box(text, len(row.values or (0, 0, 0, 0)))
    if kind == "order":
        return parse_order(text, row.names)
    return _words(row, kind, text)


def _words(row: Row, kind: str, text: str) -> Said:
    lowered = plain(text)
    if not lowered.strip():
        return None
    if kind == "third":
        named = re.search(r"\b(left|middle|centre|center|right)(?:-hand)?\s+(?:third|part|one|section)\b", lowered)
        bare = re.sub(r"(?:left|right)[- ]?most|middle of|from left to right", " ", lowered)
        return parse_choice(named[1] if named else bare, ["left", "middle", "right"])
    if kind == "perspective":
        back, left = re.search(r"\bbehind|\bback", lowered), re.search(r"\bleft\b", lowered)
        ahead, right = re.search(r"\bahead|\bfront", lowered), re.search(r"\bright\b", lowered)
        clear = (back is None) != (ahead is None) and (left is None) != (right is None)
        return 2 * (back is not None) + (right is not None) if clear else None
    if kind == "exists":
        return re.search(r"\b(?:no|not|none|nothing|without|absent|missing)\b|n't\b", lowered) is None
    if kind == "stated":
        return _DENIED.search(lowered) is None
    if kind == "relation":
        return _relation(row, lowered)
    return " ".join(re.findall(r"\w+", lowered)) or None


def _relation(row: Row, text: str) -> Said:
    """Return +-1: whether the first subject stands on the side of the relation's first words, or the second does."""
    words = _words_of(row.question_type)
    assert words is not None
    bare, order = _named(_ASIDE.sub("", text), row.names)
    if not order:
        return None
    first = 1 if order[0] == 0 else -1
    sign = _polarity(bare, words)
    if sign is not None:
        return sign * first
    if len(order) == 2:  # "the shelf lies on the right and the table on the left": each name with its own word
        halves = bare.split(_MARK)[1:]
        signs = [_polarity(half, words) for half in halves[:2]]
        return signs[0] * first if None not in signs and signs[0] == -(signs[1] or 0) and signs[0] else None
    asked = _polarity(_named(plain(row.question), row.names)[0], words)
    return None if asked is None else asked * first


_MARK = "\x00"
_ASIDE = re.compile(r"^\W*(?:set against|next to|compared (?:with|to)|measured against|relative to|beside)\b[^,]*,")


def _named(text: str, names: Sequence[str]) -> tuple[str, list[int]]:
    """Return `text` with the names replaced by a mark, and the names' indices in order of first mention."""
    found: dict[int, int] = {}
    for index in sorted(range(len(names)), key=lambda i: -len(names[i])):
        name = plain(names[index])
        if name in text:
            found[index] = text.index(name)
            text = text.replace(name, _MARK + "\x01" * (len(name) - 1))
    return text.replace("\x01", ""), sorted(found, key=found.__getitem__)


def _polarity(text: str, words: tuple[str, str]) -> int | None:
    one, other = (re.search(rf"\b(?:{w})\b", text) for w in words)
    if (one is None) == (other is None):
        return None
    return 1 if one is not None else -1


def _fact(row: Row) -> Said:
    """Return what the reference must say by the row's fact, where that is known; None where it is not."""
    kind = kind_of(row)
    if row.value is None:
        return None
    if kind == "relation":
        types = next(t for t in _RELATIONS if row.question_type in t)
        return (1 if row.value > 0.5 else -1) * (1 if row.question_type == types[0] else -1)
    if kind in ("stated", "exists"):
        return row.value > 0.5
    if kind in ("third", "perspective"):
        return int(row.value)
    return None


def judge(row: Row, text: str) -> Score:
    """Return the score of `text` as an answer to `row`."""
    kind, reference, given = kind_of(row), said(row, row.answer), said(row, text)

    def score(correct: bool | None) -> Score:
        return Score(row.question_type, row.form, row.image_id, kind, given is not None, correct)

    fact = _fact(row)
    if reference is None or (fact is not None and reference != fact):
        return score(None)
    if kind == "share":
        assert isinstance(reference, float)
        return score(near_share(row, given if isinstance(given, float) else None, reference))
    if kind == "quantity":
        assert isinstance(reference, float)
        stated = given if isinstance(given, float) else None
        return judge_quantity(row, stated, reference, _names_the_side(row, text))
    if kind == "hour" and row.form == "open":
        assert isinstance(reference, float)
        return score(metrics.direction_success(given if isinstance(given, float) else None, reference))
    if kind == "box" and row.form == "open" and isinstance(reference, tuple) and len(reference) == 4:
        return score(metrics.box_iou(given if isinstance(given, tuple) else None, reference) >= 0.5)
    return score(given == reference)


def judge_quantity(row: Row, stated: float | None, reference: float, same_side: bool = True) -> Score:
    """Return the score of a size (None: could not be read) as an answer to a row whose own answer says `reference`.

    A number is right within 25 % (of a choice: the one that was offered), on the side that the reference names.
    """
    kind, parsed = kind_of(row), stated is not None
    if row.unit == "count":
        return Score(row.question_type, row.form, row.image_id, kind, parsed, stated == reference)
    truth = quantity_truth(row, reference)
    if stated is not None:
        stated = abs(stated) if same_side else -abs(stated)
    right = same_side and metrics.within(stated, truth, tolerance(row))
    measured = (stated, truth) if row.form == "open" else (None, None)
    return Score(row.question_type, row.form, row.image_id, kind, parsed, right, *measured)


def _names_the_side(row: Row, text: str) -> bool:
    """True where `text` names the side that the row's own answer names, or there is none to name."""
    side = parse_side(row.answer)
    return side is None or row.unit not in ("m", "deg") or row.value == 0 or parse_side(text) == side


def tolerance(row: Row) -> float:
    """Return how far, relatively, a right quantity may be off: of a choice the number must be the one offered."""
    return 0.25 if row.form == "open" else 0.02


def near_share(row: Row, given: float | None, reference: float) -> bool:
    """True where a share of the depth range is right: within a tenth of the range, of a choice the one offered."""
    return given is not None and abs(given - reference) <= (0.1 if row.form == "open" else 0.005) + 1e-9


def quantity_truth(row: Row, reference: float) -> float:
    """Return the size that an answer is compared with: the fact, or of a choice what was offered."""
    return abs(row.value) if row.value is not None and row.form == "open" else abs(reference)
