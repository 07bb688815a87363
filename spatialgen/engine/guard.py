"""Errors are data: a stage that fails on a record costs that record, not the run.

Out of memory halves the batch. An unknown exception is retried record by record, then becomes a reject with its
traceback. Errors that concern the whole run (SpatialgenError: weights, disk, config) pass through and stop it.
"""

from __future__ import annotations

import gc
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Protocol, TypeVar

from spatialgen.errors import SpatialgenError
from spatialgen.records import Reject, RejectCode


class Named(Protocol):
    """A record: anything that knows which image it is of."""

    @property
    def image_id(self) -> str: ...


A = TypeVar("A", bound=Named)
B = TypeVar("B", bound=Named)

_DETAIL_CHARS = 4000
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "insufficient memory", "failed to allocate memory")


def guarded(name: str, call: Callable[[Sequence[A]], Sequence[B | Reject]], batch: Sequence[A]) -> list[B | Reject]:
    """Return `call(batch)`, with a Reject in the place of each record that it cannot take.

    `name` is the stage's, for the rejects. The result has the batch's length and order.
    """
    if not batch:
        return []
    try:
        return _checked(call, batch)
    except SpatialgenError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            return _halved(name, call, batch, error)
    return [_alone(name, call, record) for record in batch]


def _checked(call: Callable[[Sequence[A]], Sequence[B | Reject]], batch: Sequence[A]) -> list[B | Reject]:
    results = list(call(batch))
    if len(results) != len(batch):
        raise RuntimeError(f"the stage returned {len(results)} results for {len(batch)} records")
    for record, result in zip(batch, results, strict=True):
        if result.image_id != record.image_id:
            raise RuntimeError(f"the stage returned {result.image_id!r} in the place of {record.image_id!r}")
    return results


def _halved(
    name: str, call: Callable[[Sequence[A]], Sequence[B | Reject]], batch: Sequence[A], error: Exception
) -> list[B | Reject]:
    error.__traceback__ = None  # it holds the records of the failed call, and with them their memory
    release_memory()
    if len(batch) == 1:
        detail = f"not even one record at a time fits in memory: {type(error).__name__}: {error}"
        return [Reject(batch[0].image_id, name, RejectCode.OUT_OF_MEMORY, detail[:_DETAIL_CHARS])]
    half = len(batch) // 2
    return guarded(name, call, batch[:half]) + guarded(name, call, batch[half:])


def _alone(name: str, call: Callable[[Sequence[A]], Sequence[B | Reject]], record: A) -> B | Reject:
    try:
        return _checked(call, [record])[0]
    except SpatialgenError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            return _halved(name, call, [record], error)[0]
        return Reject(record.image_id, name, RejectCode.INTERNAL_ERROR, describe(error))


def is_out_of_memory(error: BaseException) -> bool:
    """True for MemoryError and for what torch, OpenCV and onnxruntime raise in its place."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, Exception) and any(words in str(error).lower() for words in _OUT_OF_MEMORY)


def release_memory() -> None:
    """Give back what can be given back before a smaller batch is tried."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def describe(error: BaseException) -> str:
    """Return the exception with its traceback, without folders of this machine, the engine's own calls left out."""
    calls = [c for c in traceback.extract_tb(error.__traceback__) if PurePath(c.filename).name != "guard.py"]
    lines = [f"  {_place(c.filename)}:{c.lineno} in {c.name}" for c in calls]
    return "\n".join([f"{type(error).__name__}: {error}", *lines])[:_DETAIL_CHARS]


def _place(filename: str) -> str:
    parts = PurePath(filename).parts
    for anchor in ("site-packages", "spatialgen"):
        if anchor in parts:
            at = len(parts) - 1 - parts[::-1].index(anchor)
            return "/".join(parts[at + (anchor == "site-packages") :])
    return parts[-1]
