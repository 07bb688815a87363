"""Conversation templates by exact name: how turns become one text, and which stretches of it are trained on.

Formats as in LLaVA (Liu et al. 2023) and the model cards of the language models. `{bos}` and `{eos}` stand for the
tokenizer's own tokens. What is trained on is each answer with the token that ends it, never a question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spatialgen.errors import ConfigError

IMAGE = "<image>"

_CURIOUS = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions."
)
_LLAMA2 = (
    "You are a helpful language and vision assistant. You are able to understand the visual content that the user "
    "provides, and assist the user with a variety of tasks using natural language."
)
_MPT = "A conversation between a user and an LLM-based AI assistant. The assistant gives helpful and honest answers."


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its answer; the answer is None where a model is to give it."""

    question: str
    answer: str | None


@dataclass(frozen=True, slots=True)
class Rendered:
    """A conversation as text. `answers` are the [start, end) characters trained on, one a turn, in order.

    `turn_ends` are the characters where each turn is over: the text may be cut there.
    """

    text: str
    answers: tuple[tuple[int, int], ...]
    turn_ends: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """How one family of models writes a conversation.

    `first` and `later` come before a question, `middle` between question and answer, `end` after an answer (trained
    on), `after` follows it untrained. `needs` are tokens that the tokenizer must know as one token each.
    """

    name: str
    system: str
    first: str
    later: str
    middle: str
    end: str
    after: str = ""
    needs: tuple[str, ...] = ()
    strips_question: bool = False

    def render(self, turns: Sequence[Turn], bos: str, eos: str) -> Rendered:
        """Return the text of `turns`; an answer of None in the last turn leaves the text ready for the model's."""
        if not turns or any(t.answer is None for t in turns[:-1]):
            raise ValueError("a conversation needs turns, and an answer in each but the last")
        text = _fill(self.system, bos, eos)
        answers: list[tuple[int, int]] = []
        ends: list[int] = []
        for i, turn in enumerate(turns):
            text += _fill(self.first if i == 0 else self.later, bos, eos) + self._question(turn.question)
            text += _fill(self.middle, bos, eos)
            if turn.answer is None:
                return Rendered(text.rstrip(" "), tuple(answers), tuple(ends))
            # The space before an answer belongs to it: the prompt of inference ends without one.
            start = len(text.rstrip(" "))
            text += turn.answer.strip() + _fill(self.end, bos, eos)
            answers.append((start, len(text)))
            text += _fill(self.after, bos, eos)
            ends.append(len(text))
        return Rendered(text, tuple(answers), tuple(ends))

    def _question(self, question: str) -> str:
        if self.strips_question:
            return IMAGE if IMAGE in question else ""
        return question.strip()

    def tokens(self, bos: str, eos: str) -> tuple[str, ...]:
        """Return the control texts that must not occur in questions or answers."""
        return tuple(dict.fromkeys((*self.needs, *(t for t in (bos, eos) if t), IMAGE)))

    def marks(self) -> tuple[str, ...]:
        """Return what stands round the turns, each as a whole, the longest first, and the tokens it `needs`."""
        # A space at the end is not the mark's: it begins the next word.
        around = (_fill(piece, "", "").rstrip(" ") for piece in (self.first, self.later, self.middle, self.end))
        marks = {*around, *self.needs} - {"", "\n"}
        return tuple(sorted(marks, key=lambda mark: (-len(mark), mark)))


def _fill(text: str, bos: str, eos: str) -> str:
    return text.replace("{bos}", bos).replace("{eos}", eos)


def _chatml(name: str, system: str, line: str) -> Template:
    return Template(
        name=name,
        system=f"<|im_start|>system\n{system}<|im_end|>{line}",
        first="<|im_start|>user\n",
        later="<|im_start|>user\n",
        middle=f"<|im_end|>{line}<|im_start|>assistant\n",
        end="<|im_end|>",
        after=line,
        needs=("<|im_start|>", "<|im_end|>"),
    )


_HEAD = "<|start_header_id|>{role}<|end_header_id|>\n\n"

_TEMPLATES = {
    t.name: t
    for t in (
        Template("plain", "{bos}", "", "", "", "\n", strips_question=True),
        Template("v1", "{bos}" + _CURIOUS + " ", "USER: ", "USER: ", " ASSISTANT: ", "{eos}"),
        Template(
            "llama_2",
            "{bos}[INST] <<SYS>>\n" + _LLAMA2 + "\n<</SYS>>\n\n",
            "",
            "{bos}[INST] ",
            " [/INST] ",
            " {eos}",
        ),
        _chatml("mpt", _MPT, ""),
        _chatml("chatml", "You are a helpful assistant.", "\n"),
        _chatml("qwen", "You are a helpful assistant.", "\n"),
        Template(
            "gemma",
            "{bos}",
            "<start_of_turn>user\n",
            "<start_of_turn>user\n",
            "<end_of_turn>\n<start_of_turn>model\n",
            "<end_of_turn>",
            "\n",
            needs=("<start_of_turn>", "<end_of_turn>"),
        ),
        Template(
            "llama3",
            "{bos}" + _HEAD.format(role="system") + "You are a helpful assistant.<|eot_id|>",
            _HEAD.format(role="user"),
            _HEAD.format(role="user"),
            "<|eot_id|>" + _HEAD.format(role="assistant"),
            "<|eot_id|>",
            needs=("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        ),
    )
}


def names() -> list[str]:
    """Return the names of all templates."""
    return list(_TEMPLATES)


def template(name: str) -> Template:
    """Return the template called exactly `name`. Raises ConfigError for any other; there is no fallback."""
    if name not in _TEMPLATES:
        raise ConfigError(f"no conversation template is called {name!r}; there are: {', '.join(_TEMPLATES)}")
    return _TEMPLATES[name]


def jinja(chosen: Template, bos: str, eos: str) -> str:
    """Return `chosen` as a chat template of transformers, for texts and for lists of {"type": ..., "text": ...}."""

    def quoted(text: str) -> str:
        return "{{ " + repr(_fill(text, bos, eos)) + " }}"

    content = (
        "{%- macro said(c) -%}{%- if c is string -%}{{ c | trim }}{%- else -%}"
        "{%- for p in c -%}{%- if p['type'] == 'image' -%}{{ '<image>\\n' }}{%- endif -%}{%- endfor -%}"
        "{%- for p in c -%}{%- if p['type'] == 'text' -%}{{ p['text'] | trim }}{%- endif -%}{%- endfor -%}"
        "{%- endif -%}{%- endmacro -%}"
    )
    question = (
        "{{ '<image>' if '<image>' in said(m['content']) else '' }}"
        if chosen.strips_question
        else "{{ said(m['content']) }}"
    )
    lead = quoted(chosen.middle)
    bare = quoted(_fill(chosen.middle, bos, eos).rstrip(" "))
    return (
        content
        + quoted(chosen.system)
        + "{%- for m in messages -%}{%- if m['role'] == 'user' -%}{%- if loop.first -%}"
        + quoted(chosen.first)
        + "{%- else -%}"
        + quoted(chosen.later)
        + "{%- endif -%}"
        + question
        + "{%- if not loop.last -%}"
        + lead
        + "{%- elif add_generation_prompt -%}"
        + bare
        + "{%- endif -%}{%- else -%}"
        + "{{ said(m['content']) }}"
        + quoted(chosen.end + chosen.after)
        + "{%- endif -%}{%- endfor -%}"
    )
