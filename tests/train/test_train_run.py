"""Whole runs: killed and resumed, one process and two, full disks, NaN, stages."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from safetensors.torch import load_file
from train_parts import config, losses, save_tower, settings
from train_tiny import write_build
from transformers import AutoModelForImageTextToText

from spatialgen.errors import ConfigError
from spatialgen.train import checkpoint
from spatialgen.train.config import TrainConfig
from spatialgen.train.errors import TrainError
from spatialgen.train.report import Reporter, StepReport
from spatialgen.train.run import train

RESNET = "timm:test_resnet"
RUN = """
import json, sys
from spatialgen.train.config import TrainConfig
from spatialgen.train.run import train
train(TrainConfig.model_validate_json(open(sys.argv[1]).read()))
"""
COMMAND = """
import sys
if __name__ == "__main__":  # loader processes import this file
    from spatialgen.cli import main
    sys.argv[1:1] = ["train", "--config"]
    main()
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_build(tmp_path_factory.mktemp("data") / "build", images=12, questions=6)


@pytest.fixture(scope="module")
def tower(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_tower(tmp_path_factory.mktemp("towers") / "dinov2")


def start(tree: dict[str, Any], folder: Path, ranks: int = 1, text: str = RUN) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.py").write_text(text)
    (folder / "config.json").write_text(json.dumps(tree))
    command = [sys.executable, str(folder / "run.py"), str(folder / "config.json")]
    if ranks > 1:
        launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
        command = [sys.executable, *launch, *command[1:]]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()}
    with (folder / "output.txt").open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)


def finish(process: subprocess.Popen[bytes], folder: Path) -> None:
    assert process.wait(timeout=300) == 0, (folder / "output.txt").read_text()[-3000:]


def weights(model: Path) -> dict[str, torch.Tensor]:
    return load_file(model / "model.safetensors")


@pytest.mark.slow
def test_killed_anywhere_it_goes_on_with_the_same_batches_and_the_same_loss(
    build: Path, tower: str, tmp_path: Path
) -> None:
    changes = {"stage__optim__steps": 60, "run__save_every": 4}
    straight = train(config(build, tower, tmp_path / "straight", **changes))
    tree, out = settings(build, tower, tmp_path / "killed", **changes), tmp_path / "killed"
    log = out / "one" / "log.jsonl"
    process = start(tree, tmp_path / "process")
    deadline = time.monotonic() + 240
    while not (log.exists() and len(log.read_text().splitlines()) > 10) and time.monotonic() < deadline:
        assert process.poll() is None, (tmp_path / "process" / "output.txt").read_text()[-3000:]
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    reached = max(losses(out))
    assert 10 < reached < 60
    resumed = train(config(build, tower, out, **changes))
    assert losses(out) == pytest.approx(losses(tmp_path / "straight"), rel=1e-6)
    for name, tensor in weights(straight).items():
        torch.testing.assert_close(weights(resumed)[name], tensor, msg=name)


@pytest.mark.slow
def test_a_loader_process_that_is_killed_is_told_plainly(build: Path, tower: str, tmp_path: Path) -> None:
    tree = settings(build, tower, tmp_path / "out", stage__optim__steps=10_000)
    tree["stages"][0]["data"]["workers"] = 1
    process = start(tree, tmp_path / "process", text=COMMAND)
    log = tmp_path / "out" / "one" / "log.jsonl"
    while not log.exists() or len(log.read_text().splitlines()) < 5:
        time.sleep(0.1)
        assert process.poll() is None
    for child in psutil.Process(process.pid).children():
        if "spawn_main" in " ".join(child.cmdline()):
            child.kill()
    assert process.wait(timeout=60) == 1
    said = (tmp_path / "process" / "output.txt").read_text()
    assert re.search(r"error: (the loader process \d+|a loader process) ended unexpectedly.*lower data\.workers", said)
    assert "Traceback" not in said


@pytest.mark.slow
@pytest.mark.parametrize(("parallel", "kind"), [("ddp", ""), ("fsdp", ""), ("ddp", RESNET), ("fsdp", RESNET)])
def test_two_processes_have_the_loss_of_one(build: Path, tower: str, tmp_path: Path, parallel: str, kind: str) -> None:
    changes: dict[str, Any] = {"stage__optim__steps": 4, "stage__trains__vision_from_layer": 1}
    if kind:
        changes |= {"model__vision": {"name": kind, "pretrained": False}}
    train(config(build, tower, tmp_path / "one", **changes))
    two = settings(build, tower, tmp_path / "two", run__parallel=parallel, **changes)
    finish(start(two, tmp_path / "process", ranks=2), tmp_path / "process")
    alone, together = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(alone) == 4
    assert together == pytest.approx(alone, abs=1e-4)
    one, other = (weights(tmp_path / n / "one" / "model") for n in ("one", "two"))
    for name, tensor in one.items():
        torch.testing.assert_close(other[name], tensor, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.slow
def test_a_sharded_run_that_is_killed_goes_on_with_the_loss_of_one_process(
    build: Path, tower: str, tmp_path: Path
) -> None:
    changes = {"stage__optim__steps": 40, "run__save_every": 4, "stage__trains__vision_from_layer": 1}
    train(config(build, tower, tmp_path / "one", **changes))
    out = tmp_path / "two"
    tree, log = settings(build, tower, out, run__parallel="fsdp", **changes), out / "one" / "log.jsonl"
    process = start(tree, tmp_path / "first", ranks=2)
    deadline = time.monotonic() + 240
    while not (log.exists() and len(log.read_text().splitlines()) > 10) and time.monotonic() < deadline:
        assert process.poll() is None, (tmp_path / "first" / "output.txt").read_text()[-3000:]
        time.sleep(0.005)
    for rank in psutil.Process(process.pid).children(recursive=True):
        rank.kill()
    process.kill()
    process.wait()
    assert 10 < max(losses(out)) < 40
    finish(start(tree, tmp_path / "second", ranks=2), tmp_path / "second")
    assert "going on after step" in (tmp_path / "second" / "output.txt").read_text()
    assert losses(out) == pytest.approx(losses(tmp_path / "one"), abs=1e-4)


def test_accumulation_does_not_change_the_loss(build: Path, tower: str, tmp_path: Path) -> None:
    """The mean is over the supervised tokens of the whole step, not a mean of means."""
    train(config(build, tower, tmp_path / "a", stage__optim__steps=1))
    report = json.loads((tmp_path / "a" / "one" / "log.jsonl").read_text())
    from spatialgen.train.data import Lane
    from spatialgen.train.loop import open_data
    from spatialgen.train.objective import Objective
    from spatialgen.train.run import build_model

    made_config = config(build, tower, tmp_path / "a", stage__optim__steps=1)
    made = build_model(made_config, made_config.model)
    data = open_data(made, made_config.stages[0], made_config.seed)
    batches = [Lane(data, lane, data.start(lane)).next().batch for lane in range(data.lanes)]
    assert len({b.supervised for b in batches}) > 1 or len(batches) == 2
    with torch.no_grad():
        total = sum(float(Objective(made.model, made.vision, False)(b)) for b in batches)
    assert report["loss"] == pytest.approx(total / sum(b.supervised for b in batches), rel=1e-5)


def test_two_stages_then_adapters_that_keep_the_projector(build: Path, tower: str, tmp_path: Path) -> None:
    tree = settings(build, tower, tmp_path / "out")
    first = tree["stages"][0]
    first["trains"], first["optim"]["steps"] = {"language": "none"}, 3
    second = json.loads(json.dumps(first)) | {"name": "two", "template": "llama_2"}
    second["trains"] = {"language": "lora", "lora": {"rank": 4, "alpha": 8, "dropout": 0.0}}
    tree["stages"].append(second)
    checked = TrainConfig.model_validate_json(json.dumps(tree))
    last = train(checked)
    assert last == tmp_path / "out" / "two" / "model"
    saved = load_file(max((tmp_path / "out" / "two" / "checkpoints").glob("step-*")) / "weights.safetensors")
    assert {n for n in saved if "multi_modal_projector" in n}
    assert {n for n in saved if "lora_" in n}
    assert not {n for n in saved if "multi_modal_projector" not in n and "lora_" not in n}
    one, two = weights(tmp_path / "out" / "one" / "model"), weights(last)
    assert set(one) == set(two)
    projector = next(n for n in one if "projector" in n and n.endswith("1.weight"))
    query = next(n for n in one if n.endswith("layers.0.self_attn.q_proj.weight"))
    torch.testing.assert_close(saved["model.multi_modal_projector.linear_1.weight"], two[projector])
    assert not torch.equal(one[projector], two[projector])
    assert not torch.equal(one[query], two[query])
    AutoModelForImageTextToText.from_pretrained(last)
    stamp = (last / "config.json").stat().st_mtime_ns
    assert train(checked) == last
    assert (last / "config.json").stat().st_mtime_ns == stamp


def test_a_changed_config_is_refused_but_not_a_changed_way_of_running(build: Path, tower: str, tmp_path: Path) -> None:
    train(config(build, tower, tmp_path / "out", stage__optim__steps=1))
    train(config(build, tower, tmp_path / "out", stage__optim__steps=1, run__keep=5))
    with pytest.raises(ConfigError, match="begun with another config"):
        train(config(build, tower, tmp_path / "out", stage__optim__steps=1, seed=7))


def test_nan_stops_and_names_the_last_good_checkpoint(build: Path, tower: str, tmp_path: Path) -> None:
    changes = {"stage__optim__lr": 1e30, "run__save_every": 1, "stage__optim__grad_clip": 1e30}
    with pytest.raises(TrainError, match=r"the loss is .*(last good checkpoint is .*step-0000|no checkpoint yet)"):
        train(config(build, tower, tmp_path / "out", **changes))


def test_a_gpu_without_room_says_what_to_lower(
    build: Path, tower: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr("spatialgen.train.objective.Objective.forward", full)
    with pytest.raises(TrainError, match=r"step 1: .*gradient_checkpointing: true.*there is no checkpoint yet"):
        train(config(build, tower, tmp_path / "out"))


def test_a_full_disk_keeps_the_last_good_checkpoint(
    build: Path, tower: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = checkpoint.save_file, []

    def full(tensors: dict[str, torch.Tensor], path: Path) -> None:
        calls.append(path)
        if len(calls) > 2:
            Path(path).write_bytes(b"half")
            raise OSError(28, "No space left on device")
        real(tensors, path)

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(TrainError, match=r"the disk is full; the last good checkpoint is .*step-00000003"):
        train(config(build, tower, tmp_path / "out"))
    folder = tmp_path / "out" / "one" / "checkpoints"
    assert [p.name for p in folder.iterdir()] == ["step-00000003"]
    monkeypatch.undo()
    train(config(build, tower, tmp_path / "out"))
    assert max(losses(tmp_path / "out")) == 8


def test_a_disk_that_fills_between_checkpoints_is_named_as_well(
    build: Path, tower: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Reporter.step

    def full(self: Reporter, report: StepReport) -> None:
        if report.step > 4:
            raise OSError(28, "No space left on device")
        real(self, report)

    monkeypatch.setattr(Reporter, "step", full)
    with pytest.raises(TrainError, match=r"the disk is full; the last good checkpoint is .*step-00000003"):
        train(config(build, tower, tmp_path / "out"))


def test_features_are_not_kept_where_ranks_compute_the_tower_together(build: Path, tower: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="feature_cache needs"):
        config(build, tower, tmp_path / "out", run__parallel="fsdp", run__feature_cache=10**6)


def test_a_damaged_checkpoint_is_not_used(build: Path, tower: str, tmp_path: Path) -> None:
    train(config(build, tower, tmp_path / "out"))
    folder = tmp_path / "out" / "one" / "checkpoints"
    assert sorted(p.name for p in folder.iterdir()) == ["step-00000006", "step-00000008"]
    damaged = folder / "step-00000008" / "optimizer.safetensors"
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    found, faults = checkpoint.newest(folder)
    assert found is not None
    assert found.step == 6
    assert "optimizer.safetensors is damaged" in faults[0]


@pytest.mark.slow
def test_sigterm_leaves_a_checkpoint_at_once(build: Path, tower: str, tmp_path: Path) -> None:
    tree = settings(build, tower, tmp_path / "out", stage__optim__steps=5000, run__save_every=5000)
    process, log = start(tree, tmp_path / "process"), tmp_path / "out" / "one" / "log.jsonl"
    while not (log.exists() and len(log.read_text().splitlines()) > 3):
        assert process.poll() is None, (tmp_path / "process" / "output.txt").read_text()[-3000:]
        time.sleep(0.01)
    process.terminate()
    assert process.wait(timeout=60) != 0
    (saved,) = (tmp_path / "out" / "one" / "checkpoints").iterdir()
    assert int(saved.name.removeprefix("step-")) == max(losses(tmp_path / "out"))


def test_the_vocabulary_is_learnt_from_all_stages(build: Path, tower: str, tmp_path: Path) -> None:
    tree = settings(build, tower, tmp_path / "out")
    later = json.loads(json.dumps(tree["stages"][0])) | {"name": "two"}
    tree["stages"][0]["data"]["sources"][0]["types"] = ["left_colour"]
    alone, both = (json.loads(json.dumps(tree)) for _ in range(2))
    both["stages"].append(later)
    from spatialgen.train.run import build_model

    one, two = (TrainConfig.model_validate_json(json.dumps(t)) for t in (alone, both))
    words = [len(build_model(c, c.model).tokenizer(" the right half").input_ids) for c in (one, two)]
    assert words[1] < words[0]


def test_no_steps_leave_the_model_as_it_began(build: Path, tower: str, tmp_path: Path) -> None:
    untrained = config(build, tower, tmp_path / "out", stage__optim__steps=0)
    from spatialgen.train.run import build_model

    found = weights(train(untrained))
    began = dict(build_model(untrained, untrained.model).model.named_parameters())
    query = "layers.0.self_attn.q_proj.weight"
    (saved,) = (t for n, t in found.items() if "language_model" in n and n.endswith(query))
    (fresh,) = (t for n, t in began.items() if "language_model" in n and n.endswith(query))
    torch.testing.assert_close(saved, fresh.data)
    assert losses(tmp_path / "out") == {}


def test_a_run_over_epochs_reads_each_question_that_often(build: Path, tower: str, tmp_path: Path) -> None:
    changes = {"stage__optim__steps": None, "stage__optim__epochs": 2.0, "stage__optim__batch": 2}
    train(config(build, tower, tmp_path / "out", **changes))
    reports = [json.loads(line) for line in (tmp_path / "out" / "one" / "log.jsonl").read_text().splitlines()]
    once = config(build, tower, tmp_path / "x", **changes)
    from spatialgen.train.loop import open_data
    from spatialgen.train.run import build_model

    made = build_model(once, once.model)
    data = open_data(made, once.stages[0], 0)
    source = data.pools[0].source
    said = [c for b in range(source.blocks) for c in source.read(b, 0, data.settings.seed)]
    epoch = sum(e.supervised for e in data.encoder.encode([(c.name, c.turns) for c in said]))
    assert sum(r["supervised"] for r in reports) == 2 * epoch
    assert reports[-1]["progress"] == 1.0


RAY = RUN.replace("train.run import train", "train.ray import train_on_ray as train")


def ray_workers(driver: int) -> list[psutil.Process]:
    """Return the processes of a driver's Ray that train."""
    found = psutil.Process(driver).children(recursive=True)
    return [p for p in found if "TrainWorker" in " ".join(p.cmdline())]


@pytest.mark.slow
@pytest.mark.ray
def test_on_ray_a_killed_run_goes_on_and_has_the_loss_of_one_process(build: Path, tower: str, tmp_path: Path) -> None:
    changes = {"stage__optim__steps": 300, "run__save_every": 10}
    train(config(build, tower, tmp_path / "alone", **changes))
    tree, log = settings(build, tower, tmp_path / "ray", **changes), tmp_path / "ray" / "one" / "log.jsonl"
    tree["ray"] = {"workers": 2}
    process = start(tree, tmp_path / "first", text=RAY)
    deadline = time.monotonic() + 300
    while not (log.exists() and len(log.read_text().splitlines()) > 6) and time.monotonic() < deadline:
        assert process.poll() is None, (tmp_path / "first" / "output.txt").read_text()[-3000:]
        time.sleep(0.005)
    workers = ray_workers(process.pid)
    assert len(workers) == 2
    workers[1].kill()
    assert process.wait(timeout=300) != 0
    assert "the same command goes on" in (tmp_path / "first" / "output.txt").read_text()
    assert 6 < max(losses(tmp_path / "ray")) < 300
    finish(start(tree, tmp_path / "second", text=RAY), tmp_path / "second")
    together = losses(tmp_path / "ray")
    assert together == pytest.approx(losses(tmp_path / "alone"), abs=1e-4)
    one, other = (weights(tmp_path / n / "one" / "model") for n in ("alone", "ray"))
    for name, tensor in one.items():
        torch.testing.assert_close(other[name], tensor, rtol=1e-3, atol=1e-4, msg=name)
