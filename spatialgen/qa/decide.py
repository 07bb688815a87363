"""When a fact is decided: the margins of the spec. Everything else is silence, "about the same" or "unknown"."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

RATIO_SIZE = float(np.log(1.15))
RATIO_VOLUME = float(np.log(1.5))
VAGUE, OF_THE_VAGUE = 0.8, 10.0
"""Relative errors from which the logarithm of a size is no longer told by them (two of them below it, nothing is
left), and by how much larger its error is taken to be then."""

RELATIVE_LIMIT = 0.10
ABSOLUTE_LIMIT_M = 0.01


def log_sigma(relative_i: F64, relative_j: F64) -> F64:
    """Return the error of the logarithm of a ratio from the relative errors of its two sizes."""
    sigma = np.hypot(relative_i, relative_j)
    return np.where(sigma > VAGUE, OF_THE_VAGUE * sigma, sigma)


def difference_decided(difference: F64, sigma: F64, floor: F64 | float) -> Bool:
    """Return where |difference| > max(floor, 2 sigma). NaN is never decided."""
    return np.abs(difference) > np.maximum(floor, 2.0 * sigma)


def difference_same(difference: F64, sigma: F64, floor: F64 | float) -> Bool:
    """Return where the difference is surely within the floor: "about the same"."""
    return np.abs(difference) + 2.0 * sigma < floor


def difference_margin(difference: F64, sigma: F64, floor: F64 | float) -> F64:
    """Return |difference| / max(floor, 2 sigma): 1 at the limit."""
    return np.abs(difference) / np.maximum(np.maximum(floor, 2.0 * sigma), 1e-12)


def quantity_decided(value: F64, sigma: F64, absolute: float = ABSOLUTE_LIMIT_M) -> Bool:
    """Return where 2 sigma <= max(10 % of the value, `absolute`). NaN is never decided."""
    return 2.0 * sigma <= np.maximum(RELATIVE_LIMIT * np.abs(value), absolute)


def zone(value: F64, sigma: F64, yes: float | F64, no: float | F64, inner: float = 2.0) -> tuple[Bool, Bool]:
    """Return (holds, fails) of a measure that says yes at or below `yes` and no at or above `no` > `yes`.

    Decided when the measure is `inner` sigmas inside its zone and the other zone is over 2 sigmas away.
    """
    holds = (value + inner * sigma <= yes) & (value + 2.0 * sigma < no)
    fails = (value - inner * sigma >= no) & (value - 2.0 * sigma > yes)
    return holds, fails
