"""Goals are met or missed by the right numbers."""

import numpy as np

from spatialgen.verify.goals import all_goals, calibration_rows, goals_of, types_without_error
from spatialgen.verify.judged import Judged
from spatialgen.verify.report import as_text
from spatialgen.verify.run import ConditionReport


def widths(count: int, sigma: float, name: str = "width") -> list[Judged]:
    """Answers whose errors are Gaussian with a standard deviation of 1 cm."""
    errors = np.random.default_rng(count).normal(0, 0.01, count)
    return [
        Judged(name, "quantity", "s", (str(k),), 1 + float(e), 1.0, sigma=sigma, askable=True)
        for k, e in enumerate(errors)
    ]


def verdicts(report: ConditionReport) -> dict[str, bool | None]:
    return {goal.what.split(",")[0]: goal.met for goal in goals_of(report)}


def test_an_honest_sigma_passes_and_others_fail() -> None:
    for sigma, first, third in ((0.01, True, True), (0.004, False, False), (0.03, False, True)):
        met = verdicts(ConditionReport("exact", judged=widths(400, sigma)))
        assert (met["errors within 1 sigma"], met["errors within 3 sigma"]) == (first, third)


def test_types_with_few_answers_are_pooled() -> None:
    rows = calibration_rows(ConditionReport("exact", judged=widths(150, 0.01) + widths(20, 0.01, "gap")))
    assert [(row.type, row.asked) for row in rows] == [("width", 150), ("the others", 20)]


def test_the_report_tells_of_what_is_pooled() -> None:
    few, many = widths(20, 0.01, "gap"), widths(150, 0.01)
    inside = 100 * np.mean([item.error <= 0.01 for item in few])
    assert f"of 20 errors {inside:.0f} % within 1 sigma" in as_text([ConditionReport("exact", judged=few + many)])
    assert "pooled" not in as_text([ConditionReport("exact", judged=many)])


def test_readings_handed_on_do_not_count_against_sigma() -> None:
    exact = [Judged("depth_at_point", "quantity", "s", (), 2.0, 2.0, sigma=0.01) for _ in range(300)]
    assert calibration_rows(ConditionReport("exact", judged=exact)) == []
    rounded = [Judged("height", "quantity", "s", (), 2.0, 2.0, sigma=1e-8) for _ in range(300)]
    rows = calibration_rows(ConditionReport("exact", judged=rounded + widths(150, 0.01, "height")))
    assert [(row.type, row.asked) for row in rows] == [("height", 150)]


def test_a_pool_of_a_few_answers_is_shown_and_not_judged() -> None:
    report = ConditionReport("exact", judged=widths(150, 0.01) + widths(20, 0.0001, "gap"))
    assert verdicts(report)["errors within 1 sigma"] is True
    assert verdicts(ConditionReport("exact", judged=widths(120, 0.0001, "gap")))["errors within 1 sigma"] is False


def test_right_answers_and_coverage() -> None:
    good = [Judged("above", "quality", "s", (str(k),), 1.0, 1.0, right=True, askable=True) for k in range(999)]
    bad = Judged("above", "quality", "s", ("x",), 1.0, 0.0, right=False, askable=True)
    left_out = [Judged("above", "quality", "s", (f"l{k}",), None, None, askable=True) for k in range(200)]
    assert verdicts(ConditionReport("exact", judged=[*good, bad]))["qualities right"] is True
    assert verdicts(ConditionReport("exact", judged=[*good, bad, bad, bad]))["qualities right"] is False
    assert verdicts(ConditionReport("noise_3", judged=[*good, bad, bad, bad]))["qualities right"] is True
    asked = "qualities asked of the clear ones"
    assert verdicts(ConditionReport("exact", judged=good + left_out[:100]))[asked] is True
    assert verdicts(ConditionReport("exact", judged=good + left_out))[asked] is False


def test_gravity_is_judged_where_it_had_to_be_found() -> None:
    found = ConditionReport("exact_no_up", gravity_deg=[0.1] * 95 + [5.0] * 5)
    assert [goal.met for goal in goals_of(found)] == [True, True]
    assert all_goals([ConditionReport("exact", gravity_deg=[9.0])]) == []
    lost = ConditionReport("exact_no_up", gravity_deg=[0.1] * 80 + [5.0] * 20)
    assert [goal.met for goal in goals_of(lost)] == [True, False]


def test_quantities_without_any_error_are_named_and_no_others() -> None:
    exact = [Judged("nearest_depth", "quantity", "s", (str(k),), 2.0, 2.0, sigma=0.01) for k in range(300)]
    nearly = [Judged("relative_depth", "quantity", "s", (str(k),), 0.5, 0.5, "ratio", 0.01) for k in range(299)]
    nearly.append(Judged("relative_depth", "quantity", "s", ("x",), 0.501, 0.5, "ratio", 0.01))
    report = ConditionReport("exact", judged=exact + nearly + widths(20, 0.01))
    assert types_without_error(report) == ["nearest_depth"]
    assert "compared with: nearest_depth\n" in as_text([report])
