"""The stream of micro-batches of a run: deterministic by seed, the same for any number of ranks and workers.

A step takes one micro-batch from each of `batch / micro_batch` *lanes*. A lane is an endless stream of its own:
pools l, l + L, l + 2 L, ... of each source, counted on over the epochs, the sources mixed by token share. Rank r
reads the lanes l with l % ranks == r, a loader process some of those, and none of this changes what a lane holds.
The place of a lane is a few numbers, so a killed run goes on with exactly the next batch.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from spatialgen.errors import ConfigError
from spatialgen.seeding import rng
from spatialgen.train.build_source import BuildBlocks
from spatialgen.train.config import DataConfig
from spatialgen.train.config import Source as SourceConfig
from spatialgen.train.faults import Fault, received
from spatialgen.train.labels import Encoder
from spatialgen.train.llava_source import LlavaBlocks
from spatialgen.train.pool import Pool, Pools, PoolSettings
from spatialgen.train.rows import MicroBatch
from spatialgen.train.samples import Source
from spatialgen.train.scene_source import SceneBlocks


@dataclass(frozen=True, slots=True)
class LanePlace:
    """Where a lane stands: by source, the pool (counted by the lane), its next micro-batch and the tokens so far.

    `done` is the lane's progress through the first source, in pools.
    """

    pools: tuple[int, ...]
    batches: tuple[int, ...]
    tokens: tuple[int, ...]
    done: float = 0.0


@dataclass(frozen=True, slots=True)
class Item:
    """One micro-batch, its lane, and the lane's place after it."""

    lane: int
    place: LanePlace
    batch: MicroBatch


@dataclass(frozen=True, slots=True)
class Mixture:
    """The sources as pools, the share of each, and what turns them into micro-batches."""

    pools: tuple[Pools, ...]
    shares: tuple[float, ...]
    lanes: int
    encoder: Encoder
    settings: PoolSettings

    def start(self, lane: int) -> LanePlace:
        """Return the first place of a lane."""
        del lane
        n = len(self.pools)
        return LanePlace((0,) * n, (0,) * n, (0,) * n)

    def progress(self, places: Mapping[int, LanePlace], epochs: float) -> float:
        """Return the share of `epochs` passes over the first source that the lanes together have read."""
        return sum(p.done for p in places.values()) / (epochs * self.pools[0].count)


def open_source(config: SourceConfig) -> Source:
    """Return the source that `config` names."""
    if config.kind == "build":
        return BuildBlocks(config)
    return SceneBlocks(config) if config.kind == "scenes" else LlavaBlocks(config)


def mixture(data: DataConfig, lanes: int, encoder: Encoder, settings: PoolSettings) -> Mixture:
    """Return the sources of `data` cut into pools of about `shuffle_images` pictures, but enough for every lane."""
    pools = []
    for index, config in enumerate(data.sources):
        source = open_source(config)
        if source.blocks == 0:
            raise ConfigError(f"{source.name} holds nothing to train on")
        wanted = max(1, data.shuffle_images // source.images_per_block)
        pools.append(Pools(source, index, max(1, min(wanted, source.blocks // lanes))))
    shares = tuple(1.0 if s.share is None else s.share for s in data.sources)
    return Mixture(tuple(pools), shares, lanes, encoder, settings)


@dataclass(slots=True)
class Lane:
    """One lane's stream of items from `place` on."""

    mixture: Mixture
    lane: int
    place: LanePlace
    _open: dict[int, tuple[int, Pool]] = field(default_factory=dict)
    _empty: int = 0

    def next(self) -> Item:
        """Return the next micro-batch, from the source that is furthest behind its share of the tokens."""
        while True:
            source = self._furthest_behind()
            pool, batch = self.place.pools[source], self.place.batches[source]
            opened = self._pool(source, pool)
            if batch < len(opened):
                self._empty = 0
                return self._take(source, opened, batch)
            self._empty += len(opened) == 0
            if self._empty > self.mixture.pools[source].count:
                name = self.mixture.pools[source].source.name
                raise ConfigError(f"{name}: nothing is left of it (split, types and forms may not fit together)")
            self._move(source, pool + 1, 0, 0, 1.0)

    def _furthest_behind(self) -> int:
        tokens, shares = self.place.tokens, self.mixture.shares
        total = sum(tokens)
        # Lanes start at different phases, so that a rare source does not come up in all lanes at the same step.
        phase = [rng(self.mixture.settings.seed, "phase", self.lane, i).random() for i in range(len(shares))]
        size = self.mixture.settings.context * self.mixture.settings.micro_batch
        behind = [s * total - t + p * size for s, t, p in zip(shares, tokens, phase, strict=True)]
        return max(range(len(behind)), key=behind.__getitem__)

    def _pool(self, source: int, pool: int) -> Pool:
        held = self._open.get(source)
        if held is None or held[0] != pool:
            self._open.pop(source, None)
            number = self.lane + pool * self.mixture.lanes
            made = Pool(self.mixture.pools[source], number, self.mixture.encoder, self.mixture.settings)
            held = self._open[source] = (pool, made)
        return held[1]

    def _take(self, source: int, pool: Pool, batch: int) -> Item:
        made = pool.batch(batch)
        self._move(source, self.place.pools[source], batch + 1, made.tokens, (batch + 1) / len(pool))
        return Item(self.lane, self.place, made)

    def _move(self, source: int, pool: int, batch: int, tokens: int, within: float) -> None:
        def at(values: tuple[int, ...], value: int) -> tuple[int, ...]:
            return (*values[:source], value, *values[source + 1 :])

        place = self.place
        done = place.done
        if source == 0:
            done = float(pool) if batch == 0 else pool + within
        self.place = LanePlace(
            at(place.pools, pool), at(place.batches, batch), at(place.tokens, place.tokens[source] + tokens), done
        )


class _Lanes(IterableDataset[Item | Fault]):
    """The items of some lanes, one of each in turn, for ever. A loader process takes every n-th lane of them.

    Where one cannot be made, a fault is the last that comes.
    """

    def __init__(self, mixture: Mixture, lanes: Sequence[int], places: Mapping[int, LanePlace]) -> None:
        self._mixture, self._lanes, self._places = mixture, lanes, dict(places)

    def __iter__(self) -> Iterator[Item | Fault]:
        info = get_worker_info()
        mine = self._lanes if info is None else self._lanes[info.id :: info.num_workers]
        if info is not None:
            torch.set_num_threads(1)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the main process decides
        lanes = [Lane(self._mixture, lane, self._places.get(lane, self._mixture.start(lane))) for lane in mine]
        while True:
            for lane in lanes:
                try:
                    item = lane.next()
                except Exception as error:
                    yield Fault.of(error)
                    return
                yield item


def loader(
    mixture: Mixture, rank: int, ranks: int, places: Mapping[int, LanePlace], workers: int, pin: bool, log: Path
) -> Iterator[list[Item]]:
    """Yield the items of each step that are this rank's, from `places` on. Raises ConfigError if lanes do not divide.

    `workers` processes read ahead; it is lowered to a divisor of the rank's lanes, which keeps their order. An error
    in one of them is raised as it would be here; the traceback of one that is not ours goes to `log`.
    """
    if mixture.lanes % ranks:
        raise ConfigError(
            f"{mixture.lanes} micro-batches a step do not divide among {ranks} ranks; "
            "make optim.batch / optim.micro_batch a multiple of the number of ranks"
        )
    lanes = range(rank, mixture.lanes, ranks)
    workers = max(w for w in range(workers + 1) if w == 0 or len(lanes) % w == 0)
    items = DataLoader(
        _Lanes(mixture, lanes, places),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=max(2, 2 * len(lanes) // workers) if workers else None,
        multiprocessing_context="spawn" if workers else None,
    )
    step: list[Item] = []
    for item in received(items):
        if isinstance(item, Fault):
            raise item.told(log)
        step.append(Item(item.lane, item.place, item.batch.pin()) if pin else item)
        if len(step) == len(lanes):
            yield step
            step = []
