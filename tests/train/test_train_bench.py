"""The arithmetic of the utilisation bench: weights, FLOPs and memory, against torch's own counts."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from spatialgen.train.attention import set_attention
from spatialgen.train.labels import Encoder
from spatialgen.train.objective import Objective
from spatialgen.train.templates import IMAGE, Turn, template
from spatialgen.train.vocabulary import learn_tokenizer

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(BENCH))
    yield importlib.import_module("utilisation")
    sys.modules.pop("utilisation")


def samples(bench: ModuleType) -> tuple[object, int]:
    tokenizer = learn_tokenizer(["How far is it? 1.2 m USER: ASSISTANT:"], 330)
    shape = bench.SHAPES["tiny"]
    encoder = Encoder(tokenizer, template("v1"), shape.patches, shape.context)
    turns = [Turn(f"{IMAGE}\nHow far is it?", "1.2 m"), *[Turn("How far is it?", "1.2 m")] * 4]
    encoded = encoder.encode([(str(i), turns[: 1 + i]) for i in range(5)])
    pixels = {str(i): torch.zeros((shape.side, shape.side, 3), dtype=torch.uint8).numpy() for i in range(5)}
    return (encoded, [str(i) for i in range(5)], pixels), tokenizer.convert_tokens_to_ids(IMAGE)


@pytest.mark.parametrize("name", ["tiny", "1b", "7b"])
def test_the_weights_are_those_of_the_model(bench: ModuleType, name: str) -> None:
    shape = bench.SHAPES[name]
    model = bench.make_model(shape, 3, torch.device("meta"))
    parameters = dict(model.named_parameters())
    trained = sum(p.numel() for p in parameters.values() if p.requires_grad)
    assert shape.trained == pytest.approx(trained, rel=0.02 if name == "tiny" else 0.001)
    tower = sum(p.numel() for n, p in parameters.items() if "vision_tower" in n and "layers" in n and p.ndim > 1)
    assert shape.tower.weights == tower
    assert {p.element_size() for p in parameters.values() if p.requires_grad} == {shape.weight_bytes}


def test_the_flops_are_those_that_torch_counts(bench: ModuleType) -> None:
    shape, ((encoded, names, pixels), image) = bench.SHAPES["tiny"], samples(bench)
    batch, flops = next(bench.steps(shape, (encoded[4:], names[4:], pixels), 1))
    model = bench.make_model(shape, image, torch.device("cpu")).float()
    model.gradient_checkpointing_disable()  # what is recomputed is no work of the model's
    set_attention(model.model.language_model, "eager")
    with FlopCounterMode(display=False) as counter:
        Objective(model, shape.vision, tower_trains=False).train()(batch).backward()
    length = batch.tokens
    assert batch.lengths == ((length,),)
    attention = bench.step_flops(shape, [length], 0, 0) - 6.0 * shape.language.weights * length
    # Eager attention computes all pairs of tokens, of which half are the model's; the tower's SDPA is not counted.
    seen = 4.0 * shape.tower.layers * shape.tower.hidden * (shape.patches + 1) ** 2
    assert counter.get_total_flops() == pytest.approx(flops + attention - seen, rel=0.01)
    assert attention > 0.2 * flops


def test_the_shapes_fit_a_gpu_of_80_gb(bench: ModuleType) -> None:
    for name, low, high in (("1b", 20, 40), ("7b", 55, 72)):
        assert low < bench.memory_bytes(bench.SHAPES[name], 4)["all"] / 1e9 < high
    wide = bench.memory_bytes(bench.SHAPES["7b"], 32)["all"]
    assert wide > 80e9
    parts = bench.memory_bytes(bench.SHAPES["7b"], 4)
    assert parts["weights"] + parts["gradients"] + parts["moments"] == pytest.approx(8 * 6.74e9, rel=0.03)


def test_what_does_not_fit_is_refused_before_it_is_made(bench: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (78 * 10**9, 80 * 10**9))
    bench.check_room(bench.SHAPES["7b"], 4, torch.device("cuda"))
    with pytest.raises(SystemExit, match=r"about 1\d\d GB, and 78 of the GPU's 80 GB are free; lower --rows"):
        bench.check_room(bench.SHAPES["7b"], 32, torch.device("cuda"))
    with pytest.raises(SystemExit, match="needs a GPU"):
        bench.check_room(bench.SHAPES["1b"], 4, torch.device("cpu"))


@pytest.mark.slow
def test_the_tiny_shape_runs_on_a_cpu() -> None:
    words = [str(BENCH / "train.py"), "--shape", "tiny", "--steps", "1", "--peak-tflops", "1000", "--check"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr  # nothing reaches 45 % of that
    assert "real tokens/s" in done.stdout
    assert "utilisation" in done.stdout
