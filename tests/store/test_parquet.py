import hashlib
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from spatialgen import schema
from spatialgen.records import Reject, RejectCode
from spatialgen.store.parquet import ShardWriter, file_sha256, table_bytes


def table(start: int, stop: int) -> pa.Table:
    return schema.rejects_table([Reject(f"i{k}", "read", RejectCode.TOO_SMALL, "1x1") for k in range(start, stop)])


def write(path: Path, *tables: pa.Table, group_rows: int = 0) -> tuple[int, str]:
    with ShardWriter(path, "rejects", schema.REJECTS, group_rows) as writer:
        for one in tables:
            writer.write(one)
        return writer.finish()


def test_same_rows_same_bytes(tmp_path: Path) -> None:
    assert table_bytes("rejects", table(0, 50)) == table_bytes("rejects", table(0, 50))
    first = write(tmp_path / "a", table(0, 50), table(50, 60))
    assert first == write(tmp_path / "b", table(0, 50), table(50, 60))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_chunking_of_the_input_does_not_reach_the_file(tmp_path: Path) -> None:
    whole = write(tmp_path / "a", table(0, 60))
    chunked = pa.concat_tables([table(0, 13), table(13, 40), table(40, 60)])
    assert write(tmp_path / "b", chunked) == whole


def test_length_and_sha256_are_those_of_the_file(tmp_path: Path) -> None:
    size, digest = write(tmp_path / "a", table(0, 50))
    data = (tmp_path / "a").read_bytes()
    assert (size, digest) == (len(data), hashlib.sha256(data).hexdigest())
    assert file_sha256(tmp_path / "a") == digest


def test_row_groups_are_units_or_gathered(tmp_path: Path) -> None:
    pieces = [table(k, k + 10) for k in range(0, 100, 10)]
    write(tmp_path / "units", *pieces)
    write(tmp_path / "gathered", *pieces, group_rows=35)
    assert pq.ParquetFile(tmp_path / "units").num_row_groups == 10
    sizes = [pq.ParquetFile(tmp_path / "gathered").metadata.row_group(i).num_rows for i in range(3)]
    assert sizes == [40, 40, 20]
    assert pq.read_table(tmp_path / "gathered").equals(pq.read_table(tmp_path / "units"))


def test_schema_and_documentation_survive(tmp_path: Path) -> None:
    write(tmp_path / "a", table(0, 1))
    found = pq.read_schema(tmp_path / "a")
    assert found.equals(schema.REJECTS, check_metadata=True)
    assert found.field("code").metadata[b"doc"].startswith(b"why")


def test_an_unfinished_shard_leaves_nothing(tmp_path: Path) -> None:
    with ShardWriter(tmp_path / "a", "rejects", schema.REJECTS) as writer:
        writer.write(table(0, 10))
        assert len(os.listdir(tmp_path)) == 1
    assert os.listdir(tmp_path) == []


def test_dictionaries_of_several_units_are_one_in_a_row_group(tmp_path: Path) -> None:
    names = pa.schema([pa.field("name", pa.dictionary(pa.int32(), pa.string()))])
    one = pa.table({"name": pa.array(["a", "b"]).dictionary_encode()}, schema=names)
    other = pa.table({"name": pa.array(["b", "c"]).dictionary_encode()}, schema=names)
    with ShardWriter(tmp_path / "a", "scenes", names, group_rows=100) as writer:
        writer.write(one)
        writer.write(other)
        writer.finish()
    assert pq.read_table(tmp_path / "a")["name"].to_pylist() == ["a", "b", "b", "c"]
