from pathlib import Path

import pytest
from tiny_build import Blur, Faulty, TinyLift

from spatialgen.config.models import PoolConfig
from spatialgen.engine.plan import (
    Cluster,
    Pool,
    check_stages,
    load_pipeline,
    place,
    refuse_shortfall,
    shortfalls,
    workers_that_fit,
)
from spatialgen.engine.stage import Resources
from spatialgen.errors import ConfigError, PlanError

STAGES = (Blur(), Faulty(), TinyLift())
ALL = ["read", "blur", "faulty", "lift", "write"]
SOURCE = frozenset({"rgb", "depth"})


def test_stages_that_fit_each_other() -> None:
    check_stages(STAGES, SOURCE)


def test_a_stage_that_reads_what_nobody_writes_is_named_with_the_field() -> None:
    with pytest.raises(PlanError, match="stage lift reads depth, which no source"):
        check_stages(STAGES)
    with pytest.raises(PlanError, match="stage lift reads camera"):
        check_stages((TinyLift(), Blur()), SOURCE)


def test_stages_need_names_of_their_own_and_a_scene_at_the_end() -> None:
    with pytest.raises(PlanError, match="two stages are called blur"):
        check_stages((Blur(), Blur(), TinyLift()), SOURCE)
    with pytest.raises(PlanError, match="no stage writes scene"):
        check_stages((Blur(),), SOURCE)
    with pytest.raises(PlanError, match="two stages are called write"):
        check_stages((Blur(name="write"), TinyLift()), SOURCE)


def test_an_actor_takes_its_hungriest_stage_or_its_gpu_shares() -> None:
    stages = (
        Blur(resources=Resources(cpus=2.0)),
        Faulty(resources=Resources(gpus=0.25)),
        TinyLift(resources=Resources(gpus=0.5)),
    )
    pools = place(stages, [{"name": "a", "steps": ALL[:2]}, {"name": "b", "steps": ALL[2:]}], {})
    assert [(p.cpus, p.gpus) for p in pools] == [(2.0, 0.0), (0.0, 0.75)]
    fused = place(stages, [{"name": "all", "steps": ALL, "cpus": 1}], {"all": PoolConfig(gpus=0.5, max_workers=3)})
    assert fused == (Pool("all", tuple(ALL), 1.0, 0.5, 1, 3),)


@pytest.mark.parametrize("steps", [ALL[:-1], ["read", "faulty", "blur", "lift", "write"], [*ALL, "more"]])
def test_a_pipeline_must_run_the_steps_in_their_order(steps: list[str]) -> None:
    with pytest.raises(PlanError, match="in this order"):
        place(STAGES, [{"name": "a", "steps": steps}], {})


def test_an_override_of_no_pool_is_refused() -> None:
    with pytest.raises(PlanError, match=r"ray.pools.depth: the pipeline has no such pool; there are: a"):
        place(STAGES, [{"name": "a", "steps": ALL}], {"depth": PoolConfig()})


def test_shipped_pipelines_load() -> None:
    names = [step for pool in load_pipeline("pooled") for step in pool["steps"]]
    assert names == [step for pool in load_pipeline("fused") for step in pool["steps"]]


@pytest.mark.parametrize("text", ["[1]", "pools: [{name: a}]", "pools: [{name: a, steps: [read], gpu: 1}]", "{{"])
def test_a_pipeline_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"mine\.yaml"):
        load_pipeline(str(path))


def test_an_unknown_pipeline_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match="fused, pooled"):
        load_pipeline("fuse")


def pool(cpus: float, gpus: float, least: int = 1, most: int | None = None, name: str = "p") -> Pool:
    return Pool(name, ("read",), cpus, gpus, least, most)


def test_a_plan_that_the_cluster_cannot_hold_is_refused() -> None:
    one_gpu = Cluster(((4.0, 1.0),))
    with pytest.raises(PlanError, match="need 2 GPUs at least, but the cluster has 1"):
        refuse_shortfall([pool(0, 1.0), pool(0, 1.0)], one_gpu)
    with pytest.raises(PlanError, match="need 6 CPUs at least, but the cluster has 4"):
        refuse_shortfall([pool(2, 0, least=3)], one_gpu)
    refuse_shortfall([pool(0, 0.5), pool(0, 0.5), pool(2, 0, least=2)], one_gpu)


def test_an_actor_cannot_be_spread_over_nodes() -> None:
    two_halves = Cluster(((2.0, 0.0), (2.0, 0.0)))
    assert shortfalls([pool(3, 0)], two_halves) == [
        "no node has room for an actor of pool p (3 CPUs, 0 GPUs) beside the others"
    ]
    assert shortfalls([pool(2, 0, least=2)], two_halves) == []
    assert shortfalls([pool(1, 0, 2, name="a"), pool(2, 0, name="b")], two_halves) == []  # the largest go first


def test_workers_are_as_many_as_fit_and_never_more_than_units() -> None:
    cluster = Cluster(((8.0, 2.0),))
    alone = pool(1, 0)
    assert workers_that_fit(alone, [alone], cluster, 100) == 8
    assert workers_that_fit(alone, [alone], cluster, 3) == 3
    gpu = pool(0, 0.5)
    assert workers_that_fit(gpu, [gpu, pool(1, 0.0)], cluster, 100) == 4
    beside = pool(1, 0)
    assert workers_that_fit(beside, [beside, pool(2, 0, least=2)], cluster, 100) == 4
    assert workers_that_fit(pool(1, 0, 2, 5), [], cluster, 100) == 5
