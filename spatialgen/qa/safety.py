"""Text that may not enter a question: what a template or a conversation format could take for its own."""

from __future__ import annotations

import re
import unicodedata

MAX_LENGTH = 80

_SPECIAL_WORDS = (
    # LLaVA, SpatialRGPT, All-Seeing, RegionVLM
    *("<image>", "<im_start>", "<im_end>", "<im_patch>", "<mask>", "<depth>", "<ref>", "<box>", "<pred>"),
    # llama 2, mistral, gemma, vicuna
    *("<s>", "</s>", "<unk>", "<pad>", "[inst]", "[/inst]", "<<sys>>", "<</sys>>", "<bos>", "<eos>"),
    *("<start_of_turn>", "<end_of_turn>", "### human", "### assistant", "user:", "assistant:", "human:", "gpt:"),
    *("[gmask]", "[mask]", "[pad]", "[unk]", "[cls]", "[sep]"),
)
_PATTERNS = (
    (re.compile(r"\{|\}"), "a template slot: a brace"),
    (re.compile(r"\[[^\]]*\]?|\]"), "a template slot: a square bracket"),
    (re.compile(r"</?[^\s<>][^<>]*>?|[<>]"), "a special token: an angle bracket"),
    (re.compile(r"<\||\|>|\|"), "a special token: a bar"),
    (re.compile(r"%\(|%[sdrif]\b|\$\{|`|\\"), "a formatting code"),
    (re.compile(r"https?:|www\."), "a web address"),
)


def unsafe_text(text: str) -> str | None:
    """Return why `text` may not be used as a name, label or caption, or None when it may.

    Refused: template slots, the special tokens of every supported conversation template, control and
    formatting characters, line breaks, and text that is empty or longer than 80 characters.
    """
    if not text.strip():
        return "no words"
    if len(text) > MAX_LENGTH:
        return f"longer than {MAX_LENGTH} characters"
    lowered = text.lower()
    for word in _SPECIAL_WORDS:
        if word in lowered:
            return f"a special token: {word!r}"
    for pattern, reason in _PATTERNS:
        if pattern.search(text):
            return reason
    return _bad_character(text)


def _bad_character(text: str) -> str | None:
    for character in text:
        category = unicodedata.category(character)
        if category[0] == "C" or category in ("Zl", "Zp") or character == "�":
            return f"the character {character!a} ({category})"
    return None
