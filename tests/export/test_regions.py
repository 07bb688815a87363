"""Region tags: those of question, answer and masks agree, and the words are those of the question but for the names."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from pycocotools import mask as coco

from spatialgen.export.asked import can_be_retold, retold
from spatialgen.export.forms.regions import tags_agree
from spatialgen.export.pages import Page
from spatialgen.qa.family import Kind, family_of_type

Export = Callable[[str], list[dict[str, Any]]]


def test_a_row_is_retold_as_it_was_told(book: dict[str, Page]) -> None:
    same = []
    forms = set()
    for page in book.values():
        for row in filter(can_be_retold, page.rows):
            question, answer = retold(page, row, page.naming)
            assert question == row["question"]
            if family_of_type()[row["question_type"]].kind is Kind.VALUED:
                same.append(answer == row["answer"])
            else:
                assert answer == row["answer"]
            forms.add(row["form"])
    assert forms == {"open", "yes_no", "choice", "true_false"}
    assert np.mean(same) > 0.98, "sigma is stored to three digits, so that a printed digit may differ, hardly more"


def test_tags_masks_and_names_agree(exported: Export, book: dict[str, Page]) -> None:
    records = exported("regions")
    assert len(records) > 200
    for record in records:
        page = book[record["image_id"]]
        [row] = [row for row in page.rows if row["qa_id"] == record["qa_id"]]
        question, answer = (turn["value"] for turn in record["conversations"])
        mentions = re.findall(r"<region\d+>", question)
        expected = [f"<region{k + 1}>" for k in range(len(record["rle"]))]
        assert list(dict.fromkeys(mentions)) == expected
        assert question.count("<mask>") == len(expected)
        assert re.findall(r"(<region\d+>) <mask>", question) == expected
        assert set(re.findall(r"<region\d+>", answer)) <= set(expected)
        assert "<mask>" not in answer
        assert set(record["regions"]) <= set(row["subjects"])
        things = {thing.object_id: k for k, thing in enumerate(page.scene.objects)}
        for tag, object_id, rle in zip(expected, record["regions"], record["rle"], strict=True):
            assert page.naming.phrases[things[object_id]] not in question + answer
            mask = coco.decode({"size": rle["size"], "counts": rle["counts"].encode()})
            assert mask.shape == (page.scene.height, page.scene.width)
            assert mask.sum() == page.scene.objects[things[object_id]].pixels
            rows, columns = np.nonzero(mask)
            bounds = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert bounds == page.scene.objects[things[object_id]].box_px.tolist()
            named = page.naming.phrases[things[object_id]]
            question = question.replace(f"{tag} <mask>", named).replace(tag, named)
        assert question.removeprefix("<image>\n").lower() == row["question"].lower()


def test_tags_that_the_question_lacks_do_not_pass() -> None:
    assert tags_agree("Is <region1> left of <region2>?", "Yes, <region1> is.")
    assert not tags_agree("Is <region1> left of it?", "<region2> is.")
    assert not tags_agree("Is the mug left of it?", "Yes.")
