"""Faults told by others: the line that says what was wrong, and the rest in a log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from spatialgen.train.errors import TrainError
from spatialgen.train.faults import Fault, kept_apart, last_line, loaders_watched, received

TRACE = """Traceback (most recent call last):
  File "x.py", line 1, in <module>
spatialgen.errors.ConfigError: build has no questions called 'x'
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (TRACE, "build has no questions called 'x'"),
        ("KeyError: 'image'\n\n", "KeyError: 'image'"),
        ("spatialgen.train.errors.TrainError: step 3: the loss is nan", "step 3: the loss is nan"),
        ("", "no reason was given"),
    ],
)
def test_the_last_line_of_a_traceback_is_what_happened(text: str, line: str) -> None:
    assert last_line(text) == line


def test_a_traceback_is_kept_after_those_before(tmp_path: Path) -> None:
    log = tmp_path / "out" / "faults.log"
    for text in (TRACE, "KeyError: 'image'"):
        said = kept_apart(text, log)
        assert "\n" not in said
        assert str(log) in said
    assert log.read_text() == f"{TRACE}\nKeyError: 'image'\n\n"


def test_a_loader_process_that_ends_is_named_whatever_torch_says_of_it() -> None:
    def cut_off() -> Iterator[int]:
        yield 1
        raise ConnectionResetError(104, "Connection reset by peer")

    sent = received(cut_off())
    assert next(sent) == 1
    with pytest.raises(TrainError, match=r"a loader process ended unexpectedly.*data.workers"):
        next(sent)
    with pytest.raises(TrainError, match="the loader process 17 ended"), loaders_watched():
        raise RuntimeError("DataLoader worker (pid 17) is killed by signal: Killed.")
    with pytest.raises(RuntimeError, match="another"), loaders_watched():
        raise RuntimeError("another")


def test_a_log_that_cannot_be_written_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    fault = Fault(None, "KeyError: 'image'", TRACE)
    said = str(fault.told(tmp_path / "file" / "faults.log"))
    assert "KeyError: 'image'" in said
    assert "could not be kept" in said
