"""What the tables of a dataset hold, as nested counters that add up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def count_perceive(tables: Mapping[str, pa.Table]) -> dict[str, Any]:
    """Return images, objects, and rejects by reason, of records and of single objects."""
    rejects = tables["rejects"]
    single = pc.is_valid(rejects["object_id"])
    return {
        "images": tables["images"].num_rows,
        "objects": pc.sum(pc.list_value_length(tables["scenes"]["objects"])).as_py() or 0,
        "rejects": _by_value(rejects.filter(pc.invert(single))["code"]),
        "object_rejects": _by_value(rejects.filter(single)["code"]),
    }


def count_ask(tables: Mapping[str, pa.Table]) -> dict[str, Any]:
    """Return questions by type, and the scenes that could not be asked, by reason."""
    return {
        "questions": _by_value(tables["questions"]["question_type"]),
        "rejects": _by_value(tables["rejects"]["code"]),
    }


def _by_value(column: pa.ChunkedArray) -> dict[str, int]:
    rows = pc.value_counts(column).to_pylist()
    return {row["values"]: row["counts"] for row in sorted(rows, key=lambda r: str(r["values"]))}
