"""One answer beside its truth, and what many of them amount to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer and its truth. `value` is None where it was not asked; `truth` None where silence was due.

    `kind`: "quality" (yes/no, a pick, an order, a count), "quantity", or "box" (nine numbers at once, right or not).
    `right` is the verdict on a quality or a box; `error` (absolute, in `unit`) and `sigma` belong to quantities.
    `askable`: counts for coverage.
    """

    type: str
    kind: str
    scene_id: str
    subjects: tuple[str, ...]
    value: float | None
    truth: float | None
    unit: str = "m"
    sigma: float = 0.0
    right: bool | None = None
    askable: bool = False
    note: str = ""

    @property
    def asked(self) -> bool:
        """Whether there is an answer to judge."""
        return self.value is not None or self.right is not None

    @property
    def error(self) -> float:
        """Absolute error of a quantity; infinite where silence was due; angles around the circle."""
        if self.value is None or self.truth is None:
            return float("inf")
        difference = abs(self.value - self.truth)
        return min(difference, 360.0 - difference) if self.unit == "deg" else difference

    def within(self, share: float) -> bool:
        """Return whether the error is within `share` of the truth, or 1 cm (1 cl, 2 degrees) in small things."""
        floor = {"m": 0.01, "m3": 0.0, "deg": 10.0 * share / 0.10, "ratio": 0.0, "count": 0.0}.get(self.unit, 0.01)
        if self.truth is None:
            return False
        return self.error <= max(floor, 0.0 if self.unit == "deg" else share * abs(self.truth)) + 1e-9


@dataclass(frozen=True, slots=True)
class Summary:
    """What is known of one type: counts, shares (NaN where nothing was asked) and quantiles of the error."""

    type: str
    kind: str
    asked: int
    askable: int
    coverage: float
    right: float
    within_10: float
    within_25: float
    median_error: float
    p95_error: float
    max_error: float
    within_1_sigma: float
    within_2_sigma: float
    within_3_sigma: float


def summarise(name: str, kind: str, judged: Sequence[Judged]) -> Summary:
    """Return the summary of all answers of one type (or of all types of a kind, pooled)."""
    asked = [item for item in judged if item.asked]
    askable = [item for item in judged if item.askable]
    errors = np.array([item.error for item in asked if kind == "quantity"])
    sigmas = np.array([max(item.sigma, 1e-12) for item in asked if kind == "quantity"])
    finite = errors[np.isfinite(errors)]
    median, p95, largest = np.quantile(finite, [0.5, 0.95, 1.0]) if len(finite) else np.full(3, np.nan)
    return Summary(
        type=name,
        kind=kind,
        asked=len(asked),
        askable=len(askable),
        coverage=_share([item.asked for item in askable]),
        right=_share([bool(item.right) for item in asked if kind != "quantity"]),
        within_10=_share([item.within(0.10) for item in asked if kind == "quantity"]),
        within_25=_share([item.within(0.25) for item in asked if kind == "quantity"]),
        median_error=float(median),
        p95_error=float(p95),
        max_error=float(largest),
        within_1_sigma=_share((errors <= sigmas).tolist()),
        within_2_sigma=_share((errors <= 2 * sigmas).tolist()),
        within_3_sigma=_share((errors <= 3 * sigmas).tolist()),
    )


def _share(flags: Sequence[bool]) -> float:
    return float(np.mean(flags)) if len(flags) else float("nan")


def by_type(judged: Sequence[Judged]) -> list[Summary]:
    """Return a summary of each type, qualities first, and one of all qualities and of all quantities at the end."""
    groups: dict[tuple[str, str], list[Judged]] = {}
    for item in judged:
        groups.setdefault((item.kind, item.type), []).append(item)
    rows = [summarise(name, kind, items) for (kind, name), items in sorted(groups.items())]
    for kind in ("quality", "quantity"):
        pooled = [item for item in judged if item.kind == kind]
        if pooled:
            rows.append(summarise(f"all {kind}", kind, pooled))
    return rows
