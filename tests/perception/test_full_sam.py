"""Segment Anything 1 and 2: the right mask of each box, in the image's own pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from full_fixtures import pictures, save_depth_anything, save_sam, save_sam2

from spatialgen.errors import WeightsError
from spatialgen.perception.segmenters import sam, sam2
from spatialgen.records import F32, Bool, DepthMap

BOXES = [
    np.array([[10, 10, 40, 40], [20, 5, 70, 50], [0, 0, 80, 60]], np.float32),
    np.zeros((0, 4), np.float32),
    np.array([[5, 15, 30, 45]], np.float32),
    np.array([[50, 20, 90, 90]], np.float32),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_sam(tmp_path_factory.mktemp("sam") / "checkpoints" / "sam_vit_b_01ec64.pth")


def backend(path: Path, **options: Any) -> sam.Backend:
    given = {"model": str(path), "min_predicted_iou": -100.0} | options
    made = sam.Backend(sam.Config.model_validate(given))
    made.setup("cpu")
    return made


def segment(made: sam.Backend, images: list[Any], boxes: list[F32]) -> list[Bool]:
    return made.segment(images, boxes, [DepthMap(np.ones((2, 2), np.float32), "given")] * len(images))


class Decoder(torch.nn.Module):
    """Says three masks for each box: quarters of the canvas, with their predicted overlaps."""

    def __init__(self, predicted: list[list[float]]) -> None:
        super().__init__()
        self.predicted = torch.tensor(predicted)
        self.prompts = 0

    def forward(self, *, sparse_prompt_embeddings: torch.Tensor, **_: Any) -> tuple[torch.Tensor, torch.Tensor]:
        count = len(sparse_prompt_embeddings)
        masks = torch.full((count, 3, 256, 256), -8.0)
        masks[:, 0, :64, :64] = 8.0  # the upper left quarter of each side of the 1024 x 1024 canvas
        masks[:, 1, :64, 128:] = 8.0
        masks[:, 2] = 8.0
        here, self.prompts = self.prompts, self.prompts + count
        return masks, self.predicted[here : here + count]


def test_batches_give_what_single_images_give(path: Path) -> None:
    network = backend(path, batch_size=2, boxes_per_pass=2)
    images = pictures()
    together = segment(network, images, BOXES)
    assert [m.shape for m in together] == [(3, 60, 80), (0, 80, 60), (1, 60, 80), (1, 100, 100)]
    assert all(m.dtype == np.bool_ for m in together)
    for k in (0, 3):
        (alone,) = segment(network, images[k : k + 1], BOXES[k : k + 1])
        assert (together[k] != alone).mean() < 1e-3
        assert 0 < alone.mean() < 1
    (single,) = segment(network, images[:1], [BOXES[0][2:]])
    assert (together[0][2:] != single).mean() < 1e-3


def test_the_image_is_encoded_once_however_many_boxes(path: Path) -> None:
    network = backend(path, batch_size=3, boxes_per_pass=1)
    sizes = []
    network._model.image_encoder.register_forward_pre_hook(lambda _, inputs: sizes.append(tuple(inputs[0].shape)))
    segment(network, pictures(), BOXES)
    assert sizes == [(3, 3, 1024, 1024)]  # and not the one without boxes


def test_the_mask_with_the_best_predicted_overlap_is_taken_in_the_right_pixels(path: Path) -> None:
    network = backend(path, clip_margin=100.0)
    network._model.mask_decoder = Decoder([[0.9, 0.1, 0.3], [0.2, 0.8, 0.7]])
    image = np.zeros((200, 400, 3), np.uint8)  # resized to 512 x 1024: 2.56 canvas pixels each
    boxes = np.array([[0, 0, 100, 100], [200, 0, 400, 100]], np.float32)
    (masks,) = segment(network, [image], [boxes])
    expected = np.zeros((2, 200, 400), bool)
    expected[0, :100, :100] = True
    expected[1, :100, 200:] = True
    assert (masks != expected).sum() <= 2 * 200  # one pixel along the edges of the 256-pixel masks


def test_masks_end_near_their_box_and_weak_ones_are_empty(path: Path) -> None:
    network = backend(path, clip_margin=0.1, min_predicted_iou=0.5)
    network._model.mask_decoder = Decoder([[0.1, 0.1, 0.9], [0.1, 0.1, 0.4]])
    box = np.array([[10, 20, 40, 60], [10, 20, 40, 60]], np.float32)
    (masks,) = segment(network, [np.zeros((100, 100, 3), np.uint8)], [box])
    expected = np.zeros((100, 100), bool)
    expected[16:64, 7:43] = True  # a tenth of 30 x 40 farther on each side
    assert (masks[0] == expected).all()
    assert not masks[1].any()


def test_boxes_reach_the_prompt_encoder_as_pixel_indices_of_the_canvas(path: Path) -> None:
    network = backend(path)
    seen = []
    network._model.prompt_encoder.register_forward_pre_hook(
        lambda _, args, kwargs: seen.append(kwargs["boxes"]), with_kwargs=True
    )
    segment(network, [np.zeros((128, 256, 3), np.uint8)], [np.array([[0, 32, 256, 128]], np.float32)])
    assert seen[0].tolist() == [[-0.5, 127.5, 1023.5, 511.5]]


@pytest.mark.parametrize(
    ("width", "depth", "heads", "whole"),
    [(768, 12, 12, (2, 5, 8, 11)), (1024, 24, 16, (5, 11, 17, 23)), (1280, 32, 16, (7, 15, 23, 31))],
)
def test_the_architecture_of_the_published_sizes_is_told_from_shapes(
    width: int, depth: int, heads: int, whole: tuple[int, ...]
) -> None:
    from segment_anything.build_sam import _build_sam

    with torch.device("meta"):
        state = _build_sam(width, depth, heads, list(whole)).state_dict()
    assert sam.architecture(state, "x.pth") == sam.Architecture(width, depth, heads, whole)


def test_a_folder_with_the_file_works_and_the_use_is_recorded(path: Path) -> None:
    made = backend(path.parent.parent)
    (use,) = made.models()
    assert use.role == "segmenter"
    assert use.version == backend(path).models()[0].version


def test_another_file_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"a\.pth: not a Segment Anything checkpoint"):
        backend(tmp_path / "a.pth")


def test_a_checkpoint_with_a_part_missing_is_refused(path: Path, tmp_path: Path) -> None:
    state = torch.load(path, weights_only=True)
    torch.save({k: v for k, v in state.items() if not k.startswith("mask_decoder.iou")}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="not a Segment Anything checkpoint"):
        backend(tmp_path / "a.pth")


# --- Segment Anything 2


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_sam2(tmp_path_factory.mktemp("sam2"))


def backend2(folder: Path, **options: Any) -> sam2.Backend:
    made = sam2.Backend(sam2.Config.model_validate({"model": str(folder), "min_predicted_iou": -100.0} | options))
    made.setup("cpu")
    return made


def test_sam2_gives_in_batches_what_it_gives_alone(second: Path) -> None:
    network = backend2(second, batch_size=2, boxes_per_pass=2)
    images = pictures()
    for image, boxes, masks in zip(images, BOXES, network.segment(images, BOXES, []), strict=True):
        assert masks.shape == (len(boxes), *image.shape[:2])
        for box, mask in zip(boxes, masks, strict=True):
            ((alone,),) = network.segment([image], [box[None]], [])
            assert (mask != alone).mean() < 1e-3
            assert 0 < mask.mean() < 1


def test_sam2_takes_boxes_in_the_squeezed_square_and_the_best_of_three(
    second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = backend2(second, clip_margin=100.0)
    seen = []

    class Output:
        pred_masks = torch.full((1, 2, 3, 32, 32), -9.0)
        iou_scores = torch.tensor([[[0.1, 0.9, 0.2], [0.1, 0.2, 0.9]]])

    Output.pred_masks[0, 0, 1, :16, :8] = 9.0  # upper half, left quarter
    Output.pred_masks[0, 1, 2, 16:] = 9.0  # lower half

    def forward(_: object, *, input_boxes: torch.Tensor, **__: object) -> type[Output]:
        seen.append(input_boxes)
        return Output

    monkeypatch.setattr(type(network._model), "forward", forward)
    boxes = np.array([[0, 0, 64, 32], [64, 32, 256, 64]], np.float32)
    (masks,) = network.segment([np.zeros((64, 256, 3), np.uint8)], [boxes], [])
    assert seen[0].tolist() == [[[-0.5, -0.5, 31.5, 63.5], [31.5, 63.5, 127.5, 127.5]]]
    expected = np.zeros((2, 64, 256), bool)
    expected[0, :32, :64] = True
    expected[1, 32:] = True
    assert np.argwhere(masks != expected).tolist() == [[0, 31, 63]]  # upsampling rounds the corner off


def test_sam2_refuses_another_network(tmp_path: Path) -> None:
    with pytest.raises(WeightsError):
        backend2(save_depth_anything(tmp_path))
