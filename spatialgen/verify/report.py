"""What verify found, as text, as JSON and as a figure."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spatialgen.verify.goals import POOL_BELOW, POOLED, Goal, all_goals, calibration_rows, types_without_error
from spatialgen.verify.judged import Judged
from spatialgen.verify.run import ConditionReport
from spatialgen.verify.tables import plain_table

WORST = 8


def as_text(reports: Sequence[ConditionReport]) -> str:
    """Return a table for each condition, the worst answers, and the goals at the end."""
    parts = [_condition_text(report) for report in reports]
    return "\n\n".join([*parts, "goals\n" + "\n".join(_goal_line(goal) for goal in all_goals(reports))])


def _condition_text(report: ConditionReport) -> str:
    head = f"{report.name}: {report.lifted} of {report.scenes} scenes lifted, {report.seconds:.1f} s"
    if report.gravity_deg:
        median, most, worst = report.gravity_quantiles()
        head += f"; gravity off by {median:.2f} deg (median), {most:.2f} (95 %), {worst:.2f} (worst)"
    told = [*_pooled_lines(report), *_exact_lines(report), *_worst_lines(report.judged)]
    return "\n".join([head, plain_table(report.summaries()), *told])


def _pooled_lines(report: ConditionReport) -> list[str]:
    """Return how honest sigma is for the quantities with too few answers to tell of each."""
    return [
        f"quantities with fewer than {POOL_BELOW} answers, pooled: of {row.asked} errors "
        f"{100 * row.within_1_sigma:.0f} % within 1 sigma, {100 * row.within_2_sigma:.0f} % within 2, "
        f"{100 * row.within_3_sigma:.0f} % within 3"
        for row in calibration_rows(report)
        if row.type == POOLED
    ]


def _exact_lines(report: ConditionReport) -> list[str]:
    names = types_without_error(report)
    return (
        [f"quantities without any error, so that sigma has none to be compared with: {', '.join(names)}"]
        if names
        else []
    )


def worst_answers(judged: Sequence[Judged]) -> list[Judged]:
    """Return wrong qualities first, then quantities by their relative error, the worst first."""
    wrong = [item for item in judged if item.right is False]
    off = [item for item in judged if item.kind == "quantity" and item.asked and not item.within(0.10)]
    return wrong + sorted(off, key=lambda item: -item.error / max(abs(item.truth or 0.0), 0.1))


def _worst_lines(judged: Sequence[Judged]) -> list[str]:
    worst = worst_answers(judged)
    lines = [
        f"  {item.type} {item.scene_id}:{','.join(item.subjects)}: {item.value} +- {item.sigma:.4f}, "
        f"true {item.truth} {item.note}".rstrip()
        for item in worst[:WORST]
    ]
    return [f"worst of {len(worst)} that are wrong or off by more than 10 %:", *lines] if lines else []


def _goal_line(goal: Goal) -> str:
    mark = {True: "met", False: "MISSED", None: "nothing to tell by"}[goal.met]
    shown = f"{goal.measured:.3f} deg" if goal.limit.endswith("deg") else f"{100 * goal.measured:.2f} %"
    return f"  {goal.condition:14s} {goal.what:52s} {goal.limit:10s} {shown:>10s}  {mark}"


def as_json(reports: Sequence[ConditionReport]) -> dict[str, Any]:
    """Return everything as plain JSON values; what is not a number is null."""
    return {
        "conditions": [
            {
                "name": report.name,
                "scenes": report.scenes,
                "lifted": report.lifted,
                "seconds": round(report.seconds, 3),
                "gravity_deg": [_finite(q) for q in report.gravity_quantiles()],
                "types": [{k: _finite(v) for k, v in asdict(row).items()} for row in report.summaries()],
                "calibration": [{k: _finite(v) for k, v in asdict(row).items()} for row in calibration_rows(report)],
                "without_error": types_without_error(report),
                "worst": [{k: _finite(v) for k, v in asdict(j).items()} for j in worst_answers(report.judged)[:100]],
            }
            for report in reports
        ],
        "goals": [{k: _finite(v) for k, v in asdict(goal).items()} for goal in all_goals(reports)],
    }


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_report(reports: Sequence[ConditionReport], out: Path) -> list[Path]:
    """Write verify.txt, verify.json and, where matplotlib is installed, verify.png into `out`; return their paths."""
    out.mkdir(parents=True, exist_ok=True)
    text, data = out / "verify.txt", out / "verify.json"
    text.write_text(as_text(reports) + "\n")
    data.write_text(json.dumps(as_json(reports), indent=1, sort_keys=True) + "\n")
    try:
        from spatialgen.verify.figure import draw
    except ImportError:
        return [text, data]
    draw(reports, out / "verify.png")
    return [text, data, out / "verify.png"]
