"""Templates: data with stable ids, whose named slots are checked when loaded and filled in one pass.

A file `templates/<family>.yaml` maps each question type to sections (`open`, `yes_no`, `statement` ...), a section
maps ids to texts. `shared` sections serve all types of the file, with the words of `vocabulary` put in.
`{a}` at the start of a sentence becomes "The mug"; a statement is written without capital and full stop.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from operator import itemgetter

import yaml

from spatialgen.errors import ConfigError
from spatialgen.qa.english import capital

SLOTS = (
    *("a", "b", "c", "v", "x", "y", "w", "r", "t", "s"),
    *("or_list", "and_list", "order", "options", "letter", "point", "radius", "width", "rank"),
    *("label", "a_label", "labels", "phrase", "m"),
)
FRAGMENTS = frozenset({"statement", "holds", "fails", "measure", "among"})
REASON = "+why"
"""In the id of a row's templates: its answer says why, by more than its subjects and its value."""

_SLOT = re.compile(r"\{([a-z_]+)\}")
_SENTENCE_START = re.compile(r"(^|[.?!]\s+)$")

CAPITAL = "^"
_PACKAGE = "spatialgen.qa"

Fill = Mapping[str, str]
Row = tuple[str, ...]
Filler = Callable[[Row], str]


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A compiled text. `slots` in order of use; "^a" is slot `a` with a capital, since a sentence starts there."""

    id: str
    text: str
    format: str
    slots: tuple[str, ...]

    def filler(self, layout: tuple[str, ...]) -> Filler:
        """Return a function from a row of words, ordered as `layout`, to the text, filled in one pass."""
        format_ = self.format
        if not self.slots:
            literal = format_ % ()
            return lambda row: literal
        places = [layout.index(slot) for slot in self.slots]
        if len(places) == 1:
            place = places[0]
            return lambda row: format_ % (row[place],)
        get = itemgetter(*places)
        return lambda row: format_ % get(row)


def compile_template(id_: str, text: str, inline: bool = False) -> Template:
    """Return a template; one that is `inline` does not begin a sentence. Raises ConfigError on a wrong slot."""
    parts, slots, end = [], [], 0
    for match in _SLOT.finditer(text):
        if match[1] not in SLOTS:
            known = ", ".join(SLOTS)
            raise ConfigError(f"template {id_}: unknown slot {match[0]} in {text!r}; there are: {known}")
        parts.append(text[end : match.start()])
        before = text[: match.start()]
        starts = _SENTENCE_START.search(before) is not None and not (inline and not before)
        slots.append(CAPITAL + match[1] if starts else match[1])
        end = match.end()
    parts.append(text[end:])
    if any("{" in part or "}" in part for part in parts):
        raise ConfigError(f"template {id_}: a stray brace in {text!r}")
    return Template(id_, text, "%s".join(part.replace("%", "%%") for part in parts), tuple(slots))


_IN_USE: ContextVar[int | None] = ContextVar("templates in use", default=None)


@contextmanager
def plainest(count: int | None) -> Iterator[None]:
    """Use only the first `count` templates of each section meanwhile, the plainest; None: all."""
    token = _IN_USE.set(count)
    try:
        yield
    finally:
        _IN_USE.reset(token)


@dataclass(frozen=True, slots=True)
class Wording:
    """All templates of one question type, by section. Statements come twice: `x` inline, `x.` as a sentence."""

    type: str
    sections: Mapping[str, tuple[Template, ...]]

    def of(self, section: str) -> tuple[Template, ...]:
        """Return the templates of a section that are in use, none if there is no such section."""
        return self.sections.get(section, ())[: _IN_USE.get()]


def _sentence(text: str) -> str:
    return capital(text) + "."


def compile_sections(name: str, sections: Mapping[str, Mapping[str, str]], words: Fill) -> dict[str, list[Template]]:
    """Return compiled sections of file `name`, with the vocabulary `words` put in."""
    result: dict[str, list[Template]] = {}
    for section, texts in sections.items():
        for id_, text in texts.items():
            whole = _with_words(text, words)
            fragment = section in FRAGMENTS
            result.setdefault(section, []).append(compile_template(f"{name}/{id_}", whole, fragment))
            if fragment:
                result.setdefault(f"{section}.", []).append(compile_template(f"{name}/{id_}", _sentence(whole)))
    return result


def _with_words(text: str, words: Fill) -> str:
    return _SLOT.sub(lambda m: words.get(m[1], m[0]), text)


def _read(name: str, package: str = _PACKAGE) -> dict[str, dict[str, dict[str, str]]]:
    path = resources.files(package) / "templates" / f"{name}.yaml"
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"family {name!r} has no templates/{name}.yaml") from None
    if not isinstance(data, dict):
        raise ConfigError(f"templates/{name}.yaml must map question types to sections")
    return data


@cache
def wording(family: str, type_: str, package: str = _PACKAGE) -> Wording:
    """Return the templates of a type from `templates/<family>.yaml` of `package`.

    Raises ConfigError when the file is missing or a template is wrong.
    """
    data = _read(family, package)
    words = data.get("vocabulary", {}).get(type_, {})
    sections: dict[str, list[Template]] = {}
    for source in (data.get("shared", {}), data.get(type_, {})):
        for section, templates in compile_sections(family, source, words).items():
            sections.setdefault(section, []).extend(templates)
    if not sections:
        raise ConfigError(f"templates/{family}.yaml has nothing for {type_!r}")
    return Wording(type_, {section: tuple(templates) for section, templates in sections.items()})


@lru_cache(maxsize=1)
def frames() -> Wording:
    """Return the frames that all types share: "True or false: ...", "Yes, ...", lists of options."""
    compiled = compile_sections("_frames", _read("_frames")["frames"], {})
    return Wording("_frames", {section: tuple(templates) for section, templates in compiled.items()})
