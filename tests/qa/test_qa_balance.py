"""Balance by construction, selection, and balance over a whole build in two passes."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from functools import lru_cache

import pytest
from rows import Row, rows_of

from spatialgen.qa.ask import acceptance, ask_scenes, count_scenes
from spatialgen.qa.balance import Acceptance, Counts
from spatialgen.qa.config import BALANCES, AskConfig
from spatialgen.qa.types import INVERSE
from spatialgen.records import Scene
from spatialgen.testing.box_scenes import Box, furnished_boxes, make_scene


@lru_cache(maxsize=1)
def scenes() -> tuple[Scene, ...]:
    return tuple(make_scene(furnished_boxes(k, 6), f"room-{k:04d}") for k in range(60))


@lru_cache(maxsize=1)
def rows() -> tuple[Row, ...]:
    return tuple(rows_of(scenes()))


def near_half(part: int, whole: int) -> bool:
    """Within four standard deviations of a fair coin."""
    return abs(part - whole / 2) <= 2.0 * whole**0.5


def says_yes(row: Row) -> bool:
    return re.match(r"Yes|True|That is true|The statement is true", row["answer"]) is not None


@pytest.mark.parametrize("form", ["yes_no", "true_false"])
def test_half_of_the_answers_are_yes(form: str) -> None:
    closed = [r for r in rows() if r["form"] == form]
    assert near_half(sum(map(says_yes, closed)), len(closed))
    by_type = defaultdict(list)
    for row in closed:
        by_type[row["question_type"]].append(says_yes(row))
    for type_, answers in by_type.items():
        assert near_half(sum(answers), len(answers)), type_


def test_half_of_the_yes_no_phrases_are_inverted() -> None:
    asked = [r["template_id"].partition("/")[2].partition("+")[0] for r in rows() if r["form"] == "yes_no"]
    inverted = sum(q.endswith("!") or q[0] == "n" or ".d" in q or ".l" in q for q in asked)
    assert near_half(inverted, len(asked))


def test_predicates_hold_in_half_of_their_closed_questions() -> None:
    held = defaultdict(list)
    for r in rows():
        if r["form"] in ("yes_no", "true_false", "choice") and r["question_type"] in (
            "next_to",
            "touching",
            "fits_on",
            "exists",
            "between",
        ):
            held[r["question_type"]].append(r["answer_value"])
    for type_, values in held.items():
        assert near_half(int(sum(values)), len(values)), type_


def test_the_order_of_mention_is_even() -> None:
    pairs = [r["subjects"] for r in rows() if r["question_type"] in INVERSE]
    assert near_half(sum(int(a) < int(b) for a, b in pairs), len(pairs))
    first_wins = [r["answer_value"] == 1.0 for r in rows() if r["question_type"] in INVERSE and r["form"] == "choice"]
    assert near_half(sum(first_wins), len(first_wins))


def test_letters_are_even() -> None:
    letters: dict[int, Counter[str]] = defaultdict(Counter)
    for row in rows():
        if row["form"] == "multiple_choice":
            n = len(re.findall(r"^\(?[A-H][.)] ", row["question"], re.MULTILINE))
            found = re.match(r"(?:Option |The answer is |\()?([A-H])\b", row["answer"])
            assert found
            letters[n][found[1]] += 1
    for n in (3, 4):
        total = letters[n].total()
        for count in letters[n].values():
            assert abs(count - total / n) <= 4 * (total / n) ** 0.5


def test_units_are_even() -> None:
    said = [
        r["answer"]
        for r in rows()
        if r["answer_unit"] == "m"
        and r["form"] == "open"
        and r["status"] == "decided"
        and r["question_type"] == "distance"
    ]
    metric = sum(re.search(r"\d (m|cm|metres?|centimetres?)\b", a) is not None for a in said)
    assert near_half(metric, len(said))


@pytest.mark.parametrize(
    ("units", "system"), [("metric", r"m|cm|metres?|centimetres?"), ("imperial", r"ft|in|feet|foot|inch|inches")]
)
def test_units_by_locale(units: str, system: str) -> None:
    config = AskConfig(per_image="all", types=("distance",), forms=("open",), units=units)
    for row in rows_of(scenes()[:4], config):
        said = re.sub(r"\w+ \w+ \d+\b(?= and|$|[.,])", "", row["answer"])
        assert re.search(rf"\d ({system})\b|\d['\"]", said), row["answer"]


def test_options_of_values_are_each_right_once() -> None:
    """A group of facts shares its values: every option is right in one question, so none is the likely one."""
    closed = [r for r in rows() if r["question_type"] == "height" and r["form"] == "multiple_choice"]
    assert closed
    groups = defaultdict(list)
    for row in closed:
        groups[row["image_id"]].append(row)
    for members in groups.values():
        assert len(members) % 4 == 0


def test_n_questions_an_image_without_near_duplicates() -> None:
    config = AskConfig(per_image=60)
    chosen = rows_of(scenes()[:10], config)
    assert Counter(r["image_id"] for r in chosen) == {s.image_id: 60 for s in scenes()[:10]}
    concept = {
        "distance": "far",
        "horizontal_distance": "far",
        "gap": "far",
        "clock_direction": "dir",
        "bearing": "dir",
        "nearer": "depth",
        "farther": "depth",
        "in_front_of": "depth",
        "behind": "depth",
        "same_distance": "depth",
        "bigger": "size",
        "smaller": "size",
        "same_size": "size",
        "next_to": "close",
        "far_from": "close",
    }
    keys = [
        (
            r["image_id"],
            concept.get(r["question_type"], min(r["question_type"], INVERSE.get(r["question_type"], "~"))),
            frozenset(r["subjects"]),
        )
        for r in chosen
        if r["subjects"]
    ]
    assert len(set(keys)) == len(keys)
    assert len({r["question_type"] for r in chosen}) > 40


def test_what_is_nearly_always_so_is_asked_last() -> None:
    """Most things are not in, on or between others: asked for N, a scene tells that of few of them."""
    predicates = ("inside", "on_top_of", "between", "touching")
    rows = [r for r in rows_of(scenes()[:10], AskConfig(per_image=60)) if r["question_type"] in predicates]
    said = Counter(r["answer_value"] > 0.5 for r in rows)
    assert said[False] <= said[True] + 10


def test_what_is_kept_depends_on_the_scene_alone() -> None:
    config = AskConfig(per_image=40)
    together = rows_of(scenes()[:6], config)
    alone = [r for s in scenes()[:6] for r in rows_of([s], config)]
    assert [r["qa_id"] for r in together] == [r["qa_id"] for r in alone]


def test_caps() -> None:
    capped = rows_of(scenes()[:4], AskConfig(per_image="all", max_per_type=3))
    assert max(Counter((r["image_id"], r["question_type"]) for r in capped).values()) == 3
    few = rows_of(scenes()[:4], AskConfig(per_image="all", max_per_object=10))
    assert max(Counter((r["image_id"], s) for r in few for s in r["subjects"]).values()) == 10


def test_names_that_tell_the_answer_are_asked_about_last() -> None:
    chairs = [Box("chair", (-1.0, 3.0, 0.4), (0.5, 0.4, 0.8)), Box("chair", (1.0, 3.2, 0.5), (0.6, 0.4, 1.0))]
    scene = make_scene([*chairs, *furnished_boxes(3, 4)])
    chosen = rows_of([scene], AskConfig(per_image=60))
    assert not [r for r in chosen if r["question_type"] in ("left_of", "right_of") and set(r["subjects"]) == {"1", "2"}]


def test_counts_add_up_in_any_order_and_survive_json() -> None:
    config = AskConfig(per_image="all", balance=BALANCES)
    whole = count_scenes(scenes()[:9], config)
    parts = [count_scenes(scenes()[k : k + 3], config) for k in (6, 0, 3)]
    merged = parts[0].merged(parts[1]).merged(parts[2])
    assert merged.to_json() == whole.to_json()
    assert Counts.from_json(json.loads(json.dumps(whole.to_json()))).to_json() == whole.to_json()


def test_prior_leaves_no_answer_that_the_labels_tell() -> None:
    many = [make_scene(furnished_boxes(k, 6), f"room-{k:04d}") for k in range(300)]
    config = AskConfig(per_image="all", balance="prior", types=("bigger", "smaller"), undecided=False)
    frozen = acceptance(count_scenes(many, config), config)
    frozen = Acceptance.from_json(json.loads(json.dumps(frozen.to_json())))
    label_of = {(s.image_id, o.object_id): o.label for s in many for o in s.objects}

    def bigger_ones(table: list[Row]) -> tuple[Counter[str], Counter[str]]:
        won: Counter[str] = Counter()
        played: Counter[str] = Counter()
        for r in table:
            a, b = (label_of[r["image_id"], s] for s in r["subjects"])
            if a != b:
                won[a if (r["answer_value"] == 1.0) == (r["question_type"] == "bigger") else b] += 1
                played.update((a, b))
        return won, played

    won, played = bigger_ones(ask_scenes(many, config).to_pylist())
    assert won["sofa"] > 0.95 * played["sofa"]
    won, played = bigger_ones(ask_scenes(many, config, frozen).to_pylist())
    common = [label for label in played if played[label] >= 30]
    assert len(common) >= 4
    for label in common:
        assert 0.25 < won[label] / played[label] < 0.75, label


def test_histogram_flattens_and_types_level() -> None:
    for balance in ("histogram", "types", "labels"):
        config = AskConfig(per_image="all", balance=balance)
        frozen = acceptance(count_scenes(scenes()[:20], config), config)
        kept = ask_scenes(scenes()[:20], config, frozen)
        assert 0 < kept.num_rows < ask_scenes(scenes()[:20], config).num_rows
        if balance == "types":
            counts = Counter(kept["question_type"].to_pylist()).most_common()
            assert counts[0][1] < 2.5 * counts[len(counts) // 3][1]


def uneven() -> tuple[Scene, ...]:
    """Images with three to eight things: those with more give many times more questions."""
    return tuple(make_scene(furnished_boxes(k, 3 + k % 6), f"uneven-{k:04d}") for k in range(30))


def test_images_level_the_number_of_rows_an_image() -> None:
    config = AskConfig(per_image="all", balance="images")
    frozen = acceptance(count_scenes(uneven(), config), config)
    frozen = Acceptance.from_json(json.loads(json.dumps(frozen.to_json())))
    before = Counter(r["image_id"] for r in rows_of(uneven()))
    kept = Counter(r["image_id"] for r in ask_scenes(uneven(), config, frozen).to_pylist())
    level = sorted(before.values())[len(before) // 2 - 1]
    assert max(before.values()) > 2.5 * level
    for image, n in before.items():
        assert kept[image] == n if n <= level else abs(kept[image] - level) < 4 * level**0.5, image


def test_the_table_that_levels_images_is_no_longer_than_their_numbers_of_rows() -> None:
    config = AskConfig(per_image="all", types=("height", "exists"), balance="images")
    frozen = acceptance(count_scenes(uneven(), config), config).to_json()["images"]["images"]
    assert len(frozen) < len(uneven())
    assert 1.0 in frozen.values()


@pytest.mark.parametrize("balance", ["images", "types"])
def test_rows_thinned_by_units_are_those_thinned_together(balance: str) -> None:
    config = AskConfig(per_image="all", balance=balance)
    units = [uneven()[k : k + 7] for k in range(0, 30, 7)]
    counts = Counts()
    for unit in units[::-1]:
        counts = counts.merged(count_scenes(unit, config))
    frozen = acceptance(counts, config)
    together = ask_scenes(uneven(), config, frozen)["qa_id"].to_pylist()
    assert together == [i for unit in units for i in ask_scenes(unit, config, frozen)["qa_id"].to_pylist()]


def test_a_row_is_kept_or_not_whatever_its_neighbours() -> None:
    config = AskConfig(per_image="all", balance="prior")
    frozen = acceptance(count_scenes(scenes()[:10], config), config)
    together = ask_scenes(scenes()[:10], config, frozen)["qa_id"].to_pylist()
    alone = [i for s in scenes()[:10] for i in ask_scenes([s], config, frozen)["qa_id"].to_pylist()]
    assert together == alone
