"""What the sources give: pictures with their conversations, a block (a row group or so) at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from spatialgen.records import U8
from spatialgen.train.errors import TrainError
from spatialgen.train.pictures import decode, pad_coordinates, square
from spatialgen.train.templates import Turn


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture: its bytes, or the path of its file."""

    key: str
    data: bytes | None
    path: Path | None

    def pixels(self, side: int, background: tuple[int, int, int]) -> U8:
        """Return the square-padded picture, (side, side, 3) uint8. Raises TrainError naming the picture."""
        return square(decode(self.read(), self.key), side, background)

    def _file(self) -> Path:
        if self.path is None:
            raise TrainError(f"{self.key}: has neither bytes nor a path")
        return self.path

    def read(self) -> bytes:
        """Return the file's bytes. Raises TrainError naming it."""
        if self.data is not None:
            return self.data
        try:
            return self._file().read_bytes()
        except OSError as error:
            raise TrainError(f"{self.key}: cannot read {self.path}: {error.strerror}") from error


@dataclass(frozen=True, slots=True, eq=False)
class Conversation:
    """Turns about one picture (or none). The first question begins with the image placeholder where there is one.

    `fault`: what is wrong with the record, so that nothing can be learnt from it.
    """

    name: str
    turns: tuple[Turn, ...]
    picture: Picture | None
    coordinates: str = "padded"
    fault: str = ""

    def padded(self) -> Conversation:
        """Return the conversation with its coordinates in the frame of the square-padded picture.

        Raises TrainError for a record with a fault, and where its picture cannot be read.
        """
        if self.fault:
            raise TrainError(self.fault)
        if self.coordinates == "padded" or self.picture is None:
            return self
        size = decode(self.picture.read(), self.picture.key).size
        turns = tuple(
            Turn(
                pad_coordinates(t.question, self.coordinates, *size),
                None if t.answer is None else pad_coordinates(t.answer, self.coordinates, *size),
            )
            for t in self.turns
        )
        return Conversation(self.name, turns, self.picture)


class Source(Protocol):
    """A set of conversations, readable a block at a time, the same for the same `epoch` and `seed` always."""

    name: str
    blocks: int
    images_per_block: int

    def read(self, block: int, epoch: int, seed: int) -> Sequence[Conversation]: ...
