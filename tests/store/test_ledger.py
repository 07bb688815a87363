import errno
import os
from pathlib import Path

import pyarrow as pa
import pytest

from spatialgen import schema
from spatialgen.errors import StoreError
from spatialgen.records import Reject, RejectCode
from spatialgen.store import ledger as module
from spatialgen.store.ledger import Ledger


def rejects(*names: str) -> dict[str, pa.Table]:
    rows = [Reject(name, "read", RejectCode.EMPTY_FILE, "nothing in it") for name in names]
    return {"rejects": schema.rejects_table(rows), "scenes": schema.scenes_table([])}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "staging")
    made.prepare(2500)
    return made


def test_the_first_commit_wins(ledger: Ledger) -> None:
    assert ledger.commit(7, rejects("a"), {"rejects": {"empty_file": 1}})
    assert not ledger.commit(7, rejects("b", "c"), {"rejects": {"empty_file": 2}})
    record = ledger.record(7)
    assert ledger.table(record, "rejects", schema.REJECTS)["image_id"].to_pylist() == ["a"]
    assert record.counts == {"rejects": {"empty_file": 1}}
    assert len(os.listdir(ledger.folder(7))) == 2  # one table, one record: the loser took its files away


def test_tables_without_rows_take_no_file(ledger: Ledger) -> None:
    ledger.commit(1, rejects("a"), {})
    record = ledger.record(1)
    assert (record.rows("rejects"), record.rows("scenes")) == (1, 0)
    assert set(record.files) == {"rejects"}
    assert ledger.table(record, "scenes", schema.SCENES).schema.equals(schema.SCENES)


def test_committed_finds_units_in_all_folders(ledger: Ledger) -> None:
    for unit in (0, 999, 1000, 2499):
        ledger.commit(unit, rejects(str(unit)), {})
    (ledger.folder(3) / "00000003.abc.rejects.parquet").write_bytes(b"staged, never committed")
    (ledger.folder(3) / ".00000003.json.abc.tmp").write_bytes(b"{}")
    done = ledger.committed(2500)
    assert done.nonzero()[0].tolist() == [0, 999, 1000, 2499]
    assert not ledger.is_committed(3)


def test_a_staged_file_that_changed_is_refused(ledger: Ledger) -> None:
    ledger.commit(1, rejects("a"), {})
    record = ledger.record(1)
    path = ledger.folder(1) / record.files["rejects"].file
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(StoreError, match="sha256"):
        ledger.table(record, "rejects", schema.REJECTS)


def test_a_damaged_record_says_what_to_do(ledger: Ledger) -> None:
    ledger.record_path(1).write_bytes(b'{"unit": 1')
    with pytest.raises(StoreError, match="delete it and run again"):
        ledger.record(1)


def test_a_worker_does_not_bring_a_removed_staging_folder_back(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "staging")
    with pytest.raises(StoreError, match="gone away"):
        ledger.commit(1, rejects("a"), {})
    assert not (tmp_path / "staging").exists()


def test_forget_lets_a_unit_be_made_again(ledger: Ledger) -> None:
    ledger.commit(1, rejects("a"), {})
    ledger.forget(1)
    assert not ledger.is_committed(1)
    assert ledger.commit(1, rejects("b"), {})
    assert ledger.table(ledger.record(1), "rejects", schema.REJECTS)["image_id"].to_pylist() == ["b"]


def test_a_signal_after_the_commit_leaves_the_committed_files(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    real = module.create_file

    def create_then_stop(path: Path, data: bytes) -> bool:
        real(path, data)
        raise SystemExit(143)

    monkeypatch.setattr(module, "create_file", create_then_stop)
    with pytest.raises(SystemExit):
        ledger.commit(1, rejects("a"), {})
    assert ledger.table(ledger.record(1), "rejects", schema.REJECTS)["image_id"].to_pylist() == ["a"]


def test_a_full_disk_leaves_nothing_of_the_unit(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    real = module.write_durable
    calls = iter([real])

    def full(path: Path, data: bytes) -> None:
        for write in calls:
            return write(path, data)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "write_durable", full)
    with pytest.raises(StoreError, match="disk is full"):
        ledger.commit(1, {"rejects": rejects("a")["rejects"], "other": rejects("b")["rejects"]}, {})
    assert os.listdir(ledger.folder(1)) == []
