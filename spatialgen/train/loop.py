"""The training loop of one stage, from top to bottom."""

from __future__ import annotations

import contextlib
import math
import signal
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from spatialgen.seeding import key_hash
from spatialgen.train.attention import set_attention
from spatialgen.train.checkpoint import Checkpoint, collect, newest, restore, write
from spatialgen.train.config import OptimConfig, RunConfig, StageConfig
from spatialgen.train.data import Item, LanePlace, Mixture, loader, mixture
from spatialgen.train.distributed import Ranks
from spatialgen.train.errors import TrainError
from spatialgen.train.labels import Encoder
from spatialgen.train.model import Assembled
from spatialgen.train.objective import FeatureCache, Objective
from spatialgen.train.pool import PoolSettings
from spatialgen.train.report import Reporter, StepReport
from spatialgen.train.sharding import shard
from spatialgen.train.templates import template
from spatialgen.train.trainable import cast_frozen, check, freeze, parameter_groups, table


@dataclass(slots=True)
class Interrupted(Exception):
    """The run was told to stop (SIGTERM, SIGINT) and left a checkpoint at `step`."""

    step: int


def train_stage(
    made: Assembled,
    stage: StageConfig,
    run: RunConfig,
    seed: int,
    folder: Path,
    ranks: Ranks,
    cache: FeatureCache | None = None,
) -> None:
    """Train `made.model` in place. Goes on from the newest checkpoint under `folder`.

    `cache` holds features of this very tower, perhaps from an earlier stage.

    Raises TrainError (NaN, full disk, unreadable data) naming the last good checkpoint, and Interrupted.
    """
    data = open_data(made, stage, seed)
    freeze(made.model, stage.trains)
    check(made.model, stage.trains)
    rows = table(made.model, stage.trains, stage.optim)
    module = _prepare(made, stage, run, ranks, cache)
    optimizer = torch.optim.AdamW(
        parameter_groups(made.model, stage.trains, stage.optim), betas=stage.optim.betas, fused=True
    )
    reporter = Reporter(folder, stage.name, ranks.first, run.log_every, stage.model_dump(mode="json"))
    reporter.what_trains(rows)
    try:
        _Run(made.model, module, optimizer, data, stage, run, seed, folder / "checkpoints", ranks, reporter).train()
    finally:
        reporter.close()


def open_data(made: Assembled, stage: StageConfig, seed: int) -> Mixture:
    """Return the stage's data, encoded for this model."""
    encoder = Encoder(made.tokenizer, template(stage.template), made.vision.tokens, stage.data.context)
    settings = PoolSettings(
        seed=key_hash(seed, stage.name),
        context=stage.data.context,
        packing=stage.data.packing,
        micro_batch=stage.optim.micro_batch,
        side=made.vision.side,
        background=made.vision.background,
        pad_id=made.tokenizer.pad_token_id,
        pictures=stage.data.pictures,
    )
    return mixture(stage.data, stage.optim.batch // stage.optim.micro_batch, encoder, settings)


def _prepare(
    made: Assembled, stage: StageConfig, run: RunConfig, ranks: Ranks, cache: FeatureCache | None
) -> nn.Module:
    """Place the model on its device, wrapped for what it is to run on."""
    model, tower_trains = made.model, stage.trains.vision_from_layer is not None
    if run.precision == "bf16" and run.parallel != "fsdp":
        cast_frozen(model, torch.bfloat16)
    set_attention(model.model.language_model, run.attention)
    if run.gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    objective = Objective(model, made.vision, tower_trains, cache).train()
    if run.parallel == "fsdp":
        shard(objective, ranks, run.precision)
        return objective
    objective.to(ranks.device)
    if ranks.count == 1:
        return objective
    return DistributedDataParallel(objective, broadcast_buffers=False, gradient_as_bucket_view=True)


@dataclass(slots=True)
class _Run:
    model: Any
    module: nn.Module
    optimizer: torch.optim.Optimizer
    data: Mixture
    stage: StageConfig
    run: RunConfig
    seed: int
    checkpoints: Path
    ranks: Ranks
    reporter: Reporter
    step: int = 0
    bad: int = 0
    stop: bool = False

    def train(self) -> None:
        """Step until the data or the steps are through."""
        places = self._resume()
        with _signals(self):
            steps = loader(
                self.data,
                self.ranks.rank,
                self.ranks.count,
                places,
                self.stage.data.workers,
                self.ranks.device.type == "cuda",
                self.checkpoints.parent / "faults.log",
            )
            progress = self._progress(places)
            while progress < 1:
                items = next(steps)
                try:
                    report = self._one_step(items, progress)
                except torch.OutOfMemoryError as error:
                    raise TrainError(
                        f"step {self.step + 1}: the GPU's memory is used up; set run.gradient_checkpointing: true, or, "
                        f"with another output, lower optim.micro_batch or data.context; {self._kept()}"
                    ) from error
                places.update({item.lane: item.place for item in items})
                self.step += 1
                progress = self._progress(places)
                self.reporter.step(StepReport(self.step, progress=min(1.0, progress), **report))
                stopping = self.ranks.total(float(self.stop))[0] > 0
                if stopping or progress >= 1 or self.step % self.run.save_every == 0:
                    self._save(places)
                if stopping and progress < 1:
                    raise Interrupted(self.step)

    def _progress(self, places: dict[int, LanePlace]) -> float:
        if self.stage.optim.steps is not None:
            return self.step / self.stage.optim.steps if self.stage.optim.steps else 1.0
        return self.ranks.total(self.data.progress(places, self.stage.optim.epochs))[0]

    def _one_step(self, items: list[Item], progress: float) -> dict[str, Any]:
        """Compute one optimiser step over this rank's micro-batches and return what to report."""
        tokens, supervised = (sum(getattr(i.batch, n) for i in items) for n in ("tokens", "supervised"))
        self._note_bad(items)
        all_tokens, all_supervised, all_bad = self.ranks.total(tokens, supervised, self.bad)
        if all_bad > self.stage.data.max_bad:
            raise TrainError(f"{all_bad:.0f} pictures or records cannot be read; data.max_bad allows fewer")
        if all_supervised == 0:
            raise TrainError(f"step {self.step + 1}: no picture of the batch could be read; nothing to learn")
        # Every step draws its own dropout, so that a resumed run needs no generator state.
        torch.manual_seed(key_hash(self.seed, "dropout", self.step, self.ranks.rank) % 2**63)
        loss = torch.zeros((), device=self.ranks.device)
        for k, item in enumerate(items):
            with self._accumulating(last=k == len(items) - 1):
                batch = item.batch.to(self.ranks.device)
                with self._precision():
                    part = self.module(batch)
                # Gradients are averaged over the ranks: undone here, so that their sum is that of the mean loss.
                (part * (self.ranks.count / all_supervised)).backward()
                loss += part.detach()
        mean = self.ranks.total(float(loss))[0] / all_supervised
        length = nn.utils.clip_grad_norm_(self._trained(), self.stage.optim.grad_clip)
        norm = float(length.full_tensor() if isinstance(length, DTensor) else length)
        if not (math.isfinite(mean) and math.isfinite(norm)):
            raise TrainError(f"step {self.step + 1}: the loss is {mean} and the gradient {norm}; {self._last_good()}")
        scale = schedule(self.stage.optim, progress)
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_lr"] * scale
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return {
            "loss": mean,
            "lr": self.stage.optim.lr * scale,
            "grad_norm": norm,
            "tokens": int(all_tokens),
            "supervised": int(all_supervised),
        }

    def _trained(self) -> list[nn.Parameter]:
        return [p for p in self.model.parameters() if p.requires_grad]

    def _note_bad(self, items: list[Item]) -> None:
        for fault in (f for i in items for f in i.batch.bad):
            self.bad += 1
            self.reporter.say(f"skipped: {fault}")

    @contextlib.contextmanager
    def _accumulating(self, last: bool) -> Iterator[None]:
        """Let the ranks exchange gradients only with the last micro-batch."""
        if isinstance(self.module, DistributedDataParallel) and not last:
            with self.module.no_sync():
                yield
            return
        if hasattr(self.module, "set_requires_gradient_sync"):
            self.module.set_requires_gradient_sync(last)  # type: ignore[operator]
        yield

    def _precision(self) -> contextlib.AbstractContextManager[Any]:
        enabled = self.run.precision == "bf16" and self.run.parallel != "fsdp"
        return torch.autocast(self.ranks.device.type, torch.bfloat16, enabled=enabled)

    def _resume(self) -> dict[int, LanePlace]:
        found, faults = newest(self.checkpoints)
        for fault in faults:
            self.reporter.say(f"not used: {fault}")
        lanes = range(self.ranks.rank, self.data.lanes, self.ranks.count)
        if found is None:
            return {lane: self.data.start(lane) for lane in lanes}
        if found.state["lanes"] != self.data.lanes:
            raise TrainError(
                f"{self.checkpoints}: that run had {found.state['lanes']} micro-batches a step, this one has "
                f"{self.data.lanes}; keep optim.batch and optim.micro_batch, or choose another output"
            )
        restore(found, self.model, self.optimizer)
        self.step = found.step
        self.reporter.say(f"going on after step {found.step}")
        saved = {int(k): v for k, v in found.state["places"].items()}
        return {lane: _place(saved[lane]) for lane in lanes}

    def _save(self, places: dict[int, LanePlace]) -> None:
        weights, states = collect(self.model, self.optimizer)
        everyone: dict[int, Any] = {}
        for part in self.ranks.gather({lane: asdict(place) for lane, place in places.items()}):
            everyone.update(part)  # type: ignore[call-overload]
        error: TrainError | None = None
        if self.ranks.first:
            state = {"lanes": self.data.lanes, "places": everyone}
            try:
                write(self.checkpoints, Checkpoint(self.step, weights, states, state), self.run.keep)
            except TrainError as caught:
                error = caught
        if self.ranks.total(float(error is not None))[0]:
            raise error or TrainError("the first rank could not write its checkpoint; see its message")

    def _last_good(self) -> str:
        after = ", or look at the data after it" if any(self.checkpoints.glob("step-*")) else ""
        return f"{self._kept()}; lower optim.lr{after}"

    def _kept(self) -> str:
        found = sorted(p.name for p in self.checkpoints.glob("step-*"))
        return f"the last good checkpoint is {self.checkpoints / found[-1]}" if found else "there is no checkpoint yet"


def schedule(optim: OptimConfig, progress: float) -> float:
    """Return the share of the learning rate at `progress` (0 .. 1): linear warm-up, then cosine to 0, or constant."""
    if progress < optim.warmup:
        return max(progress, 1e-3 * optim.warmup) / optim.warmup
    if optim.schedule == "constant":
        return 1.0
    done = (progress - optim.warmup) / max(1e-9, 1 - optim.warmup)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def _place(saved: dict[str, Any]) -> LanePlace:
    return LanePlace(tuple(saved["pools"]), tuple(saved["batches"]), tuple(saved["tokens"]), saved["done"])


@contextlib.contextmanager
def _signals(run: _Run) -> Iterator[None]:
    """Turn SIGTERM and SIGINT into a stop after the step in hand, with a checkpoint."""

    def ask_to_stop(*_: object) -> None:
        run.stop = True

    before = {}
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            before[number] = signal.signal(number, ask_to_stop)
    except ValueError:  # not in the main thread, as under Ray
        pass
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
