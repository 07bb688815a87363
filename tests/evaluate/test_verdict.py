"""Judging answers to our own questions: by their facts, through one parser, and never kinder to one side."""

from dataclasses import replace

import pytest

from spatialgen.evaluate.baselines import Blind
from spatialgen.evaluate.benches.build import score_lines
from spatialgen.evaluate.verdict import Row, judge, kind_of
from spatialgen.seeding import rng

CHAIR_TABLE = ("red chair", "table")


def row(question_type: str, form: str, question: str, answer: str, **changes: object) -> Row:
    base = Row("q", "i", question, answer, question_type, form, "decided", "none", 1.0, None, CHAIR_TABLE)
    return replace(base, **changes)  # type: ignore[arg-type]


LEFT = row("left_of", "open", "How do they lie?", "The red chair is to the left of the table.")
WHICH = row("left_of", "choice", "Which is further left, the table or the red chair?", "The red chair.")
FAR = row("distance", "open", "How far apart?", "About 6 feet 7 inches.", unit="m", value=2.0)
SIDE = row("lateral_offset", "open", "How far to the side?", "0.5 m to the left.", unit="m", value=-0.5)
YES = row("left_of", "yes_no", "Is it false that the red chair is left?", "No, it is left of the table.")
LETTER = row("left_of", "multiple_choice", "Which?\nA) the chair\nB) the table\n(C) neither", "The answer is B.")
CLOCK = row("clock_direction", "open", "Where?", "At 12 o'clock.", unit="hour", value=12.0)
THIRD = row("image_third", "open", "Which third?", "It is in the right third.", unit="index", value=2.0)
BOX = row("box_2d", "open", "Box?", "[0, 0, 100, 100]", unit="px1000", value=None, values=(0.0, 0.0, 100.0, 100.0))
CORNER = row("perspective", "open", "Where?", "It is behind and to the left.", unit="index", value=2.0)
SEEN = row("exists", "open", "Is there a cup?", "No cup can be seen.", unit="count", value=0.0, names=())
TOUCH = row("touching", "open", "Do they touch?", "There is a gap between them.", value=0.0)
ORDER = row("depth_order", "open", "Order?", "the table, then the red chair", unit="index", value=None)
DEPTH = row("relative_depth", "open", "How deep?", "It counts 0.30, if the farthest counts 1.", unit="ratio", value=0.3)


@pytest.mark.parametrize(
    ("asked", "text", "correct"),
    [
        (LEFT, "The table is to the right of the red chair.", True),
        (LEFT, "The table lies on the right and the red chair on the left.", True),
        (LEFT, "Set against the table, the red chair is further left.", True),
        (LEFT, "The table is to the left of the red chair.", False),
        (LEFT, "They are close.", False),
        (LEFT, "", False),
        (WHICH, "The red chair is further left than the table.", True),
        (WHICH, "The table is to the right of the red chair.", True),
        (WHICH, "the table", False),
        (WHICH, "The red chair", True),
        (FAR, "2.4 m", True),
        (FAR, "2.6 m", False),
        (FAR, "", False),
        (FAR, "3 smoots", False),
        (SIDE, "55 cm to the left", True),
        (SIDE, "55 cm to the right", False),
        (YES, "No.", True),
        (YES, "Yes.", False),
        (LETTER, "B", True),
        (LETTER, "B) the table", True),
        (LETTER, "A", False),
        (CLOCK, "1 o'clock", True),
        (CLOCK, "2 o'clock", False),
        (THIRD, "The right one.", True),
        (THIRD, "In the middle third.", False),
        (BOX, "[0, 0, 100, 90]", True),
        (BOX, "[50, 0, 150, 100]", False),
        (CORNER, "Behind, on the left.", True),
        (CORNER, "In front, on the left.", False),
        (SEEN, "There is no cup.", True),
        (SEEN, "A cup is there.", False),
        (TOUCH, "They do not touch.", True),
        (TOUCH, "They touch.", False),
        (ORDER, "First the table, then the red chair.", True),
        (ORDER, "The red chair, the table.", False),
        (DEPTH, "0.38", True),
        (DEPTH, "0.5", False),
    ],
)
def test_answers(asked: Row, text: str, correct: bool) -> None:
    score = judge(asked, text)
    assert score.correct is correct, kind_of(asked)
    assert judge(asked, asked.answer).correct is True


def test_an_empty_answer_is_never_right_and_counts_as_not_parsed() -> None:
    for asked in (LEFT, WHICH, FAR, SIDE, YES, LETTER, CLOCK, THIRD, BOX, CORNER, SEEN, TOUCH, ORDER, DEPTH):
        score = judge(asked, "")
        assert score.correct is False
        assert not score.parsed


def test_a_reference_that_cannot_be_read_or_contradicts_its_fact_is_not_scored() -> None:
    assert judge(replace(LEFT, answer="They lie side by side."), "anything").correct is None
    assert judge(replace(LEFT, value=0.0), LEFT.answer).correct is None
    lines = score_lines([judge(replace(LEFT, answer="Well."), "x"), judge(YES, "No.")])
    by = {line.group: line for line in lines}
    assert by["all"].estimate.count == 1
    assert by["references"].estimate.mean == 0.5


def test_one_sample_never_takes_the_verdict_of_the_one_before() -> None:
    assert judge(YES, "No.").correct is True
    assert judge(YES, "gibberish").correct is False
    assert judge(YES, "gibberish").parsed is False


def blind_rows(count: int, leak: bool) -> list[Row]:
    rows = []
    for i in range(count):
        random = rng(i, "blind", leak)
        yes, big = bool(random.integers(2)), bool(random.integers(2))
        word = "sofa" if (yes if leak else big) else "mug"
        answer = "Yes." if yes else "No."
        rows.append(row("bigger", "yes_no", f"Is the {word} bigger than the chair {i % 7}?", answer, image_id=str(i)))
    return rows


@pytest.mark.parametrize(("leak", "low", "high"), [(True, 0.99, 1.0), (False, 0.4, 0.6)])
def test_the_question_only_classifier_finds_what_leaks_and_nothing_else(leak: bool, low: float, high: float) -> None:
    rows = blind_rows(900, leak)
    blind = Blind(rows[:600])
    right = [blind.question_only(r).correct for r in rows[600:]]
    assert low <= sum(map(bool, right)) / len(right) <= high
    majority = [blind.majority(r).correct for r in rows[600:]]
    assert 0.4 <= sum(map(bool, majority)) / len(majority) <= 0.6


def test_the_majority_answer_to_a_quantity_is_its_median() -> None:
    rows = [replace(FAR, answer=f"{v} m", value=v) for v in (1.0, 2.0, 2.1, 9.0)]
    blind = Blind(rows)
    assert [blind.majority(r).correct for r in rows] == [False, True, True, False]
    assert [blind.question_only(r).miss for r in rows] == pytest.approx([1.05, 0.025, 0.05 / 2.1, 6.95 / 9])


def test_the_median_is_judged_by_the_rules_of_a_models_number() -> None:
    counts = [replace(FAR, question_type="count", answer=f"{v} cups", unit="count", value=v) for v in (2, 2, 3)]
    assert [Blind(counts).majority(r).correct for r in counts] == [True, True, False]
    assert judge(counts[2], "2 cups").correct is False
    depths = [replace(DEPTH, answer=f"It counts {v}, if the farthest counts 1.", value=v) for v in (0.1, 0.3, 0.39)]
    blind = Blind(depths)
    assert [blind.majority(r).correct for r in depths] == [False, True, True]
    assert [judge(r, "0.3").correct for r in depths] == [False, True, True]


def test_quantities_are_reported_within_10_and_25_percent_all_and_by_type() -> None:
    wide = replace(FAR, question_type="width", answer="1 m", value=1.0)
    offered = replace(FAR, form="multiple_choice", question="How far?\nA) 2 m\nB) 3 m", answer="A")
    three = replace(FAR, question_type="count", answer="3 cups", unit="count", value=3.0)
    said = [(FAR, "2.2 m"), (FAR, "2.5 m"), (FAR, "1.49 m"), (FAR, "far"), (SIDE, "0.5 m to the left")]
    said += [(SIDE, "0.5 m to the right"), (wide, "75 cm"), (offered, "A"), (three, "3"), (LEFT, LEFT.answer)]
    lines = {(x.group, x.metric): x for x in score_lines([judge(r, t) for r, t in said])}
    near = {k: v.estimate.mean for k, v in lines.items() if k[1].startswith("within")}
    assert near == pytest.approx(
        {
            ("quantities, open", "within 10 %"): 2 / 7,
            ("quantities, open", "within 25 %"): 4 / 7,
            ("quantities, open, distance", "within 10 %"): 1 / 4,
            ("quantities, open, distance", "within 25 %"): 2 / 4,
            ("quantities, open, lateral_offset", "within 10 %"): 1 / 2,
            ("quantities, open, lateral_offset", "within 25 %"): 1 / 2,
            ("quantities, open, width", "within 10 %"): 0,
            ("quantities, open, width", "within 25 %"): 1,
        }
    )
    all_of_them = lines["quantities, open", "within 25 %"]
    assert all_of_them.estimate.count == 7
    assert all_of_them.unparsed == pytest.approx(1 / 7)
    assert 0 <= all_of_them.estimate.low <= all_of_them.estimate.mean <= all_of_them.estimate.high <= 1


def test_baselines_have_the_same_lines_about_quantities_as_a_model() -> None:
    rows = [replace(FAR, answer=f"{v} m", value=v, image_id=str(v)) for v in (1.0, 2.0, 2.1, 9.0)]
    blind = Blind(rows)
    model = {(x.group, x.metric) for x in score_lines([judge(r, "2 m") for r in rows])}
    for baseline in (blind.majority, blind.question_only):
        lines = {(x.group, x.metric): x.estimate.mean for x in score_lines([baseline(r) for r in rows])}
        assert set(lines) == model
        assert lines["quantities, open", "within 25 %"] == pytest.approx(0.5)


def test_a_type_and_its_inverse_are_reported_together() -> None:
    right = replace(LEFT, question_type="right_of", image_id="j", answer="The table is to the left of the red chair.")
    lines = {x.group: x for x in score_lines([judge(LEFT, LEFT.answer), judge(right, LEFT.answer)])}
    assert lines["pair left_of / right_of"].estimate.mean == pytest.approx(0.5)
    assert lines["pair left_of / right_of"].estimate.count == 2
    assert not any("nearer" in group for group in lines)
