"""A pool: some blocks of a source, shuffled together and cut into micro-batches; a pure function of its number."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from spatialgen.records import U8
from spatialgen.seeding import rng
from spatialgen.train.errors import LabelError, TrainError
from spatialgen.train.labels import Encoded, Encoder
from spatialgen.train.rows import MicroBatch, Row, collate, group_by_length, pack
from spatialgen.train.samples import Conversation, Picture, Source


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """What shapes a pool, apart from its number."""

    seed: int
    context: int
    packing: bool
    micro_batch: int
    side: int
    background: tuple[int, int, int]
    pad_id: int
    pictures: bool = True


@dataclass(frozen=True, slots=True)
class Pools:
    """How a source is cut into pools: `count` an epoch, of `blocks` blocks each (the last may have fewer).

    Which blocks meet in a pool is drawn anew each epoch.
    """

    source: Source
    index: int
    blocks: int

    @property
    def count(self) -> int:
        """Pools an epoch."""
        return -(-self.source.blocks // self.blocks)

    def members(self, number: int, seed: int) -> tuple[int, list[int]]:
        """Return the epoch and the blocks of pool `number`, counted on over the epochs."""
        epoch, k = divmod(number, self.count)
        order = rng(seed, "blocks", self.index, epoch).permutation(self.source.blocks)
        return epoch, [int(b) for b in order[k * self.blocks : (k + 1) * self.blocks]]


class Pool:
    """The micro-batches of one pool, in order. Texts are read and encoded at once, pictures when they are needed.

    What cannot be read or learnt from is named in a batch's `bad`: nothing is learnt from it.
    """

    def __init__(self, pools: Pools, number: int, encoder: Encoder, settings: PoolSettings) -> None:
        self._settings, self._source = settings, pools.index
        self._bad: list[str] = []
        self._blank: set[str] = set()
        epoch, blocks = pools.members(number, settings.seed)
        conversations = [c for b in blocks for c in pools.source.read(b, epoch, settings.seed)]
        order = rng(settings.seed, "pool", pools.index, number).permutation(len(conversations))
        kept, self._samples = self._encoded(encoder, self._readable([conversations[i] for i in order]))
        self._pictures = [c.picture for c in kept] if settings.pictures else [_empty(c.picture, settings) for c in kept]
        self._names = [p.key if p else None for p in self._pictures]
        self._groups = _groups(self._samples, settings, rng(settings.seed, "groups", pools.index, number))
        self._last_use = _last_uses(self._groups, self._pictures)
        self._pixels: dict[str, U8] = {}

    def __len__(self) -> int:
        return len(self._groups)

    def batch(self, k: int) -> MicroBatch:
        """Return micro-batch `k`; pictures needed again later are kept until then, so that each is decoded once."""
        rows, settings = self._groups[k], self._settings
        samples = list(self._samples)
        for i in (i for row in rows for i in row):
            if not self._load(self._pictures[i]):
                samples[i] = self._samples[i].unsupervised()
        made = collate(rows, samples, self._names, self._pixels, settings.pad_id, settings.side, self._source)
        bad, self._bad = tuple(self._bad), []
        for key in [key for key in self._pixels if self._last_use[key] <= k]:
            del self._pixels[key]
        return replace(made, bad=bad)

    def _readable(self, conversations: Sequence[Conversation]) -> list[Conversation]:
        """Return the conversations in the frame of the padded picture, those without a readable one left out."""
        kept: list[Conversation] = []
        for conversation in conversations:
            try:
                kept.append(conversation.padded())
            except TrainError as error:
                self._bad.append(str(error))
        return kept

    def _encoded(self, encoder: Encoder, conversations: list[Conversation]) -> tuple[list[Conversation], list[Encoded]]:
        """Return the conversations with something to learn from, and their tokens."""
        try:
            return conversations, encoder.encode([(c.name, c.turns) for c in conversations])
        except LabelError:  # one of them; which is found one by one
            kept: list[Conversation] = []
            samples: list[Encoded] = []
            for conversation in conversations:
                try:
                    samples += encoder.encode([(conversation.name, conversation.turns)])
                    kept.append(conversation)
                except LabelError as error:
                    self._bad.append(str(error))
            return kept, samples

    def _load(self, picture: Picture | None) -> bool:
        """Decode a picture unless it is there already; False where it cannot be read (a blank one stands for it)."""
        if picture is None or picture.key in self._pixels:
            return picture is None or picture.key not in self._blank
        side = self._settings.side
        try:
            self._pixels[picture.key] = picture.pixels(side, self._settings.background)
        except TrainError as error:
            self._bad.append(str(error))
            self._blank.add(picture.key)
            self._pixels[picture.key] = np.zeros((side, side, 3), np.uint8)
        return picture.key not in self._blank


def _empty(picture: Picture | None, settings: PoolSettings) -> Picture | None:
    """Return a picture of nothing, the same for all, where there was one."""
    if picture is None:
        return None
    out = io.BytesIO()
    Image.new("RGB", (settings.side, settings.side), settings.background).save(out, "PNG")
    return Picture("empty", out.getvalue(), None)


def _groups(samples: Sequence[Encoded], settings: PoolSettings, order: np.random.Generator) -> list[list[Row]]:
    lengths = [len(s) for s in samples]
    size = settings.micro_batch
    if not settings.packing:
        return group_by_length(lengths, size, order)
    rows = pack(lengths, settings.context)
    return [rows[k : k + size] for k in range(0, len(rows), size)]


def _last_uses(groups: Sequence[Sequence[Row]], pictures: Sequence[Picture | None]) -> dict[str, int]:
    last: dict[str, int] = {}
    for k, rows in enumerate(groups):
        for i in (i for row in rows for i in row):
            picture = pictures[i]
            if picture is not None:
                last[picture.key] = k
    return last
