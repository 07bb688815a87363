"""Micro-batches: rows of tokens with their pictures, packed (several conversations a row) or of like length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from spatialgen.records import U8
from spatialgen.train.labels import IGNORE, Encoded


@dataclass(frozen=True, slots=True, eq=False)
class MicroBatch:
    """What a rank computes at once. B rows of L tokens, P pictures, N image slots.

    `ids`, `labels`, `positions` (B, L) int64, positions starting at 0 in every conversation; `pixels` (P, S, S, 3)
    uint8, each picture once; `slots` (N,) int64: which picture fills the n-th image of the rows, in reading order;
    `keys` name the pictures. `tokens` counts real tokens, padding aside, `supervised` those trained on; `lengths`
    are those of each row's conversations, and of what fills it up.
    """

    ids: torch.Tensor
    labels: torch.Tensor
    positions: torch.Tensor
    pixels: torch.Tensor
    slots: torch.Tensor
    keys: tuple[str, ...]
    source: int
    tokens: int
    supervised: int
    turns_cut: int
    lengths: tuple[tuple[int, ...], ...]
    bad: tuple[str, ...] = ()

    def to(self, device: torch.device) -> MicroBatch:
        """Return the batch on `device`."""
        moved = {
            n: getattr(self, n).to(device, non_blocking=True) for n in ("ids", "labels", "positions", "pixels", "slots")
        }
        return replace(self, **moved)

    def pin(self) -> MicroBatch:
        """Return the batch in page-locked memory, from which a GPU copies faster."""
        return replace(
            self, **{n: getattr(self, n).pin_memory() for n in ("ids", "labels", "positions", "pixels", "slots")}
        )


Row = tuple[int, ...]  # indices of the samples that share a row, in order


def pack(lengths: Sequence[int], context: int, open_rows: int = 32) -> list[Row]:
    """Return rows of at most `context` tokens: best fit among the last `open_rows`, in the order of `lengths`."""
    done: list[list[int]] = []
    rows: list[list[int]] = []
    room: list[int] = []
    for i, length in enumerate(lengths):
        fitting = [r for r in range(len(rows)) if room[r] >= length]
        if fitting:
            best = min(fitting, key=room.__getitem__)
            rows[best].append(i)
            room[best] -= length
            continue
        if len(rows) == open_rows:
            fullest = min(range(open_rows), key=room.__getitem__)
            done.append(rows.pop(fullest))
            room.pop(fullest)
        rows.append([i])
        room.append(context - length)
    return [tuple(row) for row in (*done, *rows)]


def group_by_length(lengths: Sequence[int], size: int, rng: np.random.Generator) -> list[list[Row]]:
    """Return groups of at most `size` one-sample rows of like length, the groups in random order."""
    order = sorted(range(len(lengths)), key=lambda i: (lengths[i], i))
    groups = [[(i,) for i in order[k : k + size]] for k in range(0, len(order), size)]
    return [groups[k] for k in rng.permutation(len(groups)).tolist()]


def collate(
    rows: Sequence[Row],
    samples: Sequence[Encoded],
    pictures: Sequence[str | None],
    pixels: dict[str, U8],
    pad_id: int,
    side: int,
    source: int,
) -> MicroBatch:
    """Return the micro-batch of `rows` over `samples`; `pictures` names each sample's picture, `pixels` holds them."""
    width = max(sum(len(samples[i]) for i in row) for row in rows)
    ids = np.full((len(rows), width), pad_id, np.int64)
    labels = np.full((len(rows), width), IGNORE, np.int64)
    positions = np.zeros((len(rows), width), np.int64)
    slots: list[int] = []
    lengths: list[tuple[int, ...]] = []
    keys: dict[str, int] = {}
    for r, row in enumerate(rows):
        at = 0
        for i in row:
            n = len(samples[i])
            ids[r, at : at + n], labels[r, at : at + n] = samples[i].ids, samples[i].labels
            positions[r, at : at + n] = np.arange(n)
            key = pictures[i]
            if key is not None:
                slots.append(keys.setdefault(key, len(keys)))
            at += n
        # What fills up a row comes after every real token, so causal attention never sees it.
        positions[r, at:] = np.arange(width - at)
        lengths.append((*(len(samples[i]) for i in row), *((width - at,) if at < width else ())))
    used = [samples[i] for row in rows for i in row]
    stacked = np.stack([pixels[k] for k in keys]) if keys else np.zeros((0, side, side, 3), np.uint8)
    return MicroBatch(
        torch.from_numpy(ids),
        torch.from_numpy(labels),
        torch.from_numpy(positions),
        torch.from_numpy(stacked),
        torch.tensor(slots, dtype=torch.int64),
        tuple(keys),
        source,
        sum(len(s) for s in used),
        sum(s.supervised for s in used),
        sum(s.turns_cut for s in used),
        tuple(lengths),
    )
