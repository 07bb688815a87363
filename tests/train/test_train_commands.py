"""The commands: train, its audit, eval, chat and predict, on a tiny build and a tiny model, as a user types them."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from train_parts import losses, save_tower, settings
from train_tiny import picture, question, write_build
from typer.testing import CliRunner

from spatialgen.cli import app
from spatialgen.config.loader import load_model
from spatialgen.evaluate.answer import Answerer, Asked
from spatialgen.train.audit import marked
from spatialgen.train.config import TrainConfig
from spatialgen.train.data import Lane
from spatialgen.train.labels import IGNORE
from spatialgen.train.loop import open_data
from spatialgen.train.pictures import decode
from spatialgen.train.run import build_model

RUNNER = CliRunner()
PICTURES, QUESTIONS = 6, 4
pytestmark = pytest.mark.slow


def run(*words: object) -> str:
    result = RUNNER.invoke(app, [str(w) for w in words])
    assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
    return result.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model that has learnt the two-coloured pictures by heart, through the command line."""
    folder = tmp_path_factory.mktemp("trained")
    build = write_build(folder / "build", images=PICTURES, questions=QUESTIONS)
    tree = settings(build, save_tower(folder / "tower", side=28), folder / "out", run__feature_cache=10**7)
    tree["stages"][0]["optim"] = {"lr": 0.006, "batch": 4, "micro_batch": 2, "steps": 240, "schedule": "constant"}
    tree["model"]["language"]["scratch"]["vocabulary"] = 400
    tree["run"]["save_every"] = 240
    (folder / "train.yaml").write_text(yaml.safe_dump(tree))
    output = run("train", "--config", folder / "train.yaml", "--set", "run.log_every=40")
    model = folder / "out" / "one" / "model"
    assert str(model) in output
    curve = losses(folder / "out")
    # Three colours of equal chance, one token in four: whoever does not see them stays above log(3) / 4 = 0.27.
    assert curve[240] < 0.1
    return {"build": build, "config": folder / "train.yaml", "model": model, "folder": folder}


def ask(i: int, q: int) -> Asked:
    return Asked(question(q), decode(picture(i)[0], "x"), f"img{i}")


def truth(i: int, q: int) -> str:
    return f"{picture(i)[1][q % 2].capitalize()}."


def test_the_model_answers_what_the_pictures_show(trained: dict[str, Path]) -> None:
    answerer = Answerer(trained["model"], "cpu")
    asked = [(i, q) for i in range(PICTURES) for q in range(QUESTIONS)]
    said = answerer.answer([ask(i, q) for i, q in asked])
    assert sum(s == truth(i, q) for s, (i, q) in zip(said, asked, strict=True)) >= 16  # chance: 8 of 24
    # Padding to the longest of a batch, and the order in it, change nothing.
    assert [answerer.answer([ask(i, q)])[0] for i, q in asked[:4]] == said[:4]
    blind = Answerer(trained["model"], "cpu", blind=True).answer([ask(i, q) for i, q in asked])
    assert len(set(blind[::QUESTIONS])) == 1


def test_audit_shows_what_is_trained_on(trained: dict[str, Path]) -> None:
    output = run("train", "--config", trained["config"], "--audit")
    assert "what the stream holds" in output
    assert re.search(r"ASSISTANT: ?⟦ ?(Red|Blue)\.", output)


def test_audit_leaves_out_what_fills_a_row_up(trained: dict[str, Path]) -> None:
    config = load_model(TrainConfig, trained["config"])
    made = build_model(config, config.model)
    data = open_data(made, config.stages[0], config.seed)
    batch = Lane(data, 0, data.start(0)).next().batch
    pad = made.tokenizer.pad_token_id
    longer = replace(
        batch,
        ids=torch.nn.functional.pad(batch.ids, (0, 5), value=pad),
        labels=torch.nn.functional.pad(batch.labels, (0, 5), value=IGNORE),
    )
    assert marked(longer, made) == marked(batch, made)
    assert made.tokenizer.decode([pad]) not in marked(longer, made).plain


def test_eval_reports_model_blind_and_baselines(trained: dict[str, Path]) -> None:
    bench = f"build={trained['build']}"
    output = run(
        "eval", "--model", trained["model"], "--bench", bench, "--train-build", f"{trained['build']}#default",
        "--blind", "--device", "cpu", "--max-new-tokens", "6", "--limit", "60", "--out", trained["folder"] / "eval",
    )  # fmt: skip
    assert "question only" in output
    reports = json.loads((trained["folder"] / "eval" / "report.json").read_text())
    by = {r["bench"]: {line["group"]: line["estimate"]["mean"] for line in r["lines"]} for r in reports}
    assert set(by) == {"build", "build, blank pictures", "build, majority answer", "build, question only"}
    assert by["build"]["all"] > 0.6
    assert by["build"]["all"] > by["build, blank pictures"]["all"] + 0.15


def test_chat_and_predict(trained: dict[str, Path]) -> None:
    photo = trained["folder"] / "photo.png"
    photo.write_bytes(picture(3)[0])
    said = run("chat", "--model", trained["model"], "--image", photo, "-q", question(0), "--device", "cpu")
    known = Answerer(trained["model"], "cpu").answer([ask(3, q) for q in range(3)])
    assert said.strip() == known[0]
    questions = trained["folder"] / "questions.jsonl"
    rows = [{"id": q, "image": "photo.png", "question": question(q)} for q in range(3)]
    questions.write_text("\n".join(map(json.dumps, rows)))
    out = trained["folder"] / "answers.jsonl"
    for _ in range(2):
        run("predict", "--model", trained["model"], "--questions", questions, "--out", out, "--device", "cpu")
    answers = {r["id"]: r["answer"] for r in map(json.loads, out.read_text().splitlines())}
    assert len(out.read_text().splitlines()) == 3
    assert answers == {str(q): known[q] for q in range(3)}


def test_overrides_reach_into_lists(trained: dict[str, Path]) -> None:
    change = ("--set", "stages.0.data.sources.0.split=val")
    result = RUNNER.invoke(app, ["train", "--config", str(trained["config"]), "--audit", *change])
    assert "nothing is left" in result.stderr


def test_a_fault_in_a_loader_process_is_one_line(trained: dict[str, Path], tmp_path: Path) -> None:
    build = write_build(tmp_path / "build", images=PICTURES, questions=QUESTIONS)
    for shard in (build / "images").glob("*.parquet"):
        shard.write_bytes(shard.read_bytes()[:200] + bytes(200) + shard.read_bytes()[400:])
    tree = yaml.safe_load(trained["config"].read_text())
    tree["model"] = {"start": str(trained["model"])}
    tree["output"] = str(tmp_path / "out")
    tree["stages"][0]["data"] |= {"workers": 1, "sources": [{"kind": "build", "path": str(build)}]}
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(tree))
    result = RUNNER.invoke(app, ["train", "--config", str(tmp_path / "train.yaml")])
    assert result.exit_code == 1
    said = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert len(said) == 1
    assert ".parquet" in said[0]
    assert "Traceback" not in result.output


def test_mistakes_are_told_plainly(trained: dict[str, Path]) -> None:
    cases = [
        (["train", "--config", str(trained["config"]), "--set", "stages=[]"], "stages"),
        (["train", "--config", str(trained["config"]), "--set", "run.devise=cpu"], "did you mean"),
        (["train", "--config", str(trained["config"]), "--set", "stages.1.name=x"], "stages has the places 0 to 0"),
        (["train", "--config", str(trained["config"]), "--set", "stages.0.nane=x"], "stages.0.nane: no such key; did"),
        (["train", "--config", str(trained["config"]), "--set", "stages.0.data.sources.0.pth=x"], "mean 'path'"),
        (["eval", "--model", str(trained["folder"]), "--bench", "build=x"], "no model folder"),
        (["eval", "--model", str(trained["model"]), "--bench", "buildx"], "NAME=PATH"),
        (["chat", "--model", str(trained["model"]), "--image", "/absent.png", "-q", "?"], "cannot read"),
    ]
    for words, message in cases:
        result = RUNNER.invoke(app, words)
        assert result.exit_code != 0
        assert message in result.stderr, result.stderr
        assert "Traceback" not in result.output
