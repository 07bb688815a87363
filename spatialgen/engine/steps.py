"""What happens to the records of a unit: read, the stages, write. The place in the unit never changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import pyarrow as pa

from spatialgen.engine.guard import describe, guarded, is_out_of_memory, release_memory
from spatialgen.engine.stage import Stage
from spatialgen.errors import BuildFailed, SpatialgenError
from spatialgen.records import Frame, Reject, RejectCode, Scene
from spatialgen.sources.base import PlanRow, Source

READ, WRITE = "read", "write"
PIECE = 16  # records of a unit whose pictures are held at once, and so the largest batch


@dataclass(frozen=True, slots=True)
class Finished:
    """An image that went all the way: its row of the images table, and its scene."""

    image: dict[str, Any]
    scene: Scene


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions about one scene: its rows of the questions table."""

    image_id: str
    questions: pa.Table


@dataclass(frozen=True, slots=True)
class Counted:
    """What could be asked of one scene, or of it and those that follow it in its batch."""

    image_id: str
    counts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """One record of a unit, as far as it has come. `notes` are the rejects of single objects."""

    image_id: str
    value: PlanRow | Frame | Finished | Scene | Asked | Counted | Reject
    notes: tuple[Reject, ...] = ()


@dataclass(slots=True)
class Clock:
    """Seconds and images by step."""

    seconds: dict[str, float] = field(default_factory=dict)
    images: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, seconds: float, images: int) -> None:
        """Count `images` that took `seconds` in step `name`."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        self.images[name] = self.images.get(name, 0) + images


class Step(Protocol):
    """One step of a worker, over consecutive items of a unit."""

    name: str
    batch_size: int

    def __call__(self, items: Sequence[Item]) -> list[Item]: ...

    def close(self) -> None: ...


class ReadStep:
    """From plan rows to frames."""

    name = READ
    batch_size = 1

    def __init__(self, source: Source) -> None:
        self._source = source

    def __call__(self, items: Sequence[Item]) -> list[Item]:
        return [self._read(item) if isinstance(item.value, PlanRow) else item for item in items]

    def _read(self, item: Item) -> Item:
        assert isinstance(item.value, PlanRow)
        for last in (False, True):
            try:
                value, notes = self._source.read(item.value)
                return Item(item.image_id, value, notes)
            except SpatialgenError:
                raise
            except Exception as error:
                code = RejectCode.OUT_OF_MEMORY if is_out_of_memory(error) else RejectCode.INTERNAL_ERROR
                if last:
                    return Item(item.image_id, Reject(item.image_id, READ, code, describe(error)))
                release_memory()
        raise AssertionError("the second try returns")

    def close(self) -> None:
        pass


class StageStep:
    """One stage over the frames among the items, set up at the first of them."""

    def __init__(self, stage: Stage) -> None:
        self.name, self.batch_size, self._stage = stage.name, stage.batch_size, stage
        self._is_set_up = False

    def __call__(self, items: Sequence[Item]) -> list[Item]:
        frames = [item.value for item in items if isinstance(item.value, Frame)]
        if frames and not self._is_set_up:
            self._set_up()
        results = iter(guarded(self.name, self._stage, frames))
        return [_followed(item, next(results)) if isinstance(item.value, Frame) else item for item in items]

    def _set_up(self) -> None:
        try:
            self._stage.setup()
        except SpatialgenError:
            raise
        except Exception as error:
            raise BuildFailed(f"stage {self.name} cannot be set up: {describe(error)}") from error
        self._is_set_up = True

    def close(self) -> None:
        if self._is_set_up:
            self._stage.close()


class WriteStep:
    """From frames that have a scene to what the tables need; pixels are let go."""

    name = WRITE
    batch_size = 1

    def __call__(self, items: Sequence[Item]) -> list[Item]:
        return [_finished(item) if isinstance(item.value, Frame) else item for item in items]

    def close(self) -> None:
        pass


def _followed(item: Item, result: Frame | Reject) -> Item:
    """Keep what a frame knew of its objects when the frame itself is rejected."""
    if isinstance(result, Reject) and isinstance(item.value, Frame):
        return Item(item.image_id, result, item.notes + item.value.object_rejects)
    return replace(item, value=result)


def _finished(item: Item) -> Item:
    frame = item.value
    assert isinstance(frame, Frame)
    notes = item.notes + frame.object_rejects
    if frame.scene is None:
        lost = Reject(item.image_id, WRITE, RejectCode.INTERNAL_ERROR, "no stage made a scene of this image")
        return Item(item.image_id, lost, notes)
    width, height = frame.size_wh
    image = {
        "image_id": frame.image_id,
        "image": {"bytes": frame.encoded, "path": frame.path},
        "width": width,
        "height": height,
        "content_sha256": frame.original_sha256,
    }
    return Item(item.image_id, Finished(image, frame.scene), notes)


def run_steps(
    steps: Sequence[Step], items: Sequence[Item], clock: Clock, on_step: Callable[[str], None] = lambda _: None
) -> list[Item]:
    """Take `items` through `steps`, in batches cut at fixed places of the unit, and so always alike.

    A unit is cut into pieces of PIECE records, a piece into a step's batches. One piece goes through all steps before
    the next is read, so that the pictures of a whole unit are never held at once.
    """
    done: list[Item] = []
    for start in range(0, len(items), PIECE):
        part = list(items[start : start + PIECE])
        for step in steps:
            on_step(step.name)
            part = _run_step(step, part, clock)
        done += part
    return done


def _run_step(step: Step, items: list[Item], clock: Clock) -> list[Item]:
    began, done = time.perf_counter(), []
    live = sum(not isinstance(item.value, Reject) for item in items)
    for start in range(0, len(items), step.batch_size):
        done += step(items[start : start + step.batch_size])
    clock.add(step.name, time.perf_counter() - began, live)
    return done
