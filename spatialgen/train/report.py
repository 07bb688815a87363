"""What a run tells: a progress bar or plain lines, log.jsonl, TensorBoard, Weights & Biases where it is installed."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from spatialgen.train.trainable import PartRow


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step: mean loss over the supervised tokens of all ranks, rate, gradient norm, tokens, share done."""

    step: int
    loss: float
    lr: float
    grad_norm: float
    tokens: int
    supervised: int
    progress: float


class Reporter:
    """Tells one stage's steps. Quiet in all ranks but the first."""

    def __init__(self, folder: Path, name: str, active: bool, log_every: int, settings: dict[str, Any]) -> None:
        self._active, self._every, self._name = active, log_every, name
        self._console = Console(file=sys.stderr)
        if not active:
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._log = (folder / "log.jsonl").open("a")
        from torch.utils.tensorboard.writer import SummaryWriter

        self._board = SummaryWriter(str(folder / "tensorboard"))
        self._wandb = self._start_wandb(folder, settings)
        self._bar: Progress | None = None
        if self._console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>5.1f} %"))
            self._bar = Progress(*columns, console=self._console)
            self._task = self._bar.add_task(name, total=1.0)
            self._bar.start()
        self._since, self._tokens, self._began, self._first = time.perf_counter(), 0, time.perf_counter(), None

    _first: float | None

    def what_trains(self, rows: Sequence[PartRow]) -> None:
        """Print the table of what trains."""
        if not self._active:
            return
        shown = Table(title=f"what trains in stage {self._name}")
        for heading in ("part", "parameters", "trained", "learning rate"):
            shown.add_column(heading, justify="left" if heading == "part" else "right")
        for row in rows:
            rate = "frozen" if row.lr is None else f"{row.lr:g}"
            shown.add_row(row.part, f"{row.parameters:,}", f"{row.trained:,}", rate)
        self._console.print(shown)

    def say(self, text: str) -> None:
        """Print a line."""
        if self._active:
            self._console.print(text, highlight=False, markup=False)

    def step(self, report: StepReport) -> None:
        """Tell of one step; every few of them on the screen."""
        if not self._active:
            return
        self._log.write(json.dumps(asdict(report)) + "\n")
        self._log.flush()
        self._tokens += report.tokens
        if self._first is None:
            self._first, self._began = report.progress, time.perf_counter()
        if report.step % self._every:
            return
        rate = self._tokens / max(1e-9, time.perf_counter() - self._since)
        self._since, self._tokens = time.perf_counter(), 0
        line = f"step {report.step}  loss {report.loss:.4f}  {rate:,.0f} tokens/s  {self._left(report.progress)} left"
        for key, value in (*asdict(report).items(), ("tokens_per_s", rate)):
            self._board.add_scalar(f"train/{key}", value, report.step)
        if self._wandb is not None:
            self._wandb.log({**asdict(report), "tokens_per_s": rate}, step=report.step)
        if self._bar is not None:
            self._bar.update(self._task, completed=report.progress, description=line)
        else:
            self.say(f"{self._name}: {100 * report.progress:5.1f} %  {line}")

    def _left(self, progress: float) -> str:
        done = progress - (self._first or 0.0)
        if done <= 0:
            return "?"
        seconds = (time.perf_counter() - self._began) * (1 - progress) / done
        hours, rest = divmod(max(0, int(seconds)), 3600)
        return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"

    def _start_wandb(self, folder: Path, settings: dict[str, Any]) -> Any:
        if importlib.util.find_spec("wandb") is None:
            return None
        wandb: Any = importlib.import_module("wandb")
        try:
            return wandb.init(project="spatialgen", name=self._name, dir=str(folder), config=settings)
        except wandb.Error as error:  # not logged in, no network: no reason not to train
            self.say(f"Weights & Biases is installed, but not used: {error}")
            return None

    def close(self) -> None:
        """Close files and bars."""
        if not self._active:
            return
        if self._bar is not None:
            self._bar.stop()
        self._log.close()
        self._board.close()
        if self._wandb is not None:
            self._wandb.finish()
