"""The goals, and whether they are met: for exact input, and for input as sensors spoil it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from spatialgen.verify.judged import Summary, by_type, summarise
from spatialgen.verify.run import ConditionReport

_EXACT = frozenset({"exact", "exact_no_up"})
POOL_BELOW = 100
POOLED = "the others"
_NO_ERROR = 1e-6


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal under one condition. `met` is None where there is nothing to tell by."""

    condition: str
    what: str
    limit: str
    measured: float
    met: bool | None


def goals_of(report: ConditionReport) -> list[Goal]:
    """Return the goals of one condition beside what was measured."""
    summaries = report.summaries()
    pooled = {row.type: row for row in summaries}
    exact = report.name in _EXACT
    goals = []
    if "all quality" in pooled:
        row = pooled["all quality"]
        goals.append(_at_least(report, "qualities right", row.right, 0.998 if exact else 0.99))
        if exact:
            goals.append(_at_least(report, "qualities asked of the clear ones", row.coverage, 0.85))
    if "all quantity" in pooled:
        row = pooled["all quantity"]
        goals.append(_at_least(report, "quantities within 10 % or 1 cm", row.within_10, 0.99 if exact else 0.95))
        goals.append(_at_least(report, "quantities within 25 %", row.within_25, 0.999 if exact else 0.995))
        if exact:
            goals.append(_at_least(report, "quantities asked of the possible ones", row.coverage, 0.80))
    return goals + _calibration(report) + _gravity(report)


def _at_least(report: ConditionReport, what: str, measured: float, limit: float) -> Goal:
    met = None if math.isnan(measured) else measured >= limit
    return Goal(report.name, what, f">= {100 * limit:.4g} %", measured, met)


def _calibration(report: ConditionReport) -> list[Goal]:
    """Errors within 1 and 3 sigma of each quantity with enough answers, the others pooled; the worst one counts.

    Where even the pool is small it says nothing.
    """
    rows = [row for row in calibration_rows(report) if row.asked >= POOL_BELOW]
    if not rows:
        return []
    off = max(rows, key=lambda row: max(row.within_1_sigma - 0.80, 0.60 - row.within_1_sigma))
    inside = 0.60 <= off.within_1_sigma <= 0.80
    least = min(rows, key=lambda row: row.within_3_sigma)
    return [
        Goal(report.name, f"errors within 1 sigma, worst: {off.type}", "60-80 %", off.within_1_sigma, inside),
        _at_least(report, f"errors within 3 sigma, worst: {least.type}", least.within_3_sigma, 0.95),
    ]


def calibration_rows(report: ConditionReport) -> list[Summary]:
    """Return a summary of each quantity with 100 answers or more, and one of all the others together.

    Readings handed on as they are (`depth_at_point` of an exact sensor) have no error to compare sigma with, and where
    sigma is that of rounding (the height of what stands on the floor) there is none but that.
    """
    exact = set(types_without_error(report))
    quantities = [
        item
        for item in report.judged
        if item.kind == "quantity" and item.type not in exact and item.asked and item.sigma > _NO_ERROR
    ]
    rows = by_type(quantities)[:-1]
    large = [row for row in rows if row.asked >= POOL_BELOW]
    names = {row.type for row in large}
    rest = [item for item in quantities if item.type not in names and item.asked]
    return [*large, summarise(POOLED, "quantity", rest)] if rest else large


def types_without_error(report: ConditionReport) -> list[str]:
    """Return the quantities of which every answer equals its truth, to rounding: nothing to compare sigma with."""
    quantities = [item for item in report.judged if item.kind == "quantity"]
    return sorted(row.type for row in by_type(quantities)[:-1] if row.asked and row.max_error <= _NO_ERROR)


def _gravity(report: ConditionReport) -> list[Goal]:
    if not report.gravity_deg or not report.name.endswith("no_up"):
        return []
    median, most, _ = report.gravity_quantiles()
    return [
        Goal(report.name, "error of gravity, median", "<= 0.5 deg", median, median <= 0.5),
        Goal(report.name, "error of gravity, 95 %", "<= 2 deg", most, most <= 2.0),
    ]


def all_goals(reports: Sequence[ConditionReport]) -> list[Goal]:
    """Return the goals of all conditions."""
    return [goal for report in reports for goal in goals_of(report)]
