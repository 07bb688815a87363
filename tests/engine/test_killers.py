"""Records that take their worker down: found, tried alone, and rejected only when proved."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from tiny_build import Faulty, Tiny, contents

from spatialgen.engine.attempts import Attempts
from spatialgen.engine.perceive import PerceiveJob
from spatialgen.engine.perceiving import plan_perceive
from spatialgen.engine.worker import Fatal, Worker
from spatialgen.errors import BuildFailed
from spatialgen.records import RejectCode
from spatialgen.reports import Silent, UnitDone
from spatialgen.schema import REJECTS
from spatialgen.store.layout import BuildPaths
from spatialgen.store.ledger import Ledger
from spatialgen.store.read import read_table

KILLER = "img00012"  # in unit 1 of eight records each


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    tiny = Tiny(tmp_path_factory.mktemp("quiet"), count=30)
    tiny.make()
    return tiny


class Shop:
    """A planned tiny build and one worker of it, in this process, with the marks of workers that died before."""

    def __init__(self, out: Path, faulty: Faulty) -> None:
        self.tiny = Tiny(out, count=30, faulty=faulty)
        spec = self.tiny.spec()
        info = plan_perceive(spec, extend=False, progress=Silent())
        self.ledger = Ledger(BuildPaths(out).perceive.staging)
        self.ledger.prepare(info.units)
        marks = out / "marks"
        marks.mkdir()
        self.attempts = Attempts(marks)
        self.job = PerceiveJob(str(out), str(marks), info.units, spec.source, spec.stages)

    def deaths(self, key: str, words: Iterable[str]) -> None:
        for n, word in enumerate(words):
            (self.attempts.folder / f"{key}.{n}").write_text(word)

    def run(self, unit: int) -> UnitDone | Fatal:
        message = Worker(self.job, self.job.steps)(unit)
        assert isinstance(message, UnitDone | Fatal)
        return message

    def table(self, unit: int, name: str, schema: pa.Schema) -> pa.Table:
        return self.ledger.table(self.ledger.record(unit), name, schema)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path, Faulty())


def test_a_unit_that_runs_leaves_no_mark(shop: Shop) -> None:
    done = shop.run(1)
    assert isinstance(done, UnitDone)
    assert (done.records, done.images, done.attempts) == (8, 7, 1)
    assert list(shop.attempts.folder.iterdir()) == []


def test_one_death_is_nobodys_fault(shop: Shop) -> None:
    shop.deaths("u00000001.p0", [""])
    done = shop.run(1)
    assert isinstance(done, UnitDone)
    assert (done.images, done.attempts) == (7, 2)
    assert not list(shop.attempts.folder.glob("*.noted")), "nothing was tried alone"


def test_deaths_of_a_unit_alone_reject_nobody(shop: Shop) -> None:
    shop.deaths("u00000001.p0", ["", ""])
    done = shop.run(1)
    assert isinstance(done, UnitDone)
    assert (done.images, done.rejects) == (7, {"empty_file": 1})
    assert len(list(shop.attempts.folder.glob("*.noted"))) == 7, "every record was tried alone"


@pytest.mark.parametrize(("alone", "rejected"), [(["lift"], False), (["lift", "lift"], True)])
def test_a_record_is_guilty_after_two_deaths_alone(shop: Shop, alone: list[str], rejected: bool) -> None:
    shop.deaths("u00000001.p0", ["", ""])
    shop.deaths("u00000001.p0.r00004", alone)
    done = shop.run(1)
    assert isinstance(done, UnitDone)
    assert done.rejects.get("killed_worker", 0) == rejected
    if rejected:
        rows = shop.table(1, "rejects", REJECTS).to_pylist()
        killed = next(row for row in rows if row["code"] == RejectCode.KILLED_WORKER)
        assert (killed["image_id"], killed["stage"]) == (KILLER, "lift")
        assert "2 times, alone" in killed["detail"]


def test_a_unit_that_goes_on_killing_is_run_record_by_record_then_given_up(shop: Shop) -> None:
    shop.deaths("u00000001.p0", [""] * 4)
    assert isinstance(shop.run(1), UnitDone)
    shop.deaths("u00000002.p0", [""] * 8)
    fatal = shop.run(2)
    assert isinstance(fatal, Fatal)
    assert isinstance(fatal.error(), BuildFailed)
    assert "unit 2 took its worker down 8 times" in fatal.text


def test_marks_count_up_and_survive_only_the_dead(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path)
    with attempts.attempt("a"), attempts.attempt("a"):
        assert attempts.deaths("a") == 2
    assert attempts.deaths("a") == 0
    (tmp_path / "b.0").touch()
    (tmp_path / "b.1").write_text("depth")
    assert attempts.deaths("b") == 2
    assert attempts.last_words("b") == "depth"
    assert not attempts.noted("b")
    attempts.note("b")
    assert attempts.noted("b")


@pytest.mark.ray
@pytest.mark.slow
def test_a_worker_that_dies_once_changes_nothing(quiet: Tiny, local_ray: None, tmp_path: Path) -> None:
    once = tmp_path / "once"
    once.mkdir()
    faulty = Faulty(kills=(KILLER, "img00020"), once=str(once))
    tiny = replace(quiet, out=tmp_path / "out", executor="ray", workers=2, faulty=faulty)
    tiny.make()
    assert len(list(once.iterdir())) == 2
    assert contents(tiny.out) == contents(quiet.out)


@pytest.mark.ray
@pytest.mark.slow
def test_a_killer_is_rejected_and_tried_again_on_request(quiet: Tiny, local_ray: None, tmp_path: Path) -> None:
    tiny = replace(quiet, out=tmp_path / "out", executor="ray", faulty=Faulty(kills=(KILLER,)))
    with pytest.raises(BuildFailed, match="1 records failed for unknown reasons"):
        tiny.make()
    paths = BuildPaths(tiny.out).perceive
    rejects = {r["image_id"]: r for t in read_table(paths, "rejects") for r in t.to_pylist() if not r["object_id"]}
    assert (rejects[KILLER]["code"], rejects[KILLER]["stage"]) == ("killed_worker", "faulty")
    assert set(rejects) == {"img00005", "img00009", KILLER}
    log = json.loads(next((tiny.out / "runs").glob("*.json")).read_text())
    assert log["attempts"] == {"1": 3}

    manifest, tally = replace(tiny, executor="inprocess", faulty=Faulty()).make(retry_rejects=True)
    assert tally is not None
    assert tally.units == 1, "nothing else was made again"
    assert manifest.counts["rejects"] == {"empty_file": 1, "truncated_image": 1}
    for table in ("images", "scenes", "rejects"):
        again = pa.concat_tables(read_table(paths, table))
        assert again.equals(pa.concat_tables(read_table(BuildPaths(quiet.out).perceive, table)))
