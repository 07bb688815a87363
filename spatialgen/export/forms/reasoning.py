"""`reasoning`: answers worked out in steps: what was measured of each object, the sum, then what follows from it.

The steps are the computation itself. Both measures and their difference (sum, ratio, hypotenuse) must be decided as
quantities are, are printed in one unit as the errors allow, and the printed numbers must add up as they are printed;
where they do not in any unit, there is no such record.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from spatialgen.export.forms.base import Form, Record, conversation, drawn, form_wording, say, shuffled, told_by_name
from spatialgen.export.graph import Edge, scene_graph
from spatialgen.export.pages import Page
from spatialgen.qa.decide import ABSOLUTE_LIMIT_M, quantity_decided
from spatialgen.qa.measures import quantity
from spatialgen.qa.numbers import CENTIMETRE, FOOT, INCH, METRE, TIMES, Unit, digits, with_unit

MOST = 4
ROUNDED_OFF = 0.03
"""The most that a printed number may differ from the measure, relative."""

RATIO = "height_ratio"

Measure = tuple[float, float]  # value and one-sigma error, metres (or a ratio)

RELATIONS = {
    "nearer": "distance_to_camera",
    "taller": "height",
    "wider": "width",
    "longer": "longest_side",
    "higher_top": "top_height",
    "left_of": "x",
    "in_front_of": "y",
    "above": "z",
}
"""What settles each relation."""

_SIZED = {METRE: (1.0, 1e9), CENTIMETRE: (0.0, 3.0), FOOT: (0.6, 1e9), INCH: (0.0, 1.5)}
"""The units, and for which largest length (m) each is used."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Two measures of A and B, and what `combine` makes of them. `group`: its wording. `exact`: sums, not roots."""

    group: str
    type: str
    a: int
    b: int
    parts: tuple[Measure, Measure]
    result: Measure
    combine: Callable[[float, float], float]
    exact: bool = True


def _records(page: Page) -> Iterator[Record]:
    count: dict[str, int] = {}
    ranked = []
    for chain in shuffled(_chains(page), page.key("reasoning"), lambda c: f"{c.type} {c.a} {c.b}"):
        if (turn := _told(page, chain)) is not None:
            count[chain.type] = count.get(chain.type, -1) + 1
            ranked.append((count[chain.type], chain, turn))
    ids = [thing.object_id for thing in page.scene.objects]
    for _, chain, turn in sorted(ranked, key=lambda entry: entry[0])[:MOST]:
        fact = [ids[chain.a], chain.type, ids[chain.b]]
        measures = [value for value, _ in (*chain.parts, chain.result)]
        yield conversation(page, f"reasoning {fact}", [turn], fact=fact, measures=measures)


def _chains(page: Page) -> Iterator[Chain]:
    measured = _measured(page)
    for edge, holds in scene_graph(page).items():
        of = measured.get(RELATIONS.get(edge.type, ""), {})
        if holds and edge.a in of and edge.b in of and not told_by_name(page, edge.type, (edge.a, edge.b)):
            yield _difference(edge, of[edge.a], of[edge.b])
    pairs = {
        name: {tuple(subjects): measure for subjects, measure in _values(page, name)}
        for name in ("distance", "horizontal_distance", "vertical_distance", RATIO)
    }
    for (a, b), whole in pairs["distance"].items():
        flat, rise = (pairs[name].get((a, b)) for name in ("horizontal_distance", "vertical_distance"))
        if flat and rise:
            yield Chain("distance", "distance", a, b, (flat, rise), whole, math.hypot, exact=False)
    heights = measured["height"]
    for (a, b), ratio in pairs[RATIO].items():
        if a in heights and b in heights:
            parts = heights[a], heights[b]
            yield Chain(RATIO, RATIO, a, b, parts, ratio, lambda v, w: v / w, exact=False)


def _measured(page: Page) -> dict[str, dict[int, Measure]]:
    """The decided measures of single objects by name; x, y, z are the place of the centre in the canonical frame."""
    names = [name for name in RELATIONS.values() if len(name) > 1]
    found = {name: {subjects[0]: measure for subjects, measure in _values(page, name)} for name in names}
    a = page.arrays
    index = np.flatnonzero(a.o.solid & a.askable)
    usable = {"x": a.s.forward, "y": a.s.forward, "z": a.s.floor}
    for axis, name in enumerate(usable):
        sigma = np.sqrt(a.o.cov[index, axis, axis])
        facts = quantity(name, a, index, a.o.center[index, axis], sigma, usable[name][a.o.scene[index]])
        rows = zip(facts.subjects[:, 0].tolist(), facts.value.tolist(), facts.sigma.tolist(), strict=True)
        found[name] = {k: (value, error) for k, value, error in rows}
    return found


def _values(page: Page, type_: str) -> Iterator[tuple[list[int], Measure]]:
    for facts in page.facts(type_):
        rows = zip(facts.subjects.tolist(), facts.value.tolist(), facts.sigma.tolist(), strict=True)
        yield from ((subjects, (value, sigma)) for subjects, value, sigma in rows)


def _difference(edge: Edge, a: Measure, b: Measure) -> Chain:
    """A chain whose result is how much the two differ; places left and right of straight ahead count from there."""
    group = edge.type
    if group == "left_of":
        group = "left_both_left" if b[0] < 0 else "left_both_right" if a[0] > 0 else "left_across"
    result = abs(a[0] - b[0]), math.hypot(a[1], b[1])
    parts = (abs(a[0]), a[1]), (abs(b[0]), b[1])
    across = group == "left_across"
    return Chain(group, edge.type, edge.a, edge.b, parts, result, lambda v, w: v + w if across else abs(v - w))


def _told(page: Page, chain: Chain) -> tuple[str, str] | None:
    """Return question and answer, in the first unit in which the printed numbers add up."""
    value, sigma = np.array([chain.result[0]]), np.array([chain.result[1]])
    if not quantity_decided(value, sigma, 0.0 if chain.type == RATIO else ABSOLUTE_LIMIT_M)[0]:
        return None
    key = page.key("reasoning", chain.type, *(page.scene.objects[k].object_id for k in (chain.a, chain.b)))
    style = drawn(key, "style", 3)
    for unit in shuffled(_units(page, chain), key, lambda unit: unit.name):
        printed = _printed(chain, unit)
        numbers = [float(digits(value / u.si, error / u.si, u.finest)) for value, error, u in printed]
        if _adds_up(chain, numbers, unit):
            texts = [with_unit(value, error, u, style) for value, error, u in printed]
            return _words(page, chain, dict(zip("vwt", texts, strict=True)), key)
    return None


def _units(page: Page, chain: Chain) -> list[Unit]:
    largest = max(value for value, _ in chain.parts)
    systems = {"metric": (METRE, CENTIMETRE), "imperial": (FOOT, INCH)}
    allowed = systems.get(page.config.units, tuple(_SIZED))
    return [unit for unit in allowed if _SIZED[unit][0] <= largest < _SIZED[unit][1]]


def _printed(chain: Chain, unit: Unit) -> list[tuple[float, float, Unit]]:
    """Return both measures and the result with the error and the unit to print each by.

    What is added shares one error, so that all of it has the same last digit.
    """
    measures = (*chain.parts, chain.result)
    error = max(sigma for _, sigma in measures) if chain.exact else None
    units = (unit, unit, TIMES if chain.type == RATIO else unit)
    return [(value, error or sigma, u) for (value, sigma), u in zip(measures, units, strict=True)]


def _adds_up(chain: Chain, numbers: Sequence[float], unit: Unit) -> bool:
    """Return whether the printed numbers are close to what was measured, and make the result as they stand."""
    scales = (unit.si, unit.si, 1.0 if chain.type == RATIO else unit.si)
    for number, (value, _), scale in zip(numbers, (*chain.parts, chain.result), scales, strict=True):
        if number == 0 or abs(number * scale - value) > ROUNDED_OFF * value:
            return False
    made, told = chain.combine(*numbers[:2]), numbers[2]
    return abs(made - told) <= (1e-6 if chain.exact else ROUNDED_OFF * told)


def _words(page: Page, chain: Chain, words: dict[str, str], key: int) -> tuple[str, str]:
    names, capitals = page.naming.phrases, page.naming.capitals
    first, second = (chain.a, chain.b) if drawn(key, "mention", 2) else (chain.b, chain.a)
    words |= {"a": names[chain.a], "^a": capitals[chain.a], "b": names[chain.b], "^b": capitals[chain.b]}
    words |= {"x": names[first], "^x": capitals[first], "y": names[second], "^y": capitals[second]}
    own = form_wording("reasoning", chain.group)
    other = "_other" if drawn(key, "other", 2) and own.of("ask_other") else ""
    return say(own, f"ask{other}", key, words), say(own, f"answer{other}", key, words)


FORM = Form(_records)
