"""`conversation`: one conversation of several turns an image, none of which gives another away.

Turns are questions of the set, in their own words. Each type belongs to one or more topics, and two turns that share a
topic have no object in common: neither a fact told in other words nor a chain of facts (A left of B, B left of C) can
lead from one to another. The topics widen those by which questions are checked against what a name tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from spatialgen.export.forms.base import Form, Record, conversation, shuffled
from spatialgen.export.pages import Page, Row
from spatialgen.qa.family import Kind, family_of_type
from spatialgen.qa.select import GIVEN_AWAY

FEWEST, MOST = 2, 8

LEFT_OUT = frozenset({"exists", "count", "refer", "depth_at_point"})
"""What the words of other turns tell: a name says that the thing is there, and that there is one of it."""

_PLACE = frozenset({"distance", "horizontal_distance", "clock_direction", "bearing"})
_PLACE |= {"perspective", "between", "box_3d"}
_MORE = {
    "side": _PLACE | {"bearing_from_camera", "clock_from_camera", "box_2d"},
    "depth": _PLACE
    | {"farthest_from_camera", "nth_closest", "depth_order", "same_distance", "distance_to_camera", "nearest_depth"}
    | {"relative_depth", "elevation_angle"},
    "support": _PLACE
    | {"higher_top", "highest", "height_above_floor", "top_height", "vertical_distance", "elevation_angle", "inside"}
    | {"aligned_vertically", "aligned_horizontally", "next_to", "far_from", "closest_to_object", "box_2d", "fits_on"}
    | {"farthest_from_object", "nearest_neighbour", "fits_between", "passes_between"},
    "size": frozenset({"wider", "narrower", "taller", "shorter", "bigger", "smaller", "longer", "same_size", "box_3d"})
    | {"width", "length", "height", "longest_side", "volume", "height_ratio", "width_ratio", "volume_ratio", "widest"}
    | {"tallest", "biggest", "higher_top", "highest", "top_height", "image_coverage", "box_2d", "fits_on"}
    | {"fits_between", "next_to", "far_from"},
    "facing": frozenset({"facing", "perspective"}),
    "floor": frozenset({"free_space_point"}),
}
TOPICS = {topic: GIVEN_AWAY.get(topic, frozenset()) | more for topic, more in _MORE.items()}


def _records(page: Page) -> Iterator[Record]:
    rows = independent(page, filter(_may_stand, page.rows))
    if len(rows) >= FEWEST:
        turns = [(row["question"], row["answer"]) for row in rows]
        yield conversation(page, "conversation", turns, qa_ids=[row["qa_id"] for row in rows])


def topics_of(type_: str) -> list[str]:
    """Return the topics of a question type."""
    return [topic for topic, types in TOPICS.items() if type_ in types]


def independent(page: Page, rows: Iterable[Row]) -> list[Row]:
    """Return rows of which none gives another away: types in turn, in an order drawn from the image's key."""
    reveals = {t.object_id: r for t, r in zip(page.scene.objects, page.naming.reveals, strict=True)}
    used: dict[str, set[str]] = {topic: set() for topic in TOPICS}
    types: set[str] = set()
    chosen: list[Row] = []
    for row in _by_turns(rows, page.key("conversation")):
        type_, subjects = row["question_type"], set(row["subjects"])
        topics = topics_of(type_)
        told = any(reveals[s] in topics for s in subjects)
        if told or (not subjects and type_ in types) or any(used[topic] & subjects for topic in topics):
            continue
        for topic in topics:
            used[topic] |= subjects
        types.add(type_)
        chosen.append(row)
    return chosen[:MOST]


def _may_stand(row: Row) -> bool:
    """Options that are statements tell about other things than what is asked."""
    kind = family_of_type()[row["question_type"]].kind
    states = row["form"] == "multiple_choice" and kind in (Kind.RELATION, Kind.PREDICATE)
    return row["status"] == "decided" and row["question_type"] not in LEFT_OUT and not states


def _by_turns(rows: Iterable[Row], key: int) -> list[Row]:
    count: dict[str, int] = {}
    ranked = []
    for row in shuffled(rows, key, lambda row: str(row["qa_id"])):
        count[row["question_type"]] = count.get(row["question_type"], -1) + 1
        ranked.append((count[row["question_type"]], row))
    return [row for _, row in sorted(ranked, key=lambda pair: pair[0])]


FORM = Form(_records)
