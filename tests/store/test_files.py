import errno
import os
from pathlib import Path

import pytest

from spatialgen.errors import StoreError
from spatialgen.store import files
from spatialgen.store.files import create_file, replace_file, store_errors


def test_create_file_lets_the_first_win_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "record"
    assert create_file(path, b"first")
    assert not create_file(path, b"second")
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["record"]


def test_create_file_trusts_a_link_whose_answer_was_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.link

    def link_and_repeat(source: Path, target: Path) -> None:
        real(source, target)
        real(source, target)  # what NFS does when the first answer is lost: the link is there, the error too

    monkeypatch.setattr(files.os, "link", link_and_repeat)
    assert create_file(tmp_path / "record", b"mine")
    assert (tmp_path / "record").read_bytes() == b"mine"


def test_replace_file_replaces(tmp_path: Path) -> None:
    replace_file(tmp_path / "a", b"1")
    replace_file(tmp_path / "a", b"2")
    assert (tmp_path / "a").read_bytes() == b"2"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "no permission"),
        (errno.EROFS, "read-only"),
        (errno.ENOENT, "gone away"),
        (errno.EOPNOTSUPP, "hard links"),
        (errno.EINTR, "run the same command again"),
    ],
)
def test_errors_say_what_to_do(tmp_path: Path, code: int, words: str) -> None:
    with pytest.raises(StoreError, match=words) as caught, store_errors(tmp_path / "x"):
        raise OSError(code, os.strerror(code))
    assert str(tmp_path / "x") in str(caught.value)


def test_a_full_disk_in_the_middle_of_a_file_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write

    def write(handle: int, data: bytes) -> int:
        if len(data) <= 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data[:5])

    monkeypatch.setattr(files.os, "write", write)
    with pytest.raises(StoreError, match="disk is full"):
        replace_file(tmp_path / "a", b"0123456789")
    assert os.listdir(tmp_path) == []
