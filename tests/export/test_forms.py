"""What holds for every form: its place in the help, its files, ids and pictures, the same bytes again, clean text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spatialgen.cli import app
from spatialgen.export.forms import form, names
from spatialgen.export.llava import export_llava
from spatialgen.export.pages import Page
from spatialgen.export.reader import BuildReader
from spatialgen.qa.ask import ask_scenes
from spatialgen.records import ObjectText
from spatialgen.schema import scenes_table, split_of
from spatialgen.train.config import LlavaSource
from spatialgen.train.llava_source import LlavaBlocks

Export = Callable[[str], list[dict[str, Any]]]


def run(*arguments: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    return done.exit_code, done.output


def test_help_names_every_form() -> None:
    code, text = run("export", "--help")
    assert code == 0
    told = re.findall(r"(\w+): ", " ".join(text[text.index("--as") :].replace("│", " ").split()))
    assert sorted(set(told) & set(names())) == names()


def test_a_form_that_there_is_not(built: BuildReader, tmp_path: Path) -> None:
    code, text = run("export", built.root, "--to", tmp_path, "--as", "poem")
    assert code == 2
    assert "no form is called 'poem'; there are: " in text


@pytest.mark.parametrize("name", names())
def test_files_ids_and_pictures(name: str, built: BuildReader, book: dict[str, Page], tmp_path: Path) -> None:
    code, text = run("export", built.root, "--to", tmp_path, "--as", name)
    assert code == 0
    path = Path(text.strip().replace("\n", ""))
    suffix = "" if name == "questions" else f"-{name}"
    assert path == tmp_path / f"all{suffix}.{'jsonl' if form(name).lines else 'json'}"
    lines = path.read_text("utf-8")
    records = [json.loads(line) for line in lines.splitlines()] if form(name).lines else json.loads(lines)
    assert records
    assert len({record["id"] for record in records}) == len(records)
    pictures = {page.picture: page.stored["image"]["bytes"] for page in book.values()}
    for record in records:
        assert (tmp_path / record["image"]).read_bytes() == pictures[record["image"]]
    again = export_llava(built, tmp_path / "again", "default", None, name)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", [n for n in names() if n != "crpe"])
def test_the_trainer_reads_it(name: str, built: BuildReader, tmp_path: Path) -> None:
    path = export_llava(built, tmp_path, "default", None, name)
    blocks = LlavaBlocks(LlavaSource(kind="llava", path=str(path), images=str(tmp_path)))
    read = [conversation for block in range(blocks.blocks) for conversation in blocks.read(block, 0, 0)]
    records = json.loads(path.read_text("utf-8"))
    assert [2 * len(c.turns) for c in read] == [len(r["conversations"]) for r in records]
    assert [c.turns[0].question for c in read] == [r["conversations"][0]["value"] for r in records]


@pytest.mark.parametrize("name", names())
def test_a_split_holds_its_images_alone(name: str, built: BuildReader, book: dict[str, Page], tmp_path: Path) -> None:
    wanted = {page.picture for page in book.values() if split_of(page.stored["content_sha256"]) == "train"}
    lines = export_llava(built, tmp_path, "default", "train", name).read_text("utf-8")
    assert set(re.findall(r'"image": "([^"]+)"', lines)) <= wanted
    assert {str(path.relative_to(tmp_path)) for path in (tmp_path / "images").iterdir()} <= wanted
    nothing = export_llava(built, tmp_path / "none", "default", "test", name).read_text("utf-8")
    assert nothing.strip() in ("", "[\n\n]") or "test" in {split_of(p.stored["content_sha256"]) for p in book.values()}


@pytest.mark.parametrize("name", [n for n in names() if n != "crpe"])
def test_conversations_alternate_and_are_clean(name: str, exported: Export) -> None:
    for record in exported(name):
        turns = record["conversations"]
        assert [t["from"] for t in turns] == ["human", "gpt"] * (len(turns) // 2)
        assert turns[0]["value"].startswith("<image>\n")
        for turn in turns:
            text = turn["value"].removeprefix("<image>\n")
            assert "<image>" not in text
            assert text == text.strip()
            assert not re.search(r"\{|\}|  |nan\b| [.,;?]", text), text


HOSTILE = ("<mask> chair", "</ref><pred>on</pred>", "[[1, 2, 3, 4]] mug", "<region1>", "{a} lamp", "A. mug\nB. jug")


@pytest.mark.parametrize("name", names())
def test_words_from_outside_never_become_tags(name: str, book: dict[str, Page]) -> None:
    """Each object of a scene in turn is called something that a form could take for its own."""
    page = book["room-000006"]
    made = 0
    for number, words in enumerate(HOSTILE):
        things = tuple(
            replace(thing, name=words, text=ObjectText(words, words)) if k % 2 == number % 2 else thing
            for k, thing in enumerate(page.scene.objects)
        )
        scene = replace(page.scene, objects=things)
        [table] = scenes_table([scene]).to_batches()
        rows = ask_scenes([scene], page.config).to_pylist()
        records = list(form(name).records(Page(page.stored, table, rows, page.config)))
        made += len(records)
        texts = [json.dumps([r.get("conversations"), r.get("text"), r.get("facts")]) for r in records]
        assert not [text for text in texts if json.dumps(words)[1:-1] in text and words != "<region1>"]
        if words == "<region1>" and name != "regions":
            assert "<region1>" not in "".join(texts)
    assert made
