"""Summaries as a table in plain text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spatialgen.verify.judged import Summary

_HEAD = f"{'type':22s} {'asked':>6s} {'could':>6s} {'cover':>6s} {'right':>6s} {'10 %':>6s} {'25 %':>6s}"
_TAIL = f" {'e50':>8s} {'e95':>8s} {'e100':>8s} {'1s':>5s} {'2s':>5s} {'3s':>5s}"


def plain_table(rows: Sequence[Summary]) -> str:
    """Return one line a type: counts, shares in per cent, error quantiles in the type's unit, calibration."""
    return "\n".join([_HEAD + _TAIL, *(_line(row) for row in rows)])


def _line(row: Summary) -> str:
    shares = (row.coverage, row.right, row.within_10, row.within_25)
    errors = (row.median_error, row.p95_error, row.max_error)
    sigmas = (row.within_1_sigma, row.within_2_sigma, row.within_3_sigma)
    text = f"{row.type:22s} {row.asked:6d} {row.askable:6d}"
    text += "".join(f" {_percent(share):>6s}" for share in shares)
    text += "".join(f" {_number(error):>8s}" for error in errors)
    return text + "".join(f" {_percent(share, 0):>5s}" for share in sigmas)


def _percent(share: float, digits: int = 1) -> str:
    return "-" if np.isnan(share) else f"{100 * share:.{digits}f}"


def _number(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.4f}"
