"""Text that may not enter a question, and the config of the questions."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from spatialgen.qa.config import AskConfig
from spatialgen.qa.safety import unsafe_text


@pytest.mark.parametrize(
    "text",
    [
        "[A]",
        "mug [B]",
        "{{ x }}",
        "{a}",
        "<image>",
        "<mask>",
        "<ref>",
        "</s>",
        "<s>",
        "<|im_end|>",
        "<|eot_id|>",
        "<start_of_turn>",
        "[INST] mug",
        "<<SYS>>",
        "USER: hi",
        "### Human",
        "a\nb",
        "a\tb",
        "a\x00b",
        "a\u202eb",
        "a\u2028b",
        "",
        "  ",
        "x" * 81,
        "see https://x.org",
        "`rm`",
        "%s",
    ],
)
def test_refused(text: str) -> None:
    assert unsafe_text(text)


@pytest.mark.parametrize(
    "text",
    ["red mug", "café table", "box of 50% off labels", "Dad's chair", "black-and-white ball", "椅子", "TV (old)"],
)
def test_allowed(text: str) -> None:
    assert unsafe_text(text) is None


def test_config_names_the_nearest_right_word() -> None:
    with pytest.raises(ValidationError, match="did you mean 'wider'"):
        AskConfig(types=("wideer",))
    with pytest.raises(ValidationError, match="did you mean 'yes_no'"):
        AskConfig(forms=("yesno",))
    with pytest.raises(ValidationError, match="asks nothing"):
        AskConfig(types=())
    with pytest.raises(ValidationError, match="Extra inputs"):
        AskConfig(typs="all")


def test_balance_may_be_a_word_or_a_list() -> None:
    assert AskConfig(balance="none").balance == ()
    assert AskConfig(balance="prior").balance == ("prior",)
    assert AskConfig(balance=["prior", "histogram"]).balance == ("prior", "histogram")
