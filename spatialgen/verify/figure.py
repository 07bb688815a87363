"""The figure of verify: what is right, how far off, how much was asked, and whether sigma is honest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from scipy.special import erf

from spatialgen.verify.judged import Summary
from spatialgen.verify.run import ConditionReport

mpl.use("Agg")

from matplotlib import pyplot as plt


def draw(reports: Sequence[ConditionReport], path: Path) -> None:
    """Write the figure as a PNG: a heat map for each of three shares by type and condition, and calibration."""
    tables = {report.name: {row.type: row for row in report.summaries()} for report in reports}
    names = sorted({(row.kind, name) for table in tables.values() for name, row in table.items()})
    figure, axes = plt.subplots(1, 4, figsize=(18, 0.2 * len(names) + 2.5))
    figure.subplots_adjust(left=0.08, right=0.99, top=0.97, bottom=0.08, wspace=0.35)
    shares: list[tuple[str, Callable[[Summary], float], float]] = [
        ("right, or within 10 % / 1 cm", _good, 0.9),
        ("right, or within 25 %", lambda row: row.right if row.kind != "quantity" else row.within_25, 0.9),
        ("asked, of what could be", lambda row: row.coverage, 0.0),
    ]
    for axis, (title, share, low) in zip(axes, shares, strict=False):
        _heat_map(axis, tables, [name for _, name in names], share, low)
        axis.set_title(title)
    _calibration(axes[3], reports)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _good(row: Summary) -> float:
    return row.right if row.kind != "quantity" else row.within_10


def _heat_map(
    axis: Any,
    tables: dict[str, dict[str, Summary]],
    names: Sequence[str],
    share: Callable[[Summary], float],
    low: float,
) -> None:
    values = np.full((len(names), len(tables)), np.nan)
    for column, table in enumerate(tables.values()):
        for row, name in enumerate(names):
            values[row, column] = share(table[name]) if name in table else np.nan
    axis.imshow(values, aspect="auto", cmap="RdYlGn", vmin=low, vmax=1.0)
    axis.set_xticks(range(len(tables)), tables, rotation=40, ha="right", fontsize=8)
    axis.set_yticks(range(len(names)), names, fontsize=7)
    for (row, column), value in np.ndenumerate(values):
        if not np.isnan(value):
            axis.text(column, row, f"{100 * value:.1f}", ha="center", va="center", fontsize=6)


def _calibration(axis: Any, reports: Sequence[ConditionReport]) -> None:
    """Draw the share of errors within k sigma against what an honest Gaussian sigma gives."""
    k = np.linspace(0, 4, 81)
    axis.plot(k, erf(k / np.sqrt(2)), "k--", label="honest")
    for report in reports:
        asked = [item for item in report.judged if item.kind == "quantity" and item.asked]
        if asked:
            ratio = np.array([item.error / max(item.sigma, 1e-12) for item in asked])
            axis.plot(k, [(ratio <= limit).mean() for limit in k], label=report.name)
    axis.set_xlabel("sigmas")
    axis.set_ylabel("share of errors within")
    axis.set_title("calibration of all quantities")
    axis.legend(fontsize=8)
    axis.grid(alpha=0.3)
