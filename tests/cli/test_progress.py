"""Progress in words, in JSON and as bars; rates count this run alone."""

from __future__ import annotations

import json
import os
import pty
import sys
import threading

import pytest

from spatialgen.console import progress
from spatialgen.console.progress import Count, JsonLines, PlainLines, watching
from spatialgen.console.words import duration, rate, shown, size
from spatialgen.reports import UnitDone


def unit(records: int = 10) -> UnitDone:
    return UnitDone(0, records, records, {}, {}, {})


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_rate_and_time_left_leave_out_what_was_done_before(clock: Clock) -> None:
    count = Count("perceive", units=10, units_done=5, records=100, records_done=50, began=100.0)
    assert (count.per_second, count.seconds_left) == (0, None)
    clock.now += 5
    count.add(unit())
    assert count.per_second == 2.0
    assert count.seconds_left == 20.0
    assert count.line() == "perceive: 60/100 images in 6/10 units, 2.00 images/s, 0:20 left"


def test_plain_lines_come_now_and_then_and_once_at_the_end(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    lines = PlainLines()
    lines.start("ask", 3, 1, 30, 10)
    lines.update(unit())
    clock.now += 60
    lines.update(unit())
    lines.finish()
    lines.finish()
    lines.update(unit())
    assert capsys.readouterr().err.splitlines()[0] == "ask: 30 images in 3 units, 10 of them done before"
    lines.start("ask", 1, 0, 10, 0)
    clock.now += 60
    lines.update(unit())
    lines.finish()
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2, "the last line is not said twice"


def test_json_lines_are_json(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    lines = JsonLines()
    lines.message('with "quotes"\nand lines')
    lines.start("perceive", 2, 0, 20, 0)
    clock.now += 10
    lines.update(unit())
    lines.update(unit())
    lines.finish()
    captured = capsys.readouterr()
    rows = [json.loads(line) for line in captured.err.splitlines()]
    assert captured.out == ""
    assert [row["event"] for row in rows] == ["message", "start", "progress", "finish"]
    assert rows[2]["images_per_s"] == 1.0
    assert rows[2]["seconds_left"] == 10.0
    assert rows[3]["images_done"] == 20


def test_a_terminal_sees_a_bar_with_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    main, side = pty.openpty()
    seen: list[bytes] = []

    def drain() -> None:
        try:
            while data := os.read(main, 4096):
                seen.append(data)
        except OSError:
            return

    reader = threading.Thread(target=drain)
    reader.start()
    with os.fdopen(side, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setenv("COLUMNS", "120")
        monkeypatch.setenv("TERM", "xterm")
        with watching(as_json=False) as live:
            live.start("perceive", 4, 2, 40, 20)
            live.message("[not markup]")
            live.update(unit())
            live.finish()
    reader.join(timeout=10)
    os.close(main)
    text = b"".join(seen).decode()
    assert "perceive" in text
    assert "30/40" in text
    assert "left" in text
    assert "[not markup]" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("plain é ☃", "plain é ☃"), ("a\nb\x1b[31m", "a\\nb\\x1b[31m"), ("x" * 100, "x" * 28 + "..." + "x" * 28)],
)
def test_names_are_safe_to_print(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_numbers_are_readable() -> None:
    assert [size(n) for n in (0, 999, 1000, 12_345_678, 2e15)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "12.3 MB",
        "2000.0 TB",
    ]
    assert [duration(s) for s in (0, 59.6, 125, 3725)] == ["0:00", "1:00", "2:05", "1:02:05"]
    assert [rate(r) for r in (0.1234, 5, 12.34)] == ["0.12", "5.00", "12.3"]
