"""`spatialgen train --audit`: what a model would learn from, shown before it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from spatialgen.train.config import StageConfig, TrainConfig
from spatialgen.train.data import Lane
from spatialgen.train.errors import LabelError
from spatialgen.train.labels import IGNORE
from spatialgen.train.loop import open_data
from spatialgen.train.model import Assembled
from spatialgen.train.rows import MicroBatch
from spatialgen.train.run import build_model


@dataclass(frozen=True, slots=True)
class SourceAudit:
    """One source in a sample of the stream: its rows, tokens, those trained on, turns cut by the context."""

    name: str
    rows: int
    tokens: int
    supervised: int
    padding: int
    turns_cut: int

    @property
    def masked_share(self) -> float:
        """Share of the real tokens that nothing is learnt from."""
        return 1 - self.supervised / self.tokens if self.tokens else 0.0


def audit(config: TrainConfig, batches: int = 64, samples: int = 2) -> dict[str, list[SourceAudit]]:
    """Read `batches` micro-batches of each stage, print samples and shares, and return the shares by stage.

    Raises LabelError where a conversation has nothing to learn from: told of all that were read.
    """
    made, console = build_model(config, config.model), Console()
    found = {}
    for stage in config.stages:
        console.rule(f"stage {stage.name}, template {stage.template}")
        found[stage.name] = _audit_stage(made, stage, config.seed, batches, samples, console)
    return found


def _audit_stage(
    made: Assembled, stage: StageConfig, seed: int, batches: int, samples: int, console: Console
) -> list[SourceAudit]:
    data = open_data(made, stage, seed)
    lane = Lane(data, 0, data.start(0))
    read = [lane.next().batch for _ in range(batches)]
    bad = [fault for batch in read for fault in batch.bad]
    if bad:
        raise LabelError(f"nothing can be learnt from {len(bad)} of what was read, such as: {bad[0]}")
    for batch in read[:samples]:
        console.print(marked(batch, made))
    rows = [_sum(pools.source.name, [b for b in read if b.source == pools.index]) for pools in data.pools]
    console.print(_shown(rows))
    return rows


def marked(batch: MicroBatch, made: Assembled) -> Text:
    """Return the first row of `batch` as text: what is trained on in ⟦brackets⟧ and green, image tokens as one word.

    What fills the row up is left out.
    """
    image_id, pad_id = made.model.config.image_token_id, made.tokenizer.pad_token_id
    text = Text()
    ids, labels = batch.ids[0].tolist(), batch.labels[0].tolist()
    while ids and ids[-1] == pad_id and labels[len(ids) - 1] == IGNORE:
        ids.pop()
    learnt = (label != IGNORE for label in labels)
    for (is_image, is_learnt), run in groupby(zip(ids, learnt, strict=False), lambda one: (one[0] == image_id, one[1])):
        tokens = [token for token, _ in run]
        if is_image:
            text.append(f"<image x {made.vision.tokens}>", style="blue")
        elif is_learnt:
            text.append(f"⟦{made.tokenizer.decode(tokens)}⟧", style="bold green")
        else:
            text.append(made.tokenizer.decode(tokens), style="dim")
    return text


def _sum(name: str, batches: Sequence[MicroBatch]) -> SourceAudit:
    cells = sum(b.ids.numel() for b in batches)
    tokens = sum(b.tokens for b in batches)
    return SourceAudit(
        name,
        sum(len(b.ids) for b in batches),
        tokens,
        sum(b.supervised for b in batches),
        cells - tokens,
        sum(b.turns_cut for b in batches),
    )


def _shown(rows: Sequence[SourceAudit]) -> Table:
    total = sum(r.tokens for r in rows)
    table = Table(title="what the stream holds")
    for heading in ("source", "rows", "tokens", "share", "trained on", "masked", "padding", "turns cut"):
        table.add_column(heading, justify="left" if heading == "source" else "right")
    for row in rows:
        cells = row.tokens + row.padding
        table.add_row(
            row.name,
            f"{row.rows:,}",
            f"{row.tokens:,}",
            f"{row.tokens / total:.1%}",
            f"{row.supervised:,}",
            f"{row.masked_share:.1%}",
            f"{row.padding / cells:.1%}" if cells else "-",
            f"{row.turns_cut:,}",
        )
    return table
