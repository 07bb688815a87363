"""One call for the true answer of any question type: the oracle that QA rows are judged by.

truth_value(scene, "left_of", ["3", "1"]).value       # 1.0, 0.0, or None where silence is due
truth_value(scene, "nth_closest", ["1", "2", "4"], {"rank": 2}).value
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spatialgen.testing.truth import groups, room, seen
from spatialgen.testing.truth.answer import Answer, silent
from spatialgen.testing.truth.pairs import QUALITATIVE, QUANTITATIVE, pair_answer
from spatialgen.testing.truth.scene import TrueObject, TrueScene
from spatialgen.testing.truth.single import VISIBLE, WHOLE, depth_at_point, single_answer

_PARAMETERS: Mapping[str, Any] = {}


def truth_value(
    scene: TrueScene, question_type: str, subjects: Sequence[str], params: Mapping[str, Any] = _PARAMETERS
) -> Answer:
    """Return the true answer of a question about `subjects` (object ids as text, in the order of the definition).

    `params`: the row's parameters: "rank", "label", "from", "point_px", "width_m". Raises KeyError on an unknown id and
    ValueError on an unknown type.
    """
    things = [scene.by_id(object_id) for object_id in subjects]
    if question_type in QUALITATIVE or question_type in QUANTITATIVE:
        return pair_answer(scene, question_type, things[0], things[1])
    if question_type in WHOLE or question_type in VISIBLE:
        return single_answer(scene, question_type, things[0])
    if question_type in groups.PICKS:
        if question_type in groups.NEED_FORWARD and not scene.forward_defined:
            return silent("the camera looks straight up or down, so forward is undefined")
        return groups.PICKS[question_type](scene, things)
    return _other(scene, question_type, things, params)


def _other(scene: TrueScene, question_type: str, things: list[TrueObject], params: Mapping[str, Any]) -> Answer:
    match question_type:
        case "depth_at_point":
            return depth_at_point(scene, params)
        case "nth_closest":
            return groups.nth_closest(scene, things, int(params["rank"]))
        case "depth_order":
            return groups.depth_order(scene, things)
        case "count":
            return seen.count(scene, str(params["label"]))
        case "exists":
            return seen.exists(scene, str(params["label"]))
        case "between":
            return groups.between(things[0], things[1], things[2])
        case "perspective":
            return groups.perspective(things[0], things[1], things[2])
        case "same_size":
            return groups.same_size(things[0], things[1])
        case "same_distance":
            return groups.same_distance(scene, things[0], things[1])
        case "fits_between":
            return room.fits_between(scene, things[0], things[1], things[2])
        case "passes_between":
            return room.passes_between(scene, things[0], things[1], float(params["width_m"]))
        case "fits_on":
            return room.fits_on(things[0], things[1])
        case "refer":
            return seen.referred(scene, str(params["label"]), str(params["from"]), int(params["rank"]))
    raise ValueError(f"no truth for question type {question_type!r}")
