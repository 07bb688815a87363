"""The catalog on disk: order, uniqueness, duplicates, and work that grows with the number of records only."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialgen.records import RejectCode
from spatialgen.sources.catalog import Catalog, Entry
from spatialgen.sources.fault import Fault


@given(st.lists(st.binary(min_size=1, max_size=4)))
def test_entries_come_back_once_and_sorted_as_bytes(keys: list[bytes]) -> None:
    with Catalog() as catalog:
        kept = [catalog.add(Entry(key, key, size=len(key), mtime_ns=7, locator="x")) for key in keys]
        found = list(catalog)
    assert [entry.key for entry in found] == sorted(set(keys))
    assert sum(kept) == len(set(keys))
    assert all(entry == Entry(entry.key, entry.key, len(entry.key), 7, "x") for entry in found)


@given(st.dictionaries(st.binary(min_size=1, max_size=3), st.sampled_from(["", "a", "b", "cc", "dd"])))
def test_of_equal_contents_the_first_key_stays(contents: dict[bytes, str]) -> None:
    with Catalog() as catalog:
        for key, text in contents.items():
            catalog.add(Entry(key, key, size=len(text)))
        catalog.mark_duplicates(lambda path: contents[path].encode())
        first = {entry.key: entry.first for entry in catalog}
    for key, text in contents.items():
        earliest = min(k for k, t in contents.items() if t == text)
        assert first[key] == (earliest if text and earliest != key else None)


def test_faults_and_unreadable_files_are_nobodys_duplicates() -> None:
    with Catalog() as catalog:
        catalog.add(Entry(b"a", b"a", 3, fault=Fault(RejectCode.NOT_A_FILE, "a folder")))
        catalog.add(Entry(b"b", b"b", 3))
        catalog.add(Entry(b"c", b"c", 3))
        catalog.mark_duplicates(lambda path: None if path == b"b" else b"digest")
        found = {entry.key: entry for entry in catalog}
    assert found[b"a"].fault is not None
    assert (found[b"a"].fault.code, found[b"a"].fault.detail) == (RejectCode.NOT_A_FILE, "a folder")
    assert [entry.first for entry in found.values()] == [None, None, None]


@pytest.mark.parametrize("dedupe", [False, True])
def test_the_work_grows_with_the_records_only(dedupe: bool) -> None:
    def steps(records: int) -> int:
        ticks = count()
        with Catalog() as catalog:
            catalog._db.set_progress_handler(lambda: next(ticks) and 0, 100)
            for i in range(records):
                catalog.add(Entry(b"%06d" % i, b"%06d" % i, size=1 + i // 2))
            if dedupe:
                catalog.mark_duplicates(lambda path: path)
            assert len(list(catalog)) == records
        return next(ticks)

    assert steps(4000) < 6 * steps(1000)


def test_the_file_is_gone_afterwards() -> None:
    with Catalog() as catalog:
        folder = Path(catalog._folder.name)
        assert folder.is_dir()
    assert not folder.exists()
