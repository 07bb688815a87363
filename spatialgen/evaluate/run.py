"""Runs benches: answers by a model, kept in a file so that a killed run goes on, and reports of them."""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from textwrap import fill

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from spatialgen.errors import ConfigError
from spatialgen.evaluate.benches import bench
from spatialgen.evaluate.benches.base import Item, Line
from spatialgen.evaluate.metrics import Estimate
from spatialgen.store.files import replace_file


@dataclass(frozen=True, slots=True)
class Report:
    """One bench's lines."""

    bench: str
    path: str
    questions: int
    lines: tuple[Line, ...]


def answers(items: Sequence[Item], answer: Callable[[Sequence[Item]], list[str]], file: Path, batch: int) -> list[str]:
    """Return the answer to each item; those already in `file` (JSON lines) are not asked again.

    Items of one id are told apart by the order they come in. Raises ConfigError where the file answers other questions.
    """
    items = _numbered(items)
    known = _known(file, {i.item_id: i.question for i in items})
    absent = [i for i in items if i.item_id not in known]
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as out:
        for k, group in enumerate(_batches(_by_length(absent, batch), batch)):
            for item, text in zip(group, answer(group), strict=True):
                known[item.item_id] = text
                out.write(json.dumps({"id": item.item_id, "question": item.question, "answer": text}) + "\n")
            out.flush()
            if k % 20 == 0:
                print(f"{file.stem}: {len(known)} of {len(items)} answered", file=sys.stderr)
    return [known[i.item_id] for i in items]


def _numbered(items: Sequence[Item]) -> list[Item]:
    """Return items with ids that differ: the second of an id is its "#2"."""
    met: Counter[str] = Counter()
    numbered = []
    for item in items:
        met[item.item_id] += 1
        number = met[item.item_id]
        numbered.append(item if number == 1 else replace(item, item_id=f"{item.item_id}#{number}"))
    return numbered


def _known(file: Path, questions: Mapping[str, str]) -> dict[str, str]:
    """Return the answers in `file` to `questions` by id; a last line that a kill cut off is dropped from it."""
    if not file.exists():
        return {}
    known, good = {}, 0
    for line in file.read_bytes().splitlines(keepends=True):
        try:
            row = json.loads(line)
            item_id, question, answer = str(row["id"]), str(row["question"]), str(row["answer"])
        except (ValueError, KeyError):
            break
        if not line.endswith(b"\n"):
            break
        if questions.get(item_id, question) != question:
            raise ConfigError(f"{file}: has the answer to another question {item_id!r}; name another file to write to")
        known[item_id] = answer
        good += len(line)
    with file.open("r+b") as handle:
        handle.truncate(good)
    return known


def _by_length(items: Sequence[Item], batch: int) -> Iterator[Item]:
    """Yield `items` in windows of many batches, within which like lengths stand together: less padding."""
    window = 32 * batch
    for start in range(0, len(items), window):
        yield from sorted(items[start : start + window], key=lambda i: len(i.question))


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while group := list(islice(iterator, size)):
        yield group


def identity(model: Path, max_new_tokens: int) -> str:
    """Return what tells a model folder, and how it answers, from others: names, sizes and times of its files."""
    files = sorted(p for p in model.rglob("*") if p.is_file())
    state = [(str(p.relative_to(model)), p.stat().st_size, p.stat().st_mtime_ns) for p in files]
    return hashlib.sha256(f"{state} {max_new_tokens}".encode()).hexdigest()


def model_answers(model: Path, device: str, blind: bool, max_new_tokens: int) -> Callable[[Sequence[Item]], list[str]]:
    """Return a function that answers items with the model in a folder."""
    from spatialgen.evaluate.answer import Answerer, Asked

    answerer = Answerer(model, device, blind, max_new_tokens)
    return lambda items: answerer.answer([Asked(i.question, i.image(), i.picture_key) for i in items])


def evaluate(
    name: str,
    path: Path,
    images: Path | None,
    answer: Callable[[Sequence[Item]], list[str]],
    out: Path,
    batch: int = 16,
    limit: int | None = None,
    answerer: str = "",
) -> Report:
    """Return the report of one bench over `path`; answers are kept under `out`, by who gave them (`answerer`)."""
    chosen = bench(name)
    items = list(islice(chosen.items(path, images), limit))
    if not items:
        raise ConfigError(f"{path}: the bench {name} found no questions there")
    key = hashlib.sha256(f"{name} {path} {answerer}".encode()).hexdigest()[:8]
    said = answers(items, answer, out / f"{name}-{key}.jsonl", batch)
    return Report(name, str(path), len(items), tuple(chosen.lines(items, said)))


def show(reports: Sequence[Report], console: Console) -> None:
    """Print reports as tables."""
    for report in reports:
        table = Table(title=f"{report.bench}: {report.path} ({report.questions:,} questions)")
        for heading in ("group", "metric", "value", "95 % interval", "n", "not parsed"):
            table.add_column(heading, justify="left" if heading in ("group", "metric") else "right")
        for line in report.lines:
            if line.block:
                continue
            e = line.estimate
            interval = f"{e.low:.3f} .. {e.high:.3f}"
            table.add_row(line.group, line.metric, f"{e.mean:.3f}", interval, f"{e.count:,}", f"{line.unparsed:.1%}")
        console.print(table)
        for block in dict.fromkeys(x.block for x in report.lines if x.block):
            console.print(_block(f"{report.bench}: {block}, by type", [x for x in report.lines if x.block == block]))


def _block(title: str, lines: Sequence[Line]) -> Table:
    """Return a table of a row for each group and a column for each metric: the value, below it the interval."""
    table = Table(title=title, box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    metrics = list(dict.fromkeys(x.metric for x in lines))
    table.add_column("type", overflow="fold")
    for heading in ("n", "not parsed", *metrics):
        table.add_column(fill(heading, 8), justify="right", no_wrap=True)
    for group in dict.fromkeys(x.group for x in lines):
        found = {x.metric: x for x in lines if x.group == group}
        cells = [_cell(found[m].estimate) if m in found else "-" for m in metrics]
        some = list(found.values())
        count = max(x.estimate.count for x in some)
        name = group.removeprefix(f"{some[0].block}, ")
        table.add_row(name, f"{count:,}", f"{some[0].unparsed:.1%}", *cells)
    return table


def _cell(estimate: Estimate) -> str:
    return f"{estimate.mean:.2f}\n{estimate.low:.2f}-{estimate.high:.2f}"


def write(reports: Sequence[Report], file: Path) -> None:
    """Write reports as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_file(file, (json.dumps([asdict(r) for r in reports], indent=1) + "\n").encode())
