from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from spatialgen.engine.guard import describe, guarded, is_out_of_memory
from spatialgen.errors import WeightsError
from spatialgen.records import Reject, RejectCode


@dataclass(frozen=True)
class Thing:
    image_id: str
    value: int = 0


THINGS = [Thing(f"i{k}", k) for k in range(7)]
Results = list["Thing | Reject"]


class Counting:
    """A stage that notes the batches it was given."""

    def __init__(self, call: Callable[[Sequence[Thing]], Results]) -> None:
        self.batches: list[int] = []
        self._call = call

    def __call__(self, batch: Sequence[Thing]) -> Results:
        self.batches.append(len(batch))
        return self._call(batch)


def squared(batch: Sequence[Thing]) -> Results:
    return [Thing(t.image_id, t.value**2) for t in batch]


def test_a_stage_that_works_is_called_once_and_a_reject_passes() -> None:
    def refuse_i3(batch: Sequence[Thing]) -> Results:
        bad = Reject("i3", "stage", RejectCode.BAD_DEPTH, "all zero")
        return [bad if t.image_id == "i3" else t for t in squared(batch)]

    stage = Counting(refuse_i3)
    results = guarded("stage", stage, THINGS)
    assert [r.value if isinstance(r, Thing) else r.code for r in results] == [0, 1, 4, RejectCode.BAD_DEPTH, 16, 25, 36]
    assert stage.batches == [7]


def test_an_unknown_exception_costs_the_record_that_causes_it() -> None:
    def no_i4(batch: Sequence[Thing]) -> Results:
        if any(t.image_id == "i4" for t in batch):
            raise KeyError("depth")
        return squared(batch)

    stage = Counting(no_i4)
    results = guarded("stage", stage, THINGS)
    assert [r.value for r in results if isinstance(r, Thing)] == [0, 1, 4, 9, 25, 36]
    bad = results[4]
    assert isinstance(bad, Reject)
    assert (bad.image_id, bad.stage, bad.code) == ("i4", "stage", RejectCode.INTERNAL_ERROR)
    assert bad.detail.startswith("KeyError: 'depth'")
    assert "in no_i4" in bad.detail
    assert "/" not in bad.detail.replace("spatialgen/", ""), "no folders of this machine"
    assert stage.batches == [7] + [1] * 7


def test_a_passing_trouble_costs_nothing() -> None:
    calls = iter([True])

    def fail_once(batch: Sequence[Thing]) -> Results:
        if next(calls, False):
            raise ConnectionError("the first call")
        return squared(batch)

    assert guarded("stage", fail_once, THINGS[:1]) == squared(THINGS[:1])


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OutOfMemoryError("CUDA"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        RuntimeError("OpenCV(5.0) error: (-4:Insufficient memory) Failed to allocate 9 bytes"),
    ],
)
def test_out_of_memory_halves_the_batch(error: Exception) -> None:
    def at_most_two(batch: Sequence[Thing]) -> Results:
        if len(batch) > 2:
            raise error
        return squared(batch)

    stage = Counting(at_most_two)
    assert guarded("stage", stage, THINGS) == squared(THINGS)
    assert stage.batches == [7, 3, 1, 2, 4, 2, 2]


def test_a_record_too_large_alone_is_a_reject() -> None:
    def no_i2(batch: Sequence[Thing]) -> Results:
        if any(t.image_id == "i2" for t in batch):
            raise MemoryError("9 GB")
        return squared(batch)

    results = guarded("stage", no_i2, THINGS)
    bad = results[2]
    assert isinstance(bad, Reject)
    assert bad.code is RejectCode.OUT_OF_MEMORY
    assert sum(isinstance(r, Thing) for r in results) == 6


@pytest.mark.parametrize("error", [WeightsError("no file"), KeyboardInterrupt(), SystemExit(143)])
def test_what_concerns_the_whole_run_passes_through(error: BaseException) -> None:
    def stop(batch: Sequence[Thing]) -> Results:
        raise error

    with pytest.raises(type(error)):
        guarded("stage", stage := Counting(stop), THINGS)
    assert stage.batches == [7]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda batch: squared(batch)[:-1], "0 results for 1 records"),
        (lambda batch: [Thing("other")] * len(batch), "'other' in the place of 'i0'"),
    ],
)
def test_a_stage_that_loses_or_mixes_up_records_is_found_out(
    wrong: Callable[[Sequence[Thing]], Results], words: str
) -> None:
    results = guarded("stage", wrong, THINGS)
    assert all(isinstance(r, Reject) and r.code is RejectCode.INTERNAL_ERROR for r in results)
    assert isinstance(results[0], Reject)
    assert words in results[0].detail


def test_nothing_is_not_a_batch() -> None:
    stage = Counting(squared)
    assert guarded("stage", stage, []) == []
    assert stage.batches == []


def test_a_long_traceback_is_cut() -> None:
    assert len(describe(ValueError("x" * 10_000))) == 4000


def test_other_errors_are_not_out_of_memory() -> None:
    assert not is_out_of_memory(ValueError("out of range"))
    assert not is_out_of_memory(KeyboardInterrupt("out of memory"))
