"""Keyed randomness by the column: a 64-bit key for every fact, and as many draws from it as needed.

A key mixes the sha256-based hashes of what the fact is (seed, image, type, subjects, params), so nothing depends
on order, on the batch or on the number of workers. The mixer is the finaliser of splitmix64 (Steele et al. 2014).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spatialgen.seeding import key_hash

U64 = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S32, _S11 = (np.uint64(n) for n in (30, 27, 31, 32, 11))
_MASK = (1 << 64) - 1


@lru_cache(maxsize=4096)
def text_key(*parts: str | int) -> np.uint64:
    """Return the 64-bit key of a few words, by sha256."""
    return np.uint64(key_hash(*parts))


def text_keys(texts: Sequence[str]) -> U64:
    """Return the keys of many words, (n,) uint64, by blake2b."""
    unique = {text: hashlib.blake2b(text.encode(), digest_size=8).digest() for text in set(texts)}
    return np.frombuffer(b"".join([unique[text] for text in texts]), "<u8").astype(np.uint64)


def mix(keys: U64, part: U64 | np.uint64) -> U64:
    """Return `keys` with one more part mixed in, (n,) uint64. The order of the parts matters."""
    z: U64 = keys ^ part
    z += _GOLDEN
    z ^= z >> _S30
    z *= _M1
    z ^= z >> _S27
    z *= _M2
    z ^= z >> _S31
    return z


def mix_one(key: int, part: int) -> int:
    """Return one key with one more part mixed in: `mix` for plain integers."""
    z = ((key ^ part) + 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


@lru_cache(maxsize=4096)
def purpose_key(purpose: str) -> np.uint64:
    """Return the part that a draw for `purpose` mixes in."""
    return text_key("draw", purpose)


def draw(keys: U64, purpose: str) -> U64:
    """Return fresh 64 random bits a key for one purpose, independent of those for any other."""
    return mix(keys, purpose_key(purpose))


def coin(keys: U64, purpose: str) -> NDArray[np.bool_]:
    """Return a fair coin a key."""
    return (draw(keys, purpose) >> np.uint64(63)).astype(bool)


def below(keys: U64, purpose: str, n: int | NDArray[np.int64]) -> NDArray[np.int64]:
    """Return an integer in [0, n) a key, even to within 2**-32; `n` may differ by key."""
    high = draw(keys, purpose)
    high >>= _S32
    high *= np.uint64(n) if isinstance(n, int) else n.astype(np.uint64)
    high >>= _S32
    return high.view(np.int64)


def uniform(keys: U64, purpose: str) -> NDArray[np.float64]:
    """Return a number in [0, 1) a key."""
    return (draw(keys, purpose) >> _S11).astype(np.float64) * 2.0**-53


def hex_digests(keys: U64) -> list[str]:
    """Return each key as 16 hexadecimal digits."""
    text = keys.astype(">u8").tobytes().hex()
    return [text[i : i + 16] for i in range(0, len(text), 16)]
