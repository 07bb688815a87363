import pytest

from spatialgen.errors import PlanError
from spatialgen.store.fingerprint import differences, fingerprint, refuse_change

PARTS = {"config": {"detector": {"score": 0.3, "labels": ["a", "b"]}, "seed": 0}, "stages": {"lift": "1"}}


def changed(**leaves: object) -> dict[str, object]:
    return {"config": {"detector": {"score": 0.3, "labels": ["a", "b"]}, "seed": 0} | leaves, "stages": {"lift": "1"}}


def test_fingerprint_ignores_the_order_of_keys_and_nothing_else() -> None:
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": [1, 2]}) != fingerprint({"a": [2, 1]})
    assert fingerprint(PARTS) != fingerprint(changed(seed=1))


def test_differences_name_every_key() -> None:
    new = {"config": {"detector": {"score": 0.4, "labels": ["a"]}, "seed": 0}, "stages": {"lift": "1", "depth": "2"}}
    assert differences(PARTS, new) == [
        'config.detector.labels: ["a", "b"] -> ["a"]',
        "config.detector.score: 0.3 -> 0.4",
        'stages.depth: (absent) -> "2"',
    ]


def test_an_equal_fingerprint_is_not_refused_whatever_its_python_types() -> None:
    refuse_change("out", {"a": [1, 2], "b": None}, {"a": (1, 2), "b": None})


def test_a_change_is_refused_with_what_changed() -> None:
    with pytest.raises(PlanError, match=r"out was made with other settings:\n  config.seed: 0 -> 7"):
        refuse_change("out", PARTS, changed(seed=7))


def test_an_emptied_mapping_is_a_change() -> None:
    assert differences({"a": {"b": 1}}, {"a": {}}) == ["a: (absent) -> {}", "a.b: 1 -> (absent)"]
