"""Open-vocabulary detectors: names to tokens and back, boxes to the right pixels, batches to the same results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from full_fixtures import (
    bert_tokenizer,
    pictures,
    save_grounding_dino,
    save_original_grounding_dino,
    save_owlv2,
    save_sam,
)
from pydantic import ValidationError

from spatialgen.errors import ConfigError, WeightsError
from spatialgen.perception.checks import check_detections
from spatialgen.perception.detectors import grounding_dino, grounding_dino_original, owlv2
from spatialgen.perception.detectors._phrases import class_scores, make_prompts
from spatialgen.perception.detectors._select import pixel_boxes, select
from spatialgen.perception.detectors._vocabulary import DEFAULT_CLASSES
from spatialgen.records import Detections

CLASSES = ("table", "coffee table", "potted plant", "mug", "table lamp")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_grounding_dino(tmp_path_factory.mktemp("grounding_dino"))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("groundingdino", exc_type=ImportError)
    return save_original_grounding_dino(tmp_path_factory.mktemp("original"))


def backend(folder: Path, **options: Any) -> grounding_dino.Backend:
    given = {"model": str(folder), "classes": CLASSES, "threshold": 0.0, "max_detections": 10} | options
    made = grounding_dino.Backend(grounding_dino.Config.model_validate(given))
    made.setup("cpu")
    return made


def same(a: Detections, b: Detections) -> bool:
    return (
        a.labels == b.labels
        and np.allclose(a.boxes_px, b.boxes_px, atol=1e-3)
        and np.allclose(a.scores, b.scores, atol=1e-4)
    )


# --- names and tokens


def test_every_class_knows_the_tokens_of_its_own_words() -> None:
    (prompt,) = make_prompts(CLASSES, bert_tokenizer(), 256)
    ids = bert_tokenizer()(prompt.text)["input_ids"]
    words = [bert_tokenizer().decode([ids[i] for i in tokens]) for tokens in prompt.tokens]
    assert prompt.text == "table . coffee table . potted plant . mug . table lamp ."
    assert tuple(words) == CLASSES
    assert len({i for tokens in prompt.tokens for i in tokens}) == sum(len(t) for t in prompt.tokens)


def test_words_in_pieces_belong_to_their_class() -> None:
    (prompt,) = make_prompts(("mugs", "fire-dog"), bert_tokenizer(), 256)
    assert [len(t) for t in prompt.tokens] == [2, 4]  # mug ##s, and fir ##e - dog


@pytest.mark.parametrize("limit", [5, 6, 9, 13, 256])
def test_passes_hold_all_classes_in_order_within_the_limit(limit: int) -> None:
    prompts = make_prompts(CLASSES, bert_tokenizer(), limit)
    assert [i for p in prompts for i in p.class_ids] == list(range(len(CLASSES)))
    assert all(len(bert_tokenizer()(p.text)["input_ids"]) <= limit for p in prompts)
    assert all(max(max(t) for t in p.tokens) < limit - 1 for p in prompts)


def test_as_few_passes_as_hold_the_text() -> None:
    assert [len(make_prompts(CLASSES, bert_tokenizer(), n)) for n in (6, 7, 14, 15)] == [5, 3, 2, 1]


def test_a_class_longer_than_a_pass_is_refused() -> None:
    with pytest.raises(ConfigError, match="'coffee table' takes 3 tokens"):
        make_prompts(CLASSES, bert_tokenizer(), 4)


def test_a_score_is_the_mean_over_the_tokens_of_the_class() -> None:
    (prompt,) = make_prompts(CLASSES, bert_tokenizer(), 256)
    logits = torch.full((1, 1, 256), -torch.inf)
    logits[0, 0, list(prompt.tokens[1])] = torch.tensor([3.0, 0.0])  # "coffee" fires, "table" half
    logits[0, 0, list(prompt.tokens[0])] = -3.0
    expected = [torch.tensor(-3.0).sigmoid(), (torch.tensor(3.0).sigmoid() + 0.5) / 2, 0, 0, 0]
    assert torch.allclose(class_scores(logits, prompt)[0, 0], torch.tensor(expected))


@pytest.mark.parametrize("names", [["a. b"], ["what?"], [" "], ["mug", "Mug"], ["two\x00"], []])
def test_unusable_class_names_are_refused(names: list[str]) -> None:
    with pytest.raises(ValidationError):
        grounding_dino.Config.model_validate({"classes": names})


def test_the_default_vocabulary_is_about_a_hundred_names_in_one_pass() -> None:
    assert 90 <= len(DEFAULT_CLASSES) <= 130
    config = grounding_dino.Config.model_validate({"classes": [" Coffee  TABLE"]})
    assert config.classes == ("coffee table",)


# --- boxes


def test_boxes_come_back_in_edge_coordinates_of_the_image() -> None:
    shares = torch.tensor([[0.5, 0.5, 1.0, 1.0], [0.25, 0.75, 0.5, 0.5]])
    assert pixel_boxes(shares, (200, 100)).tolist() == [[0, 0, 200, 100], [0, 50, 100, 100]]


def test_what_is_selected() -> None:
    boxes = np.array([[0, 0, 50, 50], [1, 1, 50, 50], [60, 60, 130, 90], [5, 5, 5.5, 90], [0, 60, 9, 80]], np.float32)
    scores = np.array([[0.6, 0.5], [0.55, 0.8], [0.1, 0.4], [0.9, 0.9], [0.2, 0.29]], np.float32)
    found = select(boxes, scores, ("mug", "bowl"), (120, 100), threshold=0.3, max_detections=5)
    # the twin with the lower score, the sliver and the weak one go; the box over the border is clipped
    assert found.labels == ("bowl", "bowl")
    assert found.boxes_px.tolist() == [[1, 1, 50, 50], [60, 60, 120, 90]]
    assert np.allclose(found.scores, [0.8, 0.4])
    assert len(select(boxes, scores, ("mug", "bowl"), (120, 100), threshold=0, max_detections=1)) == 1


def test_known_outputs_come_out_as_the_right_thing_in_the_right_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two passes; in the second, one query is sure of "mug" at a box given in shares of a 300 x 120 picture."""
    detector = backend(folder, max_tokens=9, threshold=0.5)
    (pass_index,) = [k for k, p in enumerate(detector._prompts) if 3 in p.class_ids]

    def forward(pixels: torch.Tensor, text: str) -> tuple[torch.Tensor, torch.Tensor]:
        logits = torch.full((len(pixels), 4, 256), -torch.inf)
        boxes = torch.full((len(pixels), 4, 4), 0.5)
        prompt = detector._prompts[pass_index]
        if text == prompt.text:
            logits[:, 2, list(prompt.tokens[prompt.class_ids.index(3)])] = 4.0
            boxes[:, 2] = torch.tensor([0.5, 0.25, 0.2, 0.1])
        return logits, boxes

    monkeypatch.setattr(detector, "_forward", forward)
    (found,) = detector.detect([np.zeros((120, 300, 3), np.uint8)])
    assert found.labels == ("mug",)
    assert np.allclose(found.boxes_px, [[120, 24, 180, 36]], atol=1e-4)


# --- the network


def test_batches_give_what_single_images_give(folder: Path) -> None:
    detector = backend(folder, batch_size=2, max_tokens=9)
    images = pictures()
    together = detector.detect(images)
    for image, found in zip(images, together, strict=True):
        check_detections("grounding_dino", found, (image.shape[1], image.shape[0]))
        assert len(found) > 0
        assert same(found, detector.detect([image])[0])
    assert not same(together[0], together[2])  # two pictures of one size: the network sees a difference


def test_the_order_of_classes_changes_no_score_of_a_pass_of_one_class(folder: Path) -> None:
    alone = backend(folder, classes=("mug",)).detect(pictures()[:1])[0]
    among = backend(folder, classes=("coffee table", "mug"), max_tokens=5).detect(pictures()[:1])[0]
    mugs = [k for k, label in enumerate(among.labels) if label == "mug"]
    assert mugs
    assert {round(float(s), 5) for s in among.scores[mugs]} <= {round(float(s), 5) for s in alone.scores}


def test_a_pickled_checkpoint_gives_the_same(folder: Path, tmp_path: Path) -> None:
    pickled = save_grounding_dino(tmp_path / "bin", safe=False)
    assert same(backend(pickled).detect(pictures()[:1])[0], backend(folder).detect(pictures()[:1])[0])


def test_the_models_used_are_recorded(folder: Path) -> None:
    (use,) = backend(folder).models()
    assert (use.role, use.name) == ("detector", folder.name)
    assert use.version.startswith("sha256:")


def test_an_mm_grounding_dino_checkpoint_runs(tmp_path: Path) -> None:
    found = backend(save_grounding_dino(tmp_path / "mm", mm=True)).detect(pictures()[:1])
    assert len(found[0]) > 0


# --- the original


def original_backend(folder: Path, **options: Any) -> grounding_dino_original.Backend:
    sizes = {"shortest_edge": 64, "longest_edge": 96, "classes": CLASSES, "threshold": 0.0, "max_detections": 10}
    given = {"model": str(folder), "text_encoder": str(folder / "bert")} | sizes | options
    made = grounding_dino_original.Backend(grounding_dino_original.Config.model_validate(given))
    made.setup("cpu")
    return made


@pytest.mark.filterwarnings("ignore:torch.meshgrid")
def test_an_original_checkpoint_runs_and_batches_change_nothing(original: Path) -> None:
    detector = original_backend(original, batch_size=4)
    images = pictures()
    for image, found in zip(images, detector.detect(images), strict=True):
        check_detections("grounding_dino_original", found, (image.shape[1], image.shape[0]))
        assert len(found) > 0
        assert same(found, detector.detect([image])[0])
    assert [use.license for use in detector.models()] == ["not stated", "not stated"]


def test_the_stand_in_for_the_text_encoder_is_bert_with_a_mask_for_each_pair(original: Path) -> None:
    from transformers import BertConfig, BertModel

    from spatialgen.perception.detectors._original_model import TextEncoder

    bert = BertModel(BertConfig.from_pretrained(original / "bert", attn_implementation="eager")).eval()
    ids = torch.tensor([[101, 5, 7, 1012, 9, 102]])
    places = torch.tensor([[0, 0, 1, 2, 0, 0]])
    mask = torch.eye(6, dtype=torch.bool)[None]
    mask[:, 1:4, 1:4] = True
    with torch.inference_mode():
        ours = TextEncoder(bert)(ids, mask, torch.zeros_like(ids), places)["last_hidden_state"]
        alone = bert(ids[:, 1:4], position_ids=places[:, 1:4]).last_hidden_state
        everyone = bert(ids, position_ids=places).last_hidden_state
    assert torch.allclose(ours[:, 1:4], alone, atol=1e-5)  # a class sees itself only
    assert not torch.allclose(ours, everyone, atol=1e-3)


def test_a_file_of_another_network_is_refused(original: Path, tmp_path: Path) -> None:
    save_sam(tmp_path / "groundingdino_swint_ogc.pth")
    with pytest.raises(WeightsError, match="not an original Grounding DINO checkpoint"):
        original_backend(original, model=str(tmp_path))


def test_tensors_that_are_missing_are_refused(original: Path, tmp_path: Path) -> None:
    path = tmp_path / "groundingdino_swint_ogc.pth"
    state = torch.load(original / path.name, weights_only=True)["model"]
    torch.save({"model": {k: v for k, v in state.items() if "input_proj.0" not in k}}, path)
    with pytest.raises(WeightsError, match="4 tensors missing"):
        original_backend(original, model=str(tmp_path))


# --- OWLv2


@pytest.fixture(scope="module")
def owl(tmp_path_factory: pytest.TempPathFactory) -> owlv2.Backend:
    folder = save_owlv2(tmp_path_factory.mktemp("owlv2"))
    options = {"model": str(folder), "classes": CLASSES, "threshold": 0.0, "batch_size": 3}
    made = owlv2.Backend(owlv2.Config.model_validate(options))
    made.setup("cpu")
    return made


def test_owlv2_gives_in_batches_what_it_gives_alone(owl: owlv2.Backend) -> None:
    images = pictures()
    for image, found in zip(images, owl.detect(images), strict=True):
        check_detections("owlv2", found, (image.shape[1], image.shape[0]))
        assert len(found) > 0
        assert same(found, owl.detect([image])[0])


def test_texts_encoded_once_score_as_the_whole_network_does(owl: owlv2.Backend) -> None:
    texts = [f"a photo of a {name}" for name in CLASSES]
    inputs = owl._processor(images=pictures()[:1], text=[texts], return_tensors="pt")
    with torch.inference_mode():
        whole = owl._model(**inputs)
        logits, boxes = owl._forward(inputs["pixel_values"])
    assert torch.allclose(whole.logits, logits, atol=1e-5)
    assert torch.allclose(whole.pred_boxes, boxes, atol=1e-5)


def test_owlv2_boxes_are_shares_of_the_padded_square(owl: owlv2.Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    logits = torch.full((1, 3, len(CLASSES)), -9.0)
    logits[0, 1, 3] = 5.0
    boxes = torch.tensor([[[0.5, 0.5, 1, 1], [0.5, 0.25, 0.5, 0.1], [0.5, 0.5, 1, 1]]])
    monkeypatch.setattr(owl, "_forward", lambda pixels: (logits, boxes))
    monkeypatch.setattr(owl, "config", owl.config.model_copy(update={"threshold": 0.5}))
    (found,) = owl.detect([np.zeros((60, 200, 3), np.uint8)])
    assert found.labels == ("mug",)
    assert np.allclose(found.boxes_px, [[50, 40, 150, 60]], atol=1e-4)  # 200 pixels a side, the lower part padded


@pytest.mark.parametrize("prompt", ["a photo", "{} and {}", "{name}"])
def test_a_prompt_has_one_place_for_the_name(prompt: str) -> None:
    with pytest.raises(ValidationError):
        owlv2.Config.model_validate({"prompt": prompt})
