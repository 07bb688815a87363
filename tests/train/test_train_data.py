"""The stream of micro-batches: nothing lost, nothing that depends on ranks or workers, resumable anywhere."""

import json
from dataclasses import astuple
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from train_tiny import image_row, picture, question, question_rows, write_build

from spatialgen.errors import ConfigError, SourceError, StoreError
from spatialgen.seeding import rng
from spatialgen.train.build_source import BuildBlocks
from spatialgen.train.config import BuildSource, DataConfig, LlavaSource
from spatialgen.train.data import Item, Lane, LanePlace, Mixture, loader, mixture
from spatialgen.train.errors import TrainError
from spatialgen.train.labels import Encoder
from spatialgen.train.llava_source import LlavaBlocks
from spatialgen.train.pictures import pad_coordinates
from spatialgen.train.pool import Pool, PoolSettings
from spatialgen.train.rows import group_by_length, pack
from spatialgen.train.templates import IMAGE, template
from spatialgen.train.vocabulary import learn_tokenizer

SIDE, CONTEXT = 28, 1200


@pytest.fixture(scope="module")
def tokenizer() -> object:
    return learn_tokenizer(["Is the left half red? Say so. Yes. No. USER: ASSISTANT: A chat between"] * 3, 330)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_build(tmp_path_factory.mktemp("data") / "build", images=12, questions=7)


def settings(packing: bool = True, pictures: bool = True) -> PoolSettings:
    return PoolSettings(0, CONTEXT, packing, 2, SIDE, (124, 116, 104), 0, pictures)


def mixed(data: DataConfig, tokenizer: object, lanes: int = 2, packing: bool = True, pictures: bool = True) -> Mixture:
    return mixture(data, lanes, Encoder(tokenizer, template("v1"), 4, CONTEXT), settings(packing, pictures))


def data_of(build: Path, **changes: object) -> DataConfig:
    source = {"kind": "build", "path": str(build), "turns": 3, **changes}
    return DataConfig.model_validate_json(json.dumps({"sources": [source], "shuffle_images": 6, "workers": 0}))


def fingerprint(item: Item) -> tuple[object, ...]:
    b = item.batch
    return (item.lane, item.place, b.ids.tolist(), b.labels.tolist(), b.keys, b.slots.tolist(), int(b.pixels.sum()))


def steps(
    made: Mixture, rank: int, ranks: int, count: int, places: dict[int, LanePlace] | None = None, workers: int = 0
):  # type: ignore[no-untyped-def]
    found = list(islice(loader(made, rank, ranks, places or {}, workers, False, Path("unused.log")), count))
    return [[fingerprint(i) for i in step] for step in found]


def nowhere(i: int) -> dict[str, object]:
    """Return an images row that no code of ours writes: a picture with neither bytes nor a path."""
    return image_row(i) | {"image": {"bytes": None, "path": None}}


@pytest.mark.parametrize("workers", [0, 1])
def test_a_fault_of_ours_in_a_loader_process_is_told_as_in_this_one(
    tokenizer: object, tmp_path: Path, workers: int
) -> None:
    made = mixed(data_of(write_build(tmp_path / "build")), tokenizer)
    for shard in (tmp_path / "build" / "images").glob("*.parquet"):
        shard.write_bytes(shard.read_bytes()[:200] + bytes(200) + shard.read_bytes()[400:])
    with pytest.raises(StoreError, match=r"cannot read.*\.parquet|\.parquet.*cannot read") as caught:
        next(loader(made, 0, 1, {}, workers, False, tmp_path / "faults.log"))
    assert "Traceback" not in str(caught.value)
    assert not (tmp_path / "faults.log").exists()


@pytest.mark.parametrize("workers", [0, 1])
def test_any_other_fault_in_a_loader_process_is_one_line_and_a_traceback_in_a_log(
    tokenizer: object, tmp_path: Path, workers: int
) -> None:
    made = mixed(data_of(write_build(tmp_path / "build", image=nowhere)), tokenizer)
    log = tmp_path / "out" / "faults.log"
    with pytest.raises(
        TrainError, match=r"reading the data failed: TypeError: .*traceback is in .*faults\.log; the same"
    ):
        next(loader(made, 0, 1, {}, workers, False, log))
    assert "Traceback" in log.read_text()
    assert "picture_of" in log.read_text()


def test_an_epoch_holds_every_question_once_with_its_own_picture(build: Path, tokenizer: object) -> None:
    blocks = BuildBlocks(BuildSource(kind="build", path=str(build), turns=3, split="all"))
    seen: list[str] = []
    for block in range(blocks.blocks):
        for conversation in blocks.read(block, 0, 0):
            assert conversation.picture is not None
            assert conversation.turns[0].question.startswith(f"{IMAGE}\n")
            assert all(IMAGE not in t.question for t in conversation.turns[1:])
            image_id = conversation.picture.key.rsplit("/", 1)[1]
            assert conversation.picture.data == picture(int(image_id.removeprefix("img")))[0]
            seen += [f"{image_id}:{t.question.removeprefix(IMAGE).strip()}" for t in conversation.turns]
    expected = [f"img{i}:{question(q)}" for i in range(12) for q in range(7)]
    assert sorted(seen) == sorted(expected)


def test_questions_about_the_same_objects_are_kept_apart(build: Path) -> None:
    blocks = BuildBlocks(BuildSource(kind="build", path=str(build), turns=3, split="all"))
    for conversation in blocks.read(0, 0, 0):
        asked = [t.question.removeprefix(f"{IMAGE}\n") for t in conversation.turns]
        subjects = [(q % 2, q % 3) for text in asked for q in range(7) if question(q) == text]
        assert len(set(subjects)) == len(subjects)


def test_with_a_limit_epochs_take_turns_through_all_questions(build: Path) -> None:
    blocks = BuildBlocks(BuildSource(kind="build", path=str(build), turns=3, per_image=4, split="all"))
    asked = [
        {t.question.removeprefix(f"{IMAGE}\n") for c in blocks.read(0, e, 0)[:2] for t in c.turns} for e in range(2)
    ]
    assert len(asked[0]) == 4
    assert len(asked[0] | asked[1]) == 7


def test_filters_and_missing_questions(build: Path) -> None:
    only = BuildBlocks(BuildSource(kind="build", path=str(build), types=("right_colour",), split="all"))
    assert sum(len(c.turns) for b in range(only.blocks) for c in only.read(b, 0, 0)) == 12 * 3
    with pytest.raises(ConfigError, match="there are: default"):
        BuildBlocks(BuildSource(kind="build", path=str(build), questions="other"))
    nothing = mixed(data_of(build, types=["no_such_type"]), learn_tokenizer(["a USER: ASSISTANT:"], 300))
    with pytest.raises(ConfigError, match="nothing is left"):
        Lane(nothing, 0, nothing.start(0)).next()


def test_long_answers_can_be_left_out(tmp_path: Path) -> None:
    def asked(i: int, n: int) -> list[dict[str, object]]:
        rows = question_rows(i, n)
        return [row | {"answer": f"It is {row['answer']}"} if q % 3 == 0 else row for q, row in enumerate(rows)]

    build = write_build(tmp_path / "build", images=3, questions=6, asked=asked)
    for longest, count in ((1, 12), (2, 12), (3, 18)):
        source = BuildBlocks(BuildSource(kind="build", path=str(build), longest_answer=longest))
        assert sum(len(c.turns) for b in range(source.blocks) for c in source.read(b, 0, 0)) == count


@pytest.mark.parametrize("packing", [True, False])
def test_a_pool_trains_on_each_conversation_once(build: Path, tokenizer: object, packing: bool) -> None:
    made = mixed(data_of(build, split="all"), tokenizer, 1, packing)
    total = 0
    for number in range(made.pools[0].count):
        pool = Pool(made.pools[0], number, made.encoder, made.settings)
        for k in range(len(pool)):
            batch = pool.batch(k)
            total += batch.supervised
            assert batch.ids.shape[1] <= CONTEXT
            assert batch.pixels.shape == (len(batch.keys), SIDE, SIDE, 3)
            image_tokens = int((batch.ids == made.encoder._image_id).sum())
            assert image_tokens == 4 * len(batch.slots)
            assert batch.tokens <= batch.ids.numel()
            starts = batch.positions[:, 1:][batch.labels[:, 1:] != -100]
            assert (starts > 0).all()
    blocks = made.pools[0].source
    conversations = [c for b in range(blocks.blocks) for c in blocks.read(b, 0, made.settings.seed)]
    assert total == sum(e.supervised for e in made.encoder.encode([(c.name, c.turns) for c in conversations]))


def test_without_pictures_all_are_the_same_empty_one_and_the_words_are_the_same(build: Path, tokenizer: object) -> None:
    seeing = mixed(data_of(build, split="all"), tokenizer, 1)
    blind = mixed(data_of(build, split="all"), tokenizer, 1, pictures=False)
    one, other = (Pool(m.pools[0], 0, m.encoder, m.settings).batch(0) for m in (seeing, blind))
    assert torch.equal(one.ids, other.ids)
    assert torch.equal(one.labels, other.labels)
    assert len(one.pixels) > 1
    assert len(other.pixels) == 1
    assert other.pixels.reshape(-1, 3).unique(dim=0).tolist() == [list(blind.settings.background)]


def test_each_picture_is_decoded_once_a_pool(build: Path, tokenizer: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from spatialgen.train import samples

    decoded: list[str] = []
    real = samples.square
    monkeypatch.setattr(
        samples, "square", lambda image, side, colour: (decoded.append("x"), real(image, side, colour))[1]
    )
    made = mixed(data_of(build, split="all"), tokenizer, 1)
    pool = Pool(made.pools[0], 0, made.encoder, made.settings)
    for k in range(len(pool)):
        pool.batch(k)
    assert len(decoded) == 3 * made.pools[0].blocks
    assert pool._pixels == {}


def test_the_stream_does_not_depend_on_ranks_or_workers(build: Path, tokenizer: object) -> None:
    made = mixed(data_of(build), tokenizer, lanes=4)
    alone = steps(made, 0, 1, 6)
    two = [steps(made, r, 2, 6) for r in range(2)]
    assert [sorted(a + b) for a, b in zip(*two, strict=True)] == [sorted(s) for s in alone]
    assert steps(made, 0, 1, 6) == alone
    with pytest.raises(ConfigError, match="do not divide among 3 ranks"):
        steps(made, 0, 3, 1)


@pytest.mark.slow
def test_loader_processes_change_nothing(build: Path, tokenizer: object) -> None:
    made = mixed(data_of(build), tokenizer, lanes=4)
    assert steps(made, 0, 1, 4, workers=2) == steps(made, 0, 1, 4)


def test_a_stream_goes_on_exactly_where_it_was_left(build: Path, tokenizer: object) -> None:
    made = mixed(data_of(build), tokenizer, lanes=2)
    whole = steps(made, 0, 1, 40)
    for cut in (1, 7, 23):
        places = {lane: place for lane, place, *_ in whole[cut - 1]}
        stored = json.loads(json.dumps({lane: astuple(place) for lane, place in places.items()}))
        back = {int(k): LanePlace(tuple(v[0]), tuple(v[1]), tuple(v[2]), v[3]) for k, v in stored.items()}
        assert steps(made, 0, 1, 5, back) == whole[cut : cut + 5]


def test_epochs_differ_and_progress_counts_them(build: Path, tokenizer: object) -> None:
    made = mixed(data_of(build), tokenizer, lanes=1)
    lane = Lane(made, 0, made.start(0))
    epoch: list[list[tuple[object, ...]]] = [[], []]
    for e in range(2):
        while made.progress({0: lane.place}, 1.0) < e + 1:
            epoch[e].append(fingerprint(lane.next())[2:4])
    assert epoch[0] != epoch[1]
    assert made.progress({0: lane.place}, 2.0) == pytest.approx(1.0)


def test_sources_mix_by_token_share(build: Path, tokenizer: object, tmp_path: Path) -> None:
    llava = [
        {
            "id": str(i),
            "conversations": [{"from": "human", "value": f"What is {i}?"}, {"from": "gpt", "value": "A number, " * 9}],
        }
        for i in range(200)
    ]
    (tmp_path / "llava.json").write_text(json.dumps(llava))
    sources = [
        {"kind": "build", "path": str(build), "turns": 3, "share": 0.2},
        {"kind": "llava", "path": str(tmp_path / "llava.json"), "share": 0.8},
    ]
    data = DataConfig.model_validate_json(json.dumps({"sources": sources, "workers": 0}))
    made = mixed(data, tokenizer, lanes=2)
    lanes = [Lane(made, i, made.start(i)) for i in range(2)]
    tokens = np.zeros(2)
    first: list[int] = []
    for _ in range(150):
        for lane in lanes:
            batch = lane.next().batch
            tokens[batch.source] += batch.tokens
            first += [batch.source]
    assert tokens[0] / tokens.sum() == pytest.approx(0.2, abs=0.01)


def test_an_unreadable_picture_is_skipped_and_named(build: Path, tokenizer: object, tmp_path: Path) -> None:
    good, _ = picture(1)
    (tmp_path / "good.png").write_bytes(good)
    (tmp_path / "bad.png").write_bytes(good[: len(good) // 2])
    records = [
        {
            "id": n,
            "image": f"{n}.png",
            "conversations": [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": n}],
        }
        for n in ("good", "bad", "absent")
    ]
    (tmp_path / "set.jsonl").write_text("\n".join(map(json.dumps, records)))
    config = {
        "sources": [{"kind": "llava", "path": str(tmp_path / "set.jsonl"), "images": str(tmp_path)}],
        "workers": 0,
    }
    made = mixed(DataConfig.model_validate_json(json.dumps(config)), tokenizer, lanes=1)
    lane = Lane(made, 0, made.start(0))
    items = [lane.next().batch]
    faults = [f for b in items for f in b.bad]
    assert sorted("absent" in f for f in faults) == [False, True]
    assert any("bad.png" in f for f in faults)
    assert (
        sum(b.supervised for b in items)
        == made.encoder.encode(
            [("x", LlavaBlocks(LlavaSource(kind="llava", path=str(tmp_path / "set.jsonl"))).read(0, 0, 0)[0].turns)]
        )[0].supervised
    )


@pytest.mark.parametrize("indent", [None, 1])
def test_a_json_list_is_read_record_by_record(tmp_path: Path, indent: int | None) -> None:
    said = [{"from": "human", "value": "What is “that”? [1]"}, {"from": "gpt", "value": "Ein Bär, \\ 熊 } ]"}]
    records = [{"id": i, "conversations": said, "filler": "é" * (i % 7) * 999} for i in range(700)]
    path = tmp_path / "list.json"
    path.write_text(json.dumps(records, indent=indent, ensure_ascii=False), encoding="utf-8")
    assert path.stat().st_size > 1 << 21
    blocks = LlavaBlocks(LlavaSource(kind="llava", path=str(path)))
    read = [c for b in range(blocks.blocks) for c in blocks.read(b, 0, 0)]
    assert [c.name for c in read] == [f"{path}, record {i} ({i})" for i in range(700)]
    assert all(c.turns[0].answer == said[1]["value"] for c in read)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("[", "no records"),
        ("[1, 2]", "expected records"),
        ('[{"conversations": [}]', "no valid JSON"),
    ],
)
def test_a_broken_llava_file_says_where(tmp_path: Path, text: str, match: str) -> None:
    (tmp_path / "broken.json").write_text(text)
    with pytest.raises(SourceError, match=match):
        LlavaBlocks(LlavaSource(kind="llava", path=str(tmp_path / "broken.json"))).read(0, 0, 0)


def test_a_record_that_is_no_conversation_is_skipped_and_named(tmp_path: Path, tokenizer: object) -> None:
    good = [{"from": "human", "value": "What?"}, {"from": "gpt", "value": "A chair."}]
    odd = [
        [{"from": "gpt", "value": "x"}],
        [{"from": "human", "value": "What?"}, {"from": "gpt", "value": "It ends</s> here."}],
        [{"from": "human", "value": "word " * 2 * CONTEXT}, {"from": "gpt", "value": "Too long."}],
    ]
    records = [{"id": k, "conversations": said} for k, said in enumerate([good, *odd, good])]
    (tmp_path / "set.jsonl").write_text("\n".join([*map(json.dumps, [*records, {"id": "none"}]), '{"id": 6, "conv']))
    config = {"sources": [{"kind": "llava", "path": str(tmp_path / "set.jsonl")}], "workers": 0}
    made = mixed(DataConfig.model_validate_json(json.dumps(config)), tokenizer, lanes=1)
    pool = Pool(made.pools[0], 0, made.encoder, settings())
    read = [pool.batch(k) for k in range(len(pool))]
    assert sum(b.supervised for b in read) > 0
    faults = "\n".join(f for b in read for f in b.bad)
    assert [f"record {k} " in faults for k in range(5)] == [False, True, True, True, False]
    assert "record 5" in faults
    assert "record 6: is no valid JSON" in faults
    assert "must alternate" in faults


def test_pictures_by_reference_are_read_from_their_folder(tmp_path: Path, tokenizer: object) -> None:
    build = write_build(tmp_path / "b", images=3, image=lambda i: image_row(i, embed=False))
    for i in range(3):
        (tmp_path / f"img{i}.png").write_bytes(picture(i)[0])
    made = mixed(data_of(build, images=str(tmp_path), split="all"), tokenizer, lanes=1)
    batch = Lane(made, 0, made.start(0)).next().batch
    assert not batch.bad
    assert batch.pixels.float().std() > 10


def test_packing_fills_rows_and_loses_nothing() -> None:
    lengths = rng(3, "pack").integers(20, 200, 400).tolist()
    rows = pack(lengths, 512)
    assert sorted(i for row in rows for i in row) == list(range(400))
    assert max(sum(lengths[i] for i in row) for row in rows) <= 512
    assert sum(lengths) / (512 * len(rows)) > 0.95


def test_groups_are_of_like_length() -> None:
    lengths = rng(4, "group").integers(20, 2000, 400).tolist()
    groups = group_by_length(lengths, 8, rng(5, "order"))
    assert sorted(i for g in groups for (i,) in g) == list(range(400))
    padding = sum(max(lengths[i] for (i,) in g) * len(g) for g in groups) / sum(lengths) - 1
    assert padding < 0.05


def test_a_packed_row_keeps_its_conversations_apart(build: Path, tokenizer: object) -> None:
    made = mixed(data_of(build), tokenizer, lanes=1)
    batch = Lane(made, 0, made.start(0)).next().batch
    positions = batch.positions[0]
    begins = (positions == 0).nonzero().flatten().tolist()
    assert len(begins) > 1
    for begin, end in zip(begins, [*begins[1:], len(positions)], strict=True):
        assert positions[begin:end].tolist() == list(range(end - begin))
    assert (batch.labels[0][torch.tensor(begins)] == -100).all()


def test_a_picture_is_padded_in_the_middle() -> None:
    from spatialgen.train.pictures import square

    wide = np.zeros((2, 4, 3), np.uint8)
    wide[:, 0] = 255
    padded = square(Image.fromarray(wide), 4, (1, 2, 3))
    assert padded[0, 0].tolist() == [1, 2, 3]
    assert padded[1, 0].tolist() == [255, 255, 255]
    assert padded[2, 3].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("kind", "size", "given", "moved"),
    [
        ("unit", (200, 100), "at [0.5, 0.5]", "at [0.500, 0.500]"),  # the middle stays the middle
        ("unit", (200, 100), "[0, 0, 1, 1]", "[0.000, 0.250, 1.000, 0.750]"),  # 50 of 200 rows are padding above
        ("pixel", (200, 100), "from [10, 20] on", "from [10, 70] on"),
        ("pixel", (100, 300), "[10, 20, 30, 40]", "[110, 20, 130, 40]"),
        ("grid1000", (200, 100), "[250, 0]", "[250, 250]"),
        ("unit", (200, 100), "a list [1, 2, 3]", "a list [1, 2, 3]"),
        ("unit", (200, 100), "[7, 8]", "[7, 8]"),
        ("padded", (200, 100), "[0.5, 0.1]", "[0.5, 0.1]"),
    ],
)
def test_coordinates_in_texts_move_with_the_padding(kind: str, size: tuple[int, int], given: str, moved: str) -> None:
    assert pad_coordinates(given, kind, *size) == moved


def test_a_records_coordinates_are_moved_when_its_picture_is_padded(tmp_path: Path) -> None:
    Image.new("RGB", (40, 20)).save(tmp_path / "wide.png")
    said = [{"from": "human", "value": "<image>\nWhat is at [0.5, 0.0]?"}, {"from": "gpt", "value": "At [0, 0] a cup."}]
    (tmp_path / "set.json").write_text(json.dumps([{"id": 1, "image": "wide.png", "conversations": said}]))
    source = LlavaSource(kind="llava", path=str(tmp_path / "set.json"), images=str(tmp_path), coordinates="unit")
    (read,) = LlavaBlocks(source).read(0, 0, 0)
    (turn,) = read.padded().turns
    assert turn.question.endswith("[0.500, 0.250]?")
    assert turn.answer == "At [0.000, 0.250] a cup."
