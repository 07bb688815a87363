"""Verify end to end: the pipeline on a few scenes, its report, and floors under its accuracy."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from spatialgen.cli import app
from spatialgen.config.loader import load_config
from spatialgen.errors import ConfigError, SourceError
from spatialgen.testing.manifest import write_manifest
from spatialgen.testing.scenes import sample_scene
from spatialgen.verify.conditions import CONDITIONS
from spatialgen.verify.goals import all_goals
from spatialgen.verify.judged import Summary
from spatialgen.verify.pipeline import build_config
from spatialgen.verify.report import as_json, as_text, write_report
from spatialgen.verify.run import ConditionReport, VerifyOptions, run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reports() -> dict[str, ConditionReport]:
    conditions = ("exact", "exact_no_up", "noise_1")
    return {report.name: report for report in run(VerifyOptions(scenes=10, conditions=conditions, worded=False))}


def pooled(report: ConditionReport) -> dict[str, Summary]:
    return {row.type: row for row in report.summaries()}


def test_exact_input_gives_right_answers(reports: dict[str, ConditionReport]) -> None:
    rows = pooled(reports["exact"])
    assert rows["all quality"].right >= 0.99
    assert rows["all quality"].coverage >= 0.55
    assert rows["all quantity"].within_10 >= 0.98
    assert rows["all quantity"].within_25 >= 0.985
    assert rows["all quantity"].coverage >= 0.55


def test_gravity_is_found_without_up(reports: dict[str, ConditionReport]) -> None:
    report = reports["exact_no_up"]
    assert len(report.gravity_deg) >= 8
    assert report.gravity_quantiles()[1] <= 2.0
    assert pooled(report)["all quality"].right >= 0.99


def test_noise_costs_coverage_and_not_truth(reports: dict[str, ConditionReport]) -> None:
    exact, noisy = pooled(reports["exact"]), pooled(reports["noise_1"])
    assert noisy["all quality"].right >= 0.98
    assert noisy["all quantity"].within_10 >= 0.95
    assert 0.2 <= noisy["all quantity"].coverage < exact["all quantity"].coverage


def test_the_report_holds_tables_goals_and_a_figure(reports: dict[str, ConditionReport], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    paths = write_report(list(reports.values()), tmp_path)
    assert [path.name for path in paths] == ["verify.txt", "verify.json", "verify.png"]
    data = json.loads((tmp_path / "verify.json").read_text())
    assert [c["name"] for c in data["conditions"]] == ["exact", "exact_no_up", "noise_1"]
    assert data == json.loads(json.dumps(as_json(list(reports.values())), allow_nan=False))
    text = as_text(list(reports.values()))
    assert "left_of/right_of" in text
    assert "qualities right" in text
    assert {goal.condition for goal in all_goals(list(reports.values()))} == set(reports)
    assert (tmp_path / "verify.png").stat().st_size > 10_000


def test_a_folder_with_truth_is_judged_as_it_is(tmp_path: Path) -> None:
    write_manifest(tmp_path, [sample_scene(2, size_wh=(320, 240))])
    (report,) = run(VerifyOptions(frames=tmp_path, worded=False))
    assert (report.name, report.scenes, report.lifted) == ("as given", 1, 1)
    assert pooled(report)["all quality"].asked > 10


def test_a_thing_without_truth_and_depth_of_half_the_size_cost_nothing_else(tmp_path: Path) -> None:
    write_manifest(tmp_path, [sample_scene(2, size_wh=(320, 240))])
    place = tmp_path / "truth.jsonl"
    truth = json.loads(place.read_text())
    truth["objects"], (left_out, *_) = truth["objects"][1:], truth["objects"]
    place.write_text(json.dumps(truth))
    depth = tmp_path / json.loads((tmp_path / "frames.jsonl").read_text())["depth"]
    np.save(depth, np.load(depth)[::2, ::2])
    (report,) = run(VerifyOptions(frames=tmp_path, worded=False))
    assert pooled(report)["all quality"].asked > 10
    assert not any(str(left_out["id"]) in item.subjects for item in report.judged)


def test_questions_in_words_say_no_less_than_the_facts() -> None:
    options = VerifyOptions(scenes=2, first=40, size_wh=(320, 240), conditions=("exact",))
    (worded,), (facts,) = run(options), run(replace(options, worded=False))
    in_words, told = (
        {(item.type, item.scene_id, frozenset(item.subjects)) for item in report.judged if item.asked}
        for report in (worded, facts)
    )
    assert len(told) > 100
    assert told <= in_words


def test_the_command_line_prints_goals_and_writes_the_report(tmp_path: Path) -> None:
    write_manifest(tmp_path / "frames", [sample_scene(41, size_wh=(320, 240))])
    options = ["--facts", "--frames", str(tmp_path / "frames"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, ["verify", *options])
    assert result.exit_code == 0, result.output
    assert "qualities right" in result.output
    assert (tmp_path / "out" / "verify.json").is_file()
    unknown = CliRunner().invoke(app, ["verify", "--kinds", "cave"])
    assert unknown.exit_code == 2


def test_folders_without_truth_and_unknown_conditions_are_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"frames\.jsonl"):
        run(VerifyOptions(frames=tmp_path))
    with pytest.raises(ConfigError, match="masks_small"):
        run(VerifyOptions(conditions=("foggy",)))
    with pytest.raises(ConfigError, match="at least 1"):
        run(VerifyOptions(scenes=0))


def test_the_built_in_settings_are_those_of_the_repository(tmp_path: Path) -> None:
    own = build_config(tmp_path, tmp_path / "out")
    file = load_config(Path(__file__).parents[2] / "configs" / "rgbd.yaml")
    for role in ("detector", "depth", "segmenter", "captioner", "camera", "gravity"):
        assert getattr(own.perceive, role).backend == getattr(file.perceive, role).backend
    assert own.perceive.lift == file.perceive.lift
    assert own.ask == file.ask


def test_conditions_say_what_they_do() -> None:
    assert not CONDITIONS["exact_no_up"].give_up
    assert CONDITIONS["noise_3"].smooth_noise == 0.03
    assert (CONDITIONS["masks_small"].mask_px, CONDITIONS["masks_large"].mask_px) == (-2, 2)


def test_other_furniture_is_judged_too_and_unknown_furniture_named() -> None:
    (report,) = run(VerifyOptions(scenes=2, shapes="other", conditions=("exact",), worded=False))
    assert report.lifted == 2
    assert all(item.scene_id.startswith("room-other-") for item in report.judged)
    refused = CliRunner().invoke(app, ["verify", "--shapes", "odd"])
    assert refused.exit_code != 0
    assert "known are usual, other" in refused.output
