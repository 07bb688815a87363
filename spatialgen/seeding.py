"""Randomness that depends on what a record is, never on when or where it is processed."""

from __future__ import annotations

import hashlib
import json

import numpy as np

Key = str | int | float | bool | None


def key_digest(*parts: Key) -> bytes:
    """Return the 32-byte sha256 of `parts`, encoded so that no two different tuples collide."""
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).digest()


def key_hash(*parts: Key) -> int:
    """Return a stable unsigned 64-bit hash of `parts`."""
    return int.from_bytes(key_digest(*parts)[:8], "little")


def rng(*parts: Key) -> np.random.Generator:
    """Return a counter-based generator (Philox) keyed by `parts`, the same on every machine."""
    key = np.frombuffer(key_digest(*parts)[:16], dtype="<u8")
    return np.random.Generator(np.random.Philox(key=key.astype(np.uint64)))
