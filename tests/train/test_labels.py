"""Labels against texts masked by hand: what stands between 《 and 》 is trained on, nothing else."""

import re

import numpy as np
import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from spatialgen.errors import ConfigError
from spatialgen.train.errors import LabelError
from spatialgen.train.labels import IGNORE, Encoder
from spatialgen.train.templates import IMAGE, Turn, jinja, names, template
from spatialgen.train.vocabulary import learn_tokenizer

CONTROL = ["<pad>", "<s>", "</s>", IMAGE, "<|im_start|>", "<|im_end|>", "<start_of_turn>", "<end_of_turn>"]
CONTROL += ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
TEXTS = [
    "USER: How far is the mug? ASSISTANT: 1.2 m",
    "About 3 o'clock, 12.5 cm. Yes, it is.",
    "system user assistant model",
]
TURNS = (Turn(f"{IMAGE}\nHow far is it?", "1.2 m"), Turn("Is it red?", "Yes, it is."))

V1 = (
    "<s>A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, "
    "and polite answers to the user's questions. "
)
LLAMA_2 = (
    "<s>[INST] <<SYS>>\nYou are a helpful language and vision assistant. You are able to understand the visual content "
    "that the user provides, and assist the user with a variety of tasks using natural language.\n<</SYS>>\n\n"
)
MPT = "A conversation between a user and an LLM-based AI assistant. The assistant gives helpful and honest answers."
HELPFUL = "You are a helpful assistant."
BY_HAND = {
    "plain": "<s><image>《1.2 m\n》",
    "v1": V1 + "USER: <image>\nHow far is it? ASSISTANT:《 1.2 m</s>》USER: Is it red? ASSISTANT:《 Yes, it is.</s>》",
    "llama_2": LLAMA_2
    + "<image>\nHow far is it? [/INST]《 1.2 m </s>》<s>[INST] Is it red? [/INST]《 Yes, it is. </s>》",
    "mpt": f"<|im_start|>system\n{MPT}<|im_end|><|im_start|>user\n<image>\nHow far is it?<|im_end|>"
    "<|im_start|>assistant\n《1.2 m<|im_end|>》<|im_start|>user\nIs it red?<|im_end|>"
    "<|im_start|>assistant\n《Yes, it is.<|im_end|>》",
    "chatml": f"<|im_start|>system\n{HELPFUL}<|im_end|>\n<|im_start|>user\n<image>\nHow far is it?<|im_end|>\n"
    "<|im_start|>assistant\n《1.2 m<|im_end|>》\n<|im_start|>user\nIs it red?<|im_end|>\n"
    "<|im_start|>assistant\n《Yes, it is.<|im_end|>》\n",
    "gemma": "<s><start_of_turn>user\n<image>\nHow far is it?<end_of_turn>\n"
    "<start_of_turn>model\n《1.2 m<end_of_turn>》\n"
    "<start_of_turn>user\nIs it red?<end_of_turn>\n<start_of_turn>model\n《Yes, it is.<end_of_turn>》\n",
    "llama3": f"<s><|start_header_id|>system<|end_header_id|>\n\n{HELPFUL}<|eot_id|>"
    "<|start_header_id|>user<|end_header_id|>\n\n<image>\nHow far is it?<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n《1.2 m<|eot_id|>》"
    "<|start_header_id|>user<|end_header_id|>\n\nIs it red?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    "《Yes, it is.<|eot_id|>》",
}
BY_HAND["qwen"] = BY_HAND["chatml"]


def byte_level() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=CONTROL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


def metaspace() -> Tokenizer:
    """A tokenizer that joins the space to the word after it, as Llama 2's and Vicuna's does."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    everything = [*TEXTS, *BY_HAND.values(), "".join(map(chr, range(32, 127))), "\n"]
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<unk>", *CONTROL], show_progress=False)
    tokenizer.train_from_iterator(everything, trainer)
    return tokenizer


def wrapped(tokenizer: Tokenizer, adds_bos: bool = True) -> PreTrainedTokenizerFast:
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in CONTROL])
    if adds_bos:
        from tokenizers.processors import TemplateProcessing

        bos = tokenizer.token_to_id("<s>")
        tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", bos)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>")


@pytest.mark.parametrize("kind", [byte_level, metaspace])
@pytest.mark.parametrize("name", names())
def test_labels_are_those_masked_by_hand(name: str, kind: object) -> None:
    tokenizer = wrapped(kind())  # type: ignore[operator]
    turns = TURNS[:1] if name == "plain" else TURNS
    (encoded,) = Encoder(tokenizer, template(name), image_tokens=1, context=999).encode([("sample", turns)])
    marked = BY_HAND[name]
    text = marked.replace("《", "").replace("》", "")
    assert tokenizer.decode(encoded.ids, clean_up_tokenization_spaces=False) == text
    assert encoded.ids.tolist() == tokenizer(text, add_special_tokens=False).input_ids
    trained = [tokenizer.decode(run, clean_up_tokenization_spaces=False) for run in _runs(encoded.labels)]
    assert [t.lstrip(" ") for t in trained] == [t.lstrip(" ") for t in re.findall("《(.*?)》", marked, re.DOTALL)]
    assert (encoded.labels[encoded.labels != IGNORE] == encoded.ids[encoded.labels != IGNORE]).all()


@pytest.mark.parametrize("name", names())
def test_a_vocabulary_from_scratch_holds_what_stands_round_the_turns(name: str) -> None:
    chosen = template(name)
    tokenizer = learn_tokenizer(TEXTS, 400, chosen.marks())
    turns = TURNS[:1] if name == "plain" else TURNS
    (encoded,) = Encoder(tokenizer, chosen, image_tokens=1, context=999).encode([("sample", turns)])
    marked = BY_HAND[name].replace("<s>", "")  # this tokenizer adds none by itself
    assert tokenizer.decode(encoded.ids) == marked.replace("《", "").replace("》", "")
    trained = [tokenizer.decode(run) for run in _runs(encoded.labels)]
    assert [t.lstrip(" ") for t in trained] == [t.lstrip(" ") for t in re.findall("《(.*?)》", marked, re.DOTALL)]
    pieces = {tokenizer.decode([i]) for i in encoded.ids}
    assert {chosen.first.rstrip(" "), chosen.middle.rstrip(" ")} - {""} <= pieces


def _runs(labels: np.ndarray) -> list[list[int]]:
    runs: list[list[int]] = []
    for before, label in zip([IGNORE, *labels[:-1]], labels, strict=True):
        if label != IGNORE:
            if before == IGNORE:
                runs.append([])
            runs[-1].append(int(label))
    return runs


@pytest.mark.parametrize("name", [n for n in names() if n != "plain"])
def test_the_prompt_of_inference_is_what_was_trained_after(name: str) -> None:
    tokenizer = wrapped(byte_level())
    encoder = Encoder(tokenizer, template(name), image_tokens=4, context=999)
    (encoded,) = encoder.encode([("sample", TURNS)])
    prompt = encoder.prompt((TURNS[0], Turn(TURNS[1].question, None)))
    assert encoded.ids[: len(prompt)].tolist() == prompt
    assert encoded.labels[len(prompt)] != IGNORE
    assert encoded.labels[len(prompt) - 1] == IGNORE


@pytest.mark.parametrize("name", names())
def test_the_chat_template_writes_the_same_text(name: str) -> None:
    tokenizer = wrapped(byte_level())
    tokenizer.chat_template = jinja(template(name), "<s>", "</s>")
    turns = TURNS[:1] if name == "plain" else TURNS
    messages = [
        message
        for t in turns
        for message in (
            {
                "role": "user",
                "content": [{"type": "image"}, {"type": "text", "text": t.question.removeprefix("<image>\n")}],
            }
            if IMAGE in t.question
            else {"role": "user", "content": t.question},
            {"role": "assistant", "content": t.answer},
        )
    ]
    marked = BY_HAND[name].replace("《", "").replace("》", "")
    assert tokenizer.apply_chat_template(messages, tokenize=False) == marked
    asked = tokenizer.apply_chat_template(messages[:-1], tokenize=False, add_generation_prompt=True)
    assert asked == template(name).render((*turns[:-1], Turn(turns[-1].question, None)), "<s>", "</s>").text


def test_an_image_takes_its_tokens_and_none_is_trained_on() -> None:
    tokenizer = wrapped(byte_level())
    encoder = Encoder(tokenizer, template("v1"), image_tokens=9, context=999)
    (encoded,) = encoder.encode([("sample", TURNS)])
    image = encoded.ids == tokenizer.convert_tokens_to_ids(IMAGE)
    assert image.sum() == 9
    assert (encoded.labels[image] == IGNORE).all()


def test_too_long_a_conversation_is_cut_at_the_end_of_a_turn() -> None:
    tokenizer = wrapped(byte_level())
    turns = (*TURNS, *(Turn("And now?", "No.") for _ in range(8)))
    whole = Encoder(tokenizer, template("v1"), 4, 9999).encode([("sample", turns)])[0]
    cut = Encoder(tokenizer, template("v1"), 4, len(whole) - 1).encode([("sample", turns)])[0]
    assert cut.turns_cut == 1
    assert tokenizer.decode(cut.ids).endswith("No.</s>")
    assert whole.ids[: len(cut)].tolist() == cut.ids.tolist()


def test_nothing_to_learn_is_an_error_that_names_the_sample() -> None:
    tokenizer = wrapped(byte_level())
    encoder = Encoder(tokenizer, template("v1"), 4, 40)
    with pytest.raises(LabelError, match=r"record 7.*nothing to learn"):
        encoder.encode([("record 7", TURNS)])


@pytest.mark.parametrize("text", ["a </s> b", "<image>", "<s>"])
def test_control_tokens_in_a_text_are_refused(text: str) -> None:
    encoder = Encoder(wrapped(byte_level()), template("v1"), 4, 999)
    with pytest.raises(LabelError, match="control token"):
        encoder.encode([("record 7", (Turn("What?", text),))])


def test_unknown_names_and_unfit_tokenizers_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"vicuna.*there are: plain, v1"):
        template("vicuna")
    plain = Tokenizer(models.BPE())
    plain.train_from_iterator(TEXTS, trainers.BpeTrainer(special_tokens=["<s>", "</s>", IMAGE], show_progress=False))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, bos_token="<s>", eos_token="</s>")
    with pytest.raises(LabelError, match="im_start"):
        Encoder(tokenizer, template("chatml"), 4, 99)
