"""What a run does when records fail, when it is asked again, and when the folder is not what it expects."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from tiny_build import Faulty, Tiny, TinySource, contents

from spatialgen.errors import BuildFailed, LeaseError, PlanError
from spatialgen.store.layout import BuildPaths
from spatialgen.store.lease import Lease
from spatialgen.store.manifest import is_complete, read_manifest
from spatialgen.store.read import read_table, verify_files


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    return Tiny(tmp_path / "out", count=30)


def rejects(out: Path) -> dict[str, str]:
    rows = [r for t in read_table(BuildPaths(out).perceive, "rejects") for r in t.to_pylist()]
    return {r["image_id"]: r["code"] for r in rows if r["object_id"] is None}


def rows(out: Path, table: str) -> pa.Table:
    return pa.concat_tables(read_table(BuildPaths(out).perceive, table))


PLAIN = {"img00005": "truncated_image", "img00009": "empty_file"}


def test_an_unknown_exception_costs_its_record_and_the_run_ends_in_failure(tiny: Tiny) -> None:
    failing = replace(tiny, faulty=Faulty(raises=("img00002", "img00013")))
    with pytest.raises(BuildFailed, match="the build is finished, but 2 records failed"):
        failing.make()
    assert is_complete(BuildPaths(tiny.out).perceive)
    assert rejects(tiny.out) == PLAIN | {"img00002": "internal_error", "img00013": "internal_error"}
    detail = next(r["detail"] for r in rows(tiny.out, "rejects").to_pylist() if r["image_id"] == "img00002")
    assert detail.startswith("ZeroDivisionError: no luck with img00002")
    assert "tiny_build.py" in detail
    _, tally = failing.make()
    assert tally is None, "asked again, there is nothing to do and nothing to complain about"


def test_too_many_internal_errors_stop_the_run_at_once_and_it_can_go_on(tiny: Tiny, tmp_path: Path) -> None:
    failing = replace(tiny, faulty=Faulty(raises=("img00001", "img00002", "img00017")), max_internal_errors=1)
    with pytest.raises(BuildFailed, match=r"more than run\.max_internal_errors"):
        failing.make()
    paths = BuildPaths(tiny.out).perceive
    assert read_manifest(paths) is None
    with pytest.raises(BuildFailed, match="the build is finished"):
        replace(failing, max_internal_errors=100).make()
    whole = replace(failing, out=tmp_path / "whole", max_internal_errors=100)
    with pytest.raises(BuildFailed):
        whole.make()
    assert contents(tiny.out) == contents(whole.out)


@pytest.mark.parametrize("finished", [True, False])
def test_retry_makes_only_the_units_with_internal_errors_again(tiny: Tiny, tmp_path: Path, finished: bool) -> None:
    quiet = replace(tiny, out=tmp_path / "quiet")
    quiet.make()
    failing = replace(tiny, faulty=Faulty(raises=("img00002",)), max_internal_errors=100 if finished else 0)
    with pytest.raises(BuildFailed):
        failing.make()
    assert is_complete(BuildPaths(tiny.out).perceive) == finished
    manifest, tally = tiny.make(retry_rejects=True)
    assert tally is not None
    assert tally.units == (1 if finished else 4)
    assert rejects(tiny.out) == PLAIN
    assert manifest.counts == read_manifest(BuildPaths(quiet.out).perceive).counts  # type: ignore[union-attr]
    for table in ("images", "scenes", "rejects"):
        assert rows(tiny.out, table).equals(rows(quiet.out, table))
    verify_files(BuildPaths(tiny.out).perceive)
    listed = {f.path for shard in manifest.shards for f in shard.files.values()}
    there = {str(p.relative_to(tiny.out)) for t in ("images", "scenes", "rejects") for p in (tiny.out / t).iterdir()}
    assert there == listed, "no shard of an earlier generation is left"
    assert max(shard.generation for shard in manifest.shards) == (1 if finished else 0)


def test_a_retry_with_nothing_to_retry_does_nothing(tiny: Tiny) -> None:
    tiny.make()
    before = contents(tiny.out)
    _, tally = tiny.make(retry_rejects=True)
    assert tally is None
    assert contents(tiny.out) == before


def test_too_many_rejects_fail_the_run_at_its_end(tiny: Tiny) -> None:
    bad = TinySource(30, bad=tuple(f"img{i:05d}" for i in range(16)), listed_bad=())
    with pytest.raises(BuildFailed, match=r"16 of 30 records were rejected.*16 truncated_image"):
        replace(tiny, source=bad).make()
    assert is_complete(BuildPaths(tiny.out).perceive)


def test_too_many_rejects_are_judged_after_a_thousand_images(tiny: Tiny) -> None:
    bad = TinySource(1100, side=1, bad=tuple(f"img{i:05d}" for i in range(600)), listed_bad=())
    with pytest.raises(BuildFailed, match="were rejected"):
        replace(tiny, source=bad, unit_images=100).make()
    assert read_manifest(BuildPaths(tiny.out).perceive) is None
    done = list((tiny.out / "staging").glob("*/*.json"))
    assert len(done) == 10, "it stopped at the thousandth image, not before and not after"


def test_a_changed_config_is_refused_with_what_changed(tiny: Tiny) -> None:
    tiny.make()
    before = contents(tiny.out)
    with pytest.raises(PlanError, match=r"seed: 0 -> 1\n.*another output folder"):
        replace(tiny, parts=(("seed", 1),)).make()
    assert contents(tiny.out) == before


def test_a_second_run_is_refused(tiny: Tiny) -> None:
    tiny.out.mkdir()
    with Lease(BuildPaths(tiny.out).lease, 60), pytest.raises(LeaseError, match="is in use by process"):
        tiny.make()
    tiny.make()


def test_an_empty_source_is_refused(tiny: Tiny) -> None:
    with pytest.raises(PlanError, match="no records"):
        replace(tiny, source=TinySource(0)).make()


def test_a_source_of_rejects_alone_is_a_build_without_images(tiny: Tiny) -> None:
    names = tuple(f"img{i:05d}" for i in range(3))
    manifest, _ = replace(tiny, source=TinySource(3, listed_bad=names), max_reject_fraction=1.0).make()
    assert manifest.counts["rejects"] == {"empty_file": 3}
    assert rows(tiny.out, "images").num_rows == 0
    verify_files(BuildPaths(tiny.out).perceive)


def test_new_records_wait_for_extend_and_old_shards_stay(tiny: Tiny, tmp_path: Path) -> None:
    tiny.make()
    before = contents(tiny.out)
    grown = replace(tiny, source=TinySource(47))
    _, tally = grown.make()
    assert tally is None
    assert contents(tiny.out) == before
    manifest, tally = grown.make(extend=True)
    assert tally is not None
    assert tally.records == 17
    assert manifest.records == 47
    after = contents(tiny.out)
    assert {name: after[name] for name in before if "/" in name} == {n: d for n, d in before.items() if "/" in n}
    whole = replace(grown, out=tmp_path / "whole")
    whole.make()
    for table in ("images", "rejects"):
        assert rows(tiny.out, table).equals(rows(whole.out, table))
    _, tally = grown.make(extend=True)
    assert tally is None, "there is nothing new"


def test_an_extension_that_was_cut_short_goes_on(tiny: Tiny) -> None:
    tiny.make()
    grown = replace(tiny, source=TinySource(47), faulty=Faulty(raises=("img00040",)), max_internal_errors=0)
    with pytest.raises(BuildFailed):
        grown.make(extend=True)
    assert not is_complete(BuildPaths(tiny.out).perceive)
    assert sum(t.num_rows for t in read_table(BuildPaths(tiny.out).perceive, "images")) == 28, "still readable"
    manifest, _ = replace(grown, faulty=Faulty()).make(retry_rejects=True)
    assert manifest.counts["images"] == 45
