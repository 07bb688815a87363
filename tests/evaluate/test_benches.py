"""Each bench from its own file format, on small files written by hand, with scores worked out by hand."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from spatialgen.errors import ConfigError, SourceError
from spatialgen.evaluate.benches import bench, names
from spatialgen.evaluate.benches.base import Line
from spatialgen.evaluate.run import evaluate


def write(path: Path, rows: list[dict[str, object]], lines: bool = True) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)) if lines else json.dumps(rows))
    return path


def scores(name: str, path: Path, answers: list[str], images: Path | None = None) -> dict[tuple[str, str], Line]:
    chosen = bench(name)
    items = list(chosen.items(path, images))
    assert len(items) == len(answers)
    return {(line.group, line.metric): line for line in chosen.lines(items, answers)}


@pytest.fixture
def photo(tmp_path: Path) -> str:
    Image.new("RGB", (40, 30), (90, 90, 90)).save(tmp_path / "a.png")
    return "a.png"


def test_the_names_are_the_files() -> None:
    assert names() == ["build", "crpe", "proximity", "qspatial", "scenes", "spatialrgpt", "vsi"]
    with pytest.raises(ConfigError, match="there are: build, crpe"):
        bench("vqa")


def rgpt(number: int, kind: str, category: str, question: str, answer: str, photo: str) -> dict[str, object]:
    return {
        "id": str(number),
        "image_info": {"file_path": photo, "height": 30, "width": 40},
        "text_q": question,
        "qa_info": {"type": kind, "category": category},
        "conversations": [{"from": "human", "value": question}, {"from": "gpt", "value": answer}],
        "bbox": [[2, 2, 12, 12], [20, 5, 35, 25]],
    }


def test_spatialrgpt(tmp_path: Path, photo: str) -> None:
    rows = [
        rgpt(0, "quantitative", "width_data", "How wide is Region [0]?", "Region [0] is 1.0 meters wide.", photo),
        rgpt(1, "quantitative", "width_data", "How wide is Region [1]?", "10.0 inches.", photo),
        rgpt(2, "quantitative", "width_data", "How wide is Region [1]?", "2 feet.", photo),
        rgpt(3, "quantitative", "direction", "Where is Region [1]?", "Around the 12 o'clock direction.", photo),
        rgpt(4, "qualitative", "left_predicate", "Is Region [0] left of Region [1]?", "Yes, it is.", photo),
        rgpt(
            5, "qualitative", "right_predicate", "Is Region [0] right of Region [1]?", "No, it is to the left.", photo
        ),
        rgpt(6, "qualitative", "tall_choice", "Which is taller, Region [0] or Region [1]?", "Region [1].", photo),
    ]
    said = [
        "about 1.25 m",
        "0.5 m",
        "",
        "1 o'clock",
        "No, it is to the right.",
        "No.",
        "Region [1] is taller than Region [0].",
    ]
    found = scores("spatialrgpt", write(tmp_path / "bench.jsonl", rows), said, tmp_path)
    success = found["width", "success (within 25 %)"]
    assert success.estimate.mean == pytest.approx(1 / 3)
    assert success.unparsed == pytest.approx(1 / 3)
    error = found["width", "mean absolute relative error"].estimate
    assert error.count == 2
    assert error.mean == pytest.approx((0.25 + (0.5 / 0.254 - 1)) / 2)
    assert found["direction", "success (within 1 hour)"].estimate.mean == 1.0
    assert found["left/right", "accuracy"].estimate.mean == 0.5
    assert found["tall/short", "accuracy"].estimate.mean == 1.0
    items = list(bench("spatialrgpt").items(tmp_path / "bench.jsonl", tmp_path))
    shown = items[0].image()
    assert shown is not None
    assert shown.getpixel((2, 2)) != (90, 90, 90)


def crpe(stem: str, options: list[str], right: str, photo: str, category: str = "predicate") -> list[dict[str, object]]:
    rows = []
    for turn in range(4):
        turned = options[turn:] + options[:turn]
        text = f"{stem}\n" + "\n".join(f"{'ABCD'[k]}. {o}" for k, o in enumerate(turned)) + "\nAnswer with the letter."
        row = {"question_id": len(rows), "image": photo, "text": text, "category": category}
        rows.append({**row, "correct_option": "ABCD"[turned.index(right)]})
    return rows


def test_crpe_is_circular_and_grouped_by_what_is_asked_not_by_place(tmp_path: Path, photo: str) -> None:
    first = crpe("What is the cup doing to the table?", ["on", "under", "beside", "inside"], "on", photo)
    second = crpe("What is the cat doing to the mat?", ["on", "under", "beside", "inside"], "under", photo)
    shuffled = [r for pair in zip(first, second, strict=True) for r in pair]
    right = [str(r["correct_option"]) for r in shuffled]
    path = write(tmp_path / "crpe.jsonl", shuffled)
    found = scores("crpe", path, right, tmp_path)
    assert found["predicate", "accuracy (all rotations)"].estimate.mean == 1.0
    # One slip in one rotation of the first question.
    said = [r if k != 2 else "beside" for k, r in enumerate(right)]
    found = scores("crpe", path, said, tmp_path)
    assert found["predicate", "accuracy (all rotations)"].estimate.mean == 0.5
    assert found["predicate", "accuracy (single)"].estimate.mean == 7 / 8
    assert scores("crpe", path, ["A"] * 8, tmp_path)["predicate", "accuracy (single)"].estimate.mean == 0.25
    with pytest.raises(SourceError, match="3 rotations instead of 4"):
        scores("crpe", write(tmp_path / "less.jsonl", first[:3]), right[:3], tmp_path)


def test_vsi(tmp_path: Path, photo: str) -> None:
    rows: list[dict[str, object]] = [
        {"id": 0, "question_type": "object_abs_distance", "question": "How far, in metres?", "ground_truth": "2.0"},
        {"id": 1, "question_type": "object_size_estimation", "question": "Longest side in cm?", "ground_truth": "80"},
        {"id": 2, "question_type": "object_counting", "question": "How many chairs?", "ground_truth": "4"},
        {"id": 3, "question_type": "object_rel_distance", "question": "Which is closest?", "ground_truth": "B",
         "options": ["A. chair", "B. table"]},
    ]  # fmt: skip
    path = write(tmp_path / "vsi.jsonl", [r | {"image": photo} for r in rows])
    found = scores("vsi", path, ["2.5", "0.8 m", "four", "the table"], tmp_path)
    assert found["object_abs_distance", "mean relative accuracy"].estimate.mean == pytest.approx(0.6)
    assert found["object_size_estimation", "mean relative accuracy"].estimate.mean == 1.0
    assert found["object_counting", "mean relative accuracy"].estimate.mean == 1.0
    assert found["object_rel_distance", "accuracy"].estimate.mean == 1.0
    blank = scores("vsi", write(tmp_path / "no.jsonl", rows[:1]), [""])
    assert blank["object_abs_distance, without a picture", "mean relative accuracy"].unparsed == 1.0


def test_qspatial_from_parquet_and_json(tmp_path: Path, photo: str) -> None:
    rows = [
        {"question": "How high?", "answer_value": 100.0, "answer_unit": "centimeters", "question_type": "height"},
        {"question": "How wide?", "answer_value": 2.0, "answer_unit": "feet", "question_type": "width"},
        {"question": "How far?", "answer_value": 3.0, "answer_unit": "m", "question_type": "width"},
    ]
    data = (tmp_path / photo).read_bytes()
    stored = [r | {"image_path": "x.png", "image": {"bytes": data, "path": "x.png"}} for r in rows]
    pq.write_table(pa.Table.from_pylist(stored), tmp_path / "q.parquet")
    said = ["1.9 m", "4 feet", "no idea"]
    for path, images in (
        (tmp_path / "q.parquet", None),
        (write(tmp_path / "q.jsonl", [r | {"image_path": photo} for r in rows]), tmp_path),
    ):
        found = scores("qspatial", path, said, images)
        assert found["all", "success (max(p/g, g/p) < 2)"].estimate.mean == pytest.approx(1 / 3)
        assert found["all", "SpatialVLM: share with a number"].estimate.mean == pytest.approx(2 / 3)
        assert found["all", "SpatialVLM: share within [0.5 g, 2 g]"].estimate.mean == pytest.approx(2 / 3)
        assert found["height", "success (max(p/g, g/p) < 2)"].estimate.mean == 1.0
        first = next(iter(bench("qspatial").items(path, images)))
        assert first.image() is not None
    bad = write(tmp_path / "bad.jsonl", [rows[0] | {"answer_unit": "smoots", "image_path": photo}])
    with pytest.raises(SourceError, match="'smoots' is no length"):
        list(bench("qspatial").items(bad, None))


def test_proximity(tmp_path: Path, photo: str) -> None:
    rows: list[dict[str, object]] = [
        {"id": 0, "image": photo, "question": "Depth of the mug?", "depth": 0.25},
        {"id": 1, "image": photo, "question": "Depth of the cat?", "depth": 0.5},
        {"id": 2, "image": photo, "question": "Which is nearer?", "objects": ["mug", "cat"], "answer": "The mug."},
    ]
    said = ["0.35", "7", "The mug is nearer than the cat."]
    found = scores("proximity", write(tmp_path / "p.json", rows, lines=False), said, tmp_path)
    assert found["depth", "mean squared error"].estimate.mean == pytest.approx(0.01)
    assert found["depth", "share of valid answers"].estimate.mean == 0.5
    assert found["comparison", "accuracy"].estimate.mean == 1.0


def test_broken_files_say_where(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"image": "a.png", "question": "?", "depth": 1}\n{')
    with pytest.raises(SourceError, match="line 2"):
        list(bench("proximity").items(write(tmp_path / "y.jsonl", []).parent / "x.jsonl", None))
    with pytest.raises(SourceError, match="has no 'text'"):
        list(bench("crpe").items(write(tmp_path / "z.jsonl", [{"image": "a"}]), None))
    with pytest.raises(SourceError, match="cannot read"):
        list(bench("vsi").items(tmp_path / "absent.jsonl", None))


def test_a_killed_evaluation_asks_only_what_is_left(tmp_path: Path, photo: str) -> None:
    rows = [{"id": k, "image": photo, "question": "Depth?", "depth": 0.5} for k in range(5)]
    path = write(tmp_path / "p.jsonl", rows)  # type: ignore[arg-type]
    asked: list[str] = []

    def answer(items: list[object]) -> list[str]:
        asked.extend(i.item_id for i in items)  # type: ignore[attr-defined]
        return ["0.5"] * len(items)

    first = evaluate("proximity", path, tmp_path, answer, tmp_path / "out", batch=2)  # type: ignore[arg-type]
    (file,) = (tmp_path / "out").iterdir()
    kept = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(kept[:3]) + kept[3][:9])
    asked.clear()
    again = evaluate("proximity", path, tmp_path, answer, tmp_path / "out", batch=2)  # type: ignore[arg-type]
    assert asked == ["3", "4"]
    assert again == first


def test_answers_are_kept_for_one_model_and_one_question(tmp_path: Path, photo: str) -> None:
    """Another model is asked again, and of two rows with one id each."""
    rows = [{"id": "same", "image": photo, "question": q, "depth": d} for q, d in (("Near?", 0.2), ("Far?", 0.8))]
    path = write(tmp_path / "p.jsonl", rows)  # type: ignore[arg-type]
    right = {"Near?": "0.2", "Far?": "0.8"}

    def error_of(answer: dict[str, str], who: str) -> float:
        asked = evaluate(
            "proximity",
            path,
            tmp_path,
            lambda items: [answer[i.question] for i in items],
            tmp_path / "out",
            answerer=who,
        )
        return asked.lines[0].estimate.mean

    assert error_of(right, "one") == 0.0
    assert error_of({"Near?": "1.0", "Far?": "1.0"}, "other") > 0.1
    changed = [{**rows[0], "question": "How far?"}, rows[1]]
    write(tmp_path / "p.jsonl", changed)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="answer to another question"):
        error_of(right | {"How far?": "0.2"}, "one")


def test_crpe_tells_alike_questions_apart_by_id(tmp_path: Path, photo: str) -> None:
    first = [{**r, "question_id": "a"} for r in crpe("What is it doing?", ["on", "in", "by", "at"], "on", photo)]
    again = [{**r, "question_id": "b"} for r in first]
    path = write(tmp_path / "crpe.jsonl", first + again)
    said = [str(r["correct_option"]) for r in first] + ["A"] * 4
    assert scores("crpe", path, said, tmp_path)["predicate", "accuracy (all rotations)"].estimate.mean == 0.5
