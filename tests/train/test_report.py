"""What a run tells: log.jsonl and TensorBoard always, Weights & Biases where it is installed."""

import json
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from spatialgen.train.report import Reporter, StepReport


def tell(folder: Path, active: bool = True) -> None:
    reporter = Reporter(folder, "stage", active, log_every=2, settings={"lr": 0.1})
    for step in (1, 2, 3, 4):
        reporter.step(StepReport(step, 1.0 / step, 0.1, 1.0, 10, 5, step / 4))
    reporter.close()


def test_every_step_is_in_the_log_and_every_second_on_the_board(tmp_path: Path) -> None:
    tell(tmp_path)
    told = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(row["step"], row["loss"]) for row in told] == [(1, 1.0), (2, 0.5), (3, 1 / 3), (4, 0.25)]
    board = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(e.step, e.value) for e in board.Scalars("train/loss")] == [(2, 0.5), (4, 0.25)]


def test_other_ranks_are_quiet(tmp_path: Path) -> None:
    tell(tmp_path / "none", active=False)
    assert not (tmp_path / "none").exists()


def test_wandb_is_told_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb").teardown()  # it keeps what an earlier run read of the environment
    monkeypatch.setenv("WANDB_MODE", "offline")
    tell(tmp_path)
    (record,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    assert b"tokens_per_s" in record.read_bytes()


def test_without_a_login_wandb_is_left_out_and_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("wandb").teardown()
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    tell(tmp_path)
    assert "not used" in capsys.readouterr().err
    assert (tmp_path / "log.jsonl").read_text().count("\n") == 4
