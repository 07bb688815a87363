"""Tokenizers: that of a language model with the image token added, or a byte-pair vocabulary learnt from texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from spatialgen.train.hf import transformers
from spatialgen.train.templates import IMAGE

VIDEO = "<video>"  # PerceptionLM's processor wants one, used or not
PAD, BOS, EOS = "<pad>", "<s>", "</s>"
# A word, a digit or a run of signs, with the space before it: what follows a word is told by the word itself.
_PIECE = r" ?\p{N}| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def learn_tokenizer(texts: Iterable[str], size: int, marks: Sequence[str] = ()) -> Any:
    """Return a byte-level BPE tokenizer of `size` tokens learnt from `texts` (deterministic), digits apart.

    `marks` become one token each, as the image token does.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECE), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[PAD, BOS, EOS, IMAGE, *marks],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return transformers().PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        extra_special_tokens={"image_token": IMAGE},
        clean_up_tokenization_spaces=False,
    )


def prepare_tokenizer(tokenizer: Any, tokens: Iterable[str] = (IMAGE,)) -> None:
    """Give `tokenizer` the image token (and others) and something to pad with, where it lacks them."""
    from tokenizers import AddedToken

    for token in tokens:
        if tokenizer.convert_tokens_to_ids(token) in (None, tokenizer.unk_token_id):
            tokenizer.add_tokens([AddedToken(token, special=True, normalized=False)], special_tokens=True)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.unk_token or tokenizer.eos_token
    tokenizer.padding_side = "right"
