"""Metrics of the field, each a function of what was parsed (None: could not be read) and the truth.

A parse failure is never dropped: it counts as wrong in every rate, and is reported beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from spatialgen.records import F64
from spatialgen.seeding import rng

Parsed = float | None
MRA_LEVELS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))


def relative_error(parsed: Parsed, truth: float) -> float | None:
    """|p - g| / |g|; None where the answer could not be read. A truth of 0 leaves 0 for an exact answer, else inf."""
    if parsed is None:
        return None
    if truth == 0:
        return 0.0 if parsed == 0 else math.inf
    return abs(parsed - truth) / abs(truth)


def within(parsed: Parsed, truth: float, tolerance: float = 0.25) -> bool:
    """SpatialRGPT-Bench's success: 0.75 g <= p <= 1.25 g (Cheng et al. 2024); 1e-9 of it is left for rounding.

    A truth of 0 asks for exactly 0.
    """
    error = relative_error(parsed, truth)
    return error is not None and error <= tolerance + 1e-9


def within_factor(parsed: Parsed, truth: float, factor: float = 2.0, strict: bool = True) -> bool:
    """Q-Spatial's success: max(p / g, g / p) < 2 (Liao et al. 2024); `strict=False` allows equality (SpatialVLM).

    A truth of 0 asks for exactly 0; an answer of 0 or less is in no factor of anything else.
    """
    if parsed is None or parsed <= 0 or truth <= 0:
        return parsed is not None and parsed == truth == 0
    ratio = max(parsed / truth, truth / parsed)
    return ratio < factor if strict else ratio <= factor + 1e-9


def mean_relative_accuracy(parsed: Parsed, truth: float) -> float:
    """VSI-Bench's MRA: mean over t in {0.50, 0.55 .. 0.95} of [|p - g| / g <= 1 - t] (Yang et al. 2024).

    A truth of 0, which the benchmark divides by, leaves 1 for an exact answer, else 0.
    """
    error = relative_error(parsed, truth)
    if error is None:
        return 0.0
    return sum(error <= 1 - t + 1e-9 for t in MRA_LEVELS) / len(MRA_LEVELS)


def hour_error(parsed: Parsed, truth: float) -> float | None:
    """Hours between two clock directions, the short way round: 0 .. 6."""
    if parsed is None:
        return None
    gap = abs(parsed - truth) % 12
    return min(gap, 12 - gap)


def direction_success(parsed: Parsed, truth: float) -> bool:
    """True within one hour of the truth, 12 and 1 being neighbours."""
    error = hour_error(parsed, truth)
    return error is not None and error <= 1 + 1e-9


def degree_error(parsed: Parsed, truth: float) -> float | None:
    """Degrees between two bearings, the short way round: 0 .. 180."""
    if parsed is None:
        return None
    gap = abs(parsed - truth) % 360
    return min(gap, 360 - gap)


def box_iou(parsed: Sequence[float] | None, truth: Sequence[float]) -> float:
    """Intersection over union of two [x0, y0, x1, y1]; 0 where the answer could not be read."""
    if parsed is None:
        return 0.0
    width = min(parsed[2], truth[2]) - max(parsed[0], truth[0])
    height = min(parsed[3], truth[3]) - max(parsed[1], truth[1])
    both = max(width, 0.0) * max(height, 0.0)
    area = abs((parsed[2] - parsed[0]) * (parsed[3] - parsed[1])) + (truth[2] - truth[0]) * (truth[3] - truth[1])
    return both / (area - both) if area > both else 0.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % bootstrap interval, over `count` answers."""

    mean: float
    low: float
    high: float
    count: int


def bootstrap(
    values: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    statistic: Callable[[F64], float] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Return a statistic (the mean) of `values` with its 95 % percentile interval.

    Answers to questions about one picture stand or fall together, so whole `groups` (pictures) are drawn, not
    single answers; without `groups` each answer is drawn by itself. NaN estimates where there are no values.
    """
    data = np.asarray(values, np.float64)
    if not len(data):
        return Estimate(math.nan, math.nan, math.nan, 0)
    places = _by_group(len(data), groups)
    draws = rng(seed, "bootstrap", len(data), len(places)).integers(0, len(places), (resamples, len(places)))
    if statistic is None:
        sums = np.array([data[p].sum() for p in places])
        sizes = np.array([len(p) for p in places])
        means = sums[draws].sum(1) / sizes[draws].sum(1)
        value = float(data.mean())
    else:
        means = np.array([statistic(data[np.concatenate([places[i] for i in draw])]) for draw in draws])
        value = statistic(data)
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(value, float(low), float(high), len(data))


def _by_group(count: int, groups: Sequence[Hashable] | None) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    if groups is None:
        return [np.array([i]) for i in range(count)]
    members: dict[Hashable, list[int]] = {}
    for i, group in enumerate(groups):
        members.setdefault(group, []).append(i)
    return [np.array(m) for m in members.values()]


def median(values: F64) -> float:
    """The median, as a statistic for `bootstrap`."""
    return float(np.median(values))
