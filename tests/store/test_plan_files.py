from pathlib import Path

import pyarrow.parquet as pq
import pytest

from spatialgen.errors import StoreError
from spatialgen.records import Reject, RejectCode
from spatialgen.sources.base import PlanRow
from spatialgen.store import plan as module
from spatialgen.store.layout import DatasetPaths
from spatialgen.store.plan import PlanInfo, PlanReader, UnitLimits, read_info, write_info, write_plan


def row(k: int, size: int = 10) -> PlanRow:
    return PlanRow(f"i{k:04d}", b"\xff%04d" % k, size, k, f'{{"line": {k}}}')


@pytest.fixture
def paths(tmp_path: Path) -> DatasetPaths:
    return DatasetPaths(tmp_path)


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GROUP_ROWS", 50)


def test_units_come_back_as_they_were_given(paths: DatasetPaths) -> None:
    bad = Reject("i0003", "list", RejectCode.EMPTY_FILE, "no bytes")
    records = [row(k) if k != 3 else bad for k in range(130)]
    planned = write_plan(paths, iter(records), UnitLimits(images=8))
    assert (planned.units, planned.records, planned.source_bytes) == (17, 130, 1290)
    assert planned.rejects == {"empty_file": 1}
    reader = PlanReader(paths.plan_parquet, planned.units)
    units = list(reader)
    assert [len(u) for u in units] == [8] * 16 + [2]
    assert [record for unit in units for record in unit] == records
    assert reader.records(11) == records[88:96]  # and in any order


def test_row_groups_end_with_units(paths: DatasetPaths) -> None:
    write_plan(paths, (row(k) for k in range(130)), UnitLimits(images=8))
    file = pq.ParquetFile(paths.plan_parquet)
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [56, 56, 18]


def test_large_files_make_small_units(paths: DatasetPaths) -> None:
    sizes = [60, 30, 20, 200, 10]
    planned = write_plan(paths, (row(k, s) for k, s in enumerate(sizes)), UnitLimits(images=8, bytes=100))
    reader = PlanReader(paths.plan_parquet, planned.units)
    assert [[r.size for r in unit if isinstance(r, PlanRow)] for unit in reader] == [[60, 30], [20], [200], [10]]


def info(units: int, records: int) -> PlanInfo:
    return PlanInfo("perceive", "f", {}, units, records, records * 10)


def test_an_extension_leaves_units_as_they_are(paths: DatasetPaths) -> None:
    first = write_plan(paths, (row(k) for k in range(60)), UnitLimits(images=8))
    before = PlanReader(paths.plan_parquet, first.units)
    old = list(before)
    known = before.known()
    assert "i0059" in known
    assert "i0060" not in known
    grown = write_plan(paths, (row(k) for k in range(60, 75)), UnitLimits(images=8), info(8, 60))
    assert (grown.units, grown.records) == (10, 75)
    after = list(PlanReader(paths.plan_parquet, grown.units))
    assert after[:8] == old
    assert [r.image_id for unit in after[8:] for r in unit] == [f"i{k:04d}" for k in range(60, 75)]
    seqs = pq.read_table(paths.plan_parquet)["seq"].to_pylist()
    assert seqs == list(range(75))


def test_an_extension_that_never_finished_is_not_there(paths: DatasetPaths) -> None:
    first = write_plan(paths, (row(k) for k in range(60)), UnitLimits(images=8))
    write_plan(paths, (row(k) for k in range(60, 75)), UnitLimits(images=8), info(8, 60))  # killed before plan.json
    reader = PlanReader(paths.plan_parquet, first.units)
    assert "i0060" not in reader.known()
    with pytest.raises(StoreError, match="no unit 8"):
        reader.records(8)
    again = write_plan(paths, (row(k) for k in range(60, 63)), UnitLimits(images=8), info(8, 60))
    assert (again.units, again.records) == (9, 63)
    assert len(pq.read_table(paths.plan_parquet)) == 63


def test_plan_json_round_trip_and_damage(paths: DatasetPaths) -> None:
    assert read_info(paths) is None
    said = PlanInfo("ask", "f", {"a": 1}, 1, 2, 3, {"too_small": 1}, {"shards": ["x"]})
    write_info(paths, said)
    assert read_info(paths) == said
    paths.plan_json.write_text("{")
    with pytest.raises(StoreError, match="damaged"):
        read_info(paths)
