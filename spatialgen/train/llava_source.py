"""Conversations of a LLaVA file, JSON list or JSON lines, read by record: only each record's place is in memory."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spatialgen.errors import SourceError
from spatialgen.train.config import LlavaSource
from spatialgen.train.samples import Conversation, Picture
from spatialgen.train.templates import IMAGE, Turn

_BLOCK = 64
_CHUNK = 1 << 20
_SPACE = {skipped: re.compile(rf"[{re.escape(skipped)}]*") for skipped in (" \t\r\n[", " \t\r\n,")}


class LlavaBlocks:
    """Blocks of 64 records. Raises SourceError where the file is no JSON list or JSON lines of LLaVA records."""

    def __init__(self, source: LlavaSource) -> None:
        self.name = source.path
        self._source = source
        self._places = np.array(list(_record_places(Path(source.path))), np.int64).reshape(-1, 2)
        if not len(self._places):
            raise SourceError(f"{source.path}: holds no records")
        self.blocks = -(-len(self._places) // _BLOCK)
        self.images_per_block = min(_BLOCK, len(self._places))

    def read(self, block: int, epoch: int, seed: int) -> Sequence[Conversation]:
        """Return the conversations of one block, in the file's order; one that is none has a fault."""
        del epoch, seed
        first = block * _BLOCK
        conversations = []
        with open(self._source.path, "rb") as file:
            for i, (start, stop) in enumerate(self._places[first : first + _BLOCK].tolist()):
                file.seek(start)
                try:
                    conversations.append(
                        self._conversation(first + i, self._record(first + i, file.read(stop - start)))
                    )
                except SourceError as error:
                    conversations.append(Conversation(f"record {first + i}", (), None, fault=str(error)))
        return conversations

    def _record(self, index: int, data: bytes) -> Any:
        try:
            return json.loads(data)
        except ValueError as error:
            raise SourceError(f"{self._source.path}, record {index}: is no valid JSON: {error}") from error

    def _conversation(self, index: int, record: Any) -> Conversation:
        if not isinstance(record, dict):
            raise SourceError(f"{self._source.path}, record {index}: is no record of id, image and conversations")
        name = f"{self._source.path}, record {index} ({record.get('id', 'no id')})"
        turns = _turns(name, record.get("conversations"))
        image = record.get("image")
        if image is None:
            return Conversation(name, turns, None)
        path = Path(self._source.images, str(image))
        question = turns[0].question.replace(IMAGE, "").strip()
        turns = (Turn(f"{IMAGE}\n{question}", turns[0].answer), *turns[1:])
        return Conversation(name, turns, Picture(str(path), None, path), self._source.coordinates)


def _turns(name: str, said: object) -> tuple[Turn, ...]:
    try:
        if not isinstance(said, list):
            raise TypeError
        if said[0]["from"] not in ("human", "user"):
            said = said[1:]  # some sets begin with a system line
        speakers = [s["from"] for s in said]
        if not said or not set(speakers[::2]) <= {"human", "user"} or not set(speakers[1::2]) <= {"gpt", "assistant"}:
            raise ValueError
        return tuple(Turn(str(q["value"]), str(a["value"])) for q, a in zip(said[::2], said[1::2], strict=True))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise SourceError(f"{name}: conversations must alternate human and gpt, each with a value") from error


def _record_places(path: Path) -> Iterator[tuple[int, int]]:
    """Yield the [start, stop) bytes of each record, reading the file once, a megabyte at a time."""
    try:
        with path.open("rb") as file:
            head = file.read(4096).lstrip()[:1]
            file.seek(0)
            yield from _list_places(path, file) if head == b"[" else _line_places(file)
    except OSError as error:
        raise SourceError(f"{path}: cannot read: {error.strerror}") from error


def _line_places(file: Any) -> Iterator[tuple[int, int]]:
    start = 0
    for line in file:
        if line.strip():
            yield start, start + len(line)
        start += len(line)


def _list_places(path: Path, file: Any) -> Iterator[tuple[int, int]]:
    """Yield the places of the elements of a JSON list, decoding each one on the way (in C, by the json module)."""
    decoder, utf8 = json.JSONDecoder(), codecs.getincrementaldecoder("utf-8-sig")()
    text, place, skipped = "", 3 if file.read(3) == codecs.BOM_UTF8 else 0, " \t\r\n["
    file.seek(0)
    while True:
        chunk = file.read(_CHUNK)
        text += utf8.decode(chunk, final=not chunk)
        at = 0
        while True:
            begin = _SPACE[skipped].match(text, at).end()  # type: ignore[union-attr]  # it matches nothing too
            if begin == len(text) or text[begin] == "]":
                break
            try:
                record, stop = decoder.raw_decode(text, begin)
            except ValueError as error:
                if chunk:
                    break  # the record goes on in the next chunk
                raise SourceError(f"{path}: is no valid JSON near byte {place}: {error}") from error
            if not isinstance(record, dict):
                raise SourceError(f"{path}: expected records near byte {place}")
            start = place + len(text[at:begin].encode())
            place = start + len(text[begin:stop].encode())
            yield start, place
            at, skipped = stop, " \t\r\n,"
        text = text[at:]
        if not chunk:
            return
