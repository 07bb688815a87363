"""The card of a build: what is in it, how it was made, under which licences, and what it cannot tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from spatialgen import __version__
from spatialgen.errors import StoreError
from spatialgen.export.reader import BuildReader, open_build
from spatialgen.perception.weights import ModelEntry, entries
from spatialgen.store.files import replace_file
from spatialgen.store.layout import BuildPaths
from spatialgen.store.manifest import Manifest

_CARDS = Path(__file__).parents[2] / "data_cards"
_TEMPLATE = "build.md.j2"
_SAMPLE_ROWS, _AN_IMAGE, _LOOKED_AT = 12, 3, 5000
_MOST_FILES = 200


@dataclass(frozen=True, slots=True)
class ModelLine:
    """A model that scenes of the build were made with."""

    role: str
    name: str
    version: str
    license: str
    license_source: str


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """One finished set of questions."""

    name: str
    questions: int
    by_type: Mapping[str, int]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CardFacts:
    """All that a card says, taken from manifests and tables."""

    name: str
    source_kind: str
    images_kept: str
    images: int
    objects: int
    records: int
    rejects: Mapping[str, int]
    object_rejects: Mapping[str, int]
    models: tuple[ModelLine, ...]
    photos: tuple[ModelEntry, ...]
    sets: tuple[QuestionSet, ...]
    samples: tuple[Mapping[str, Any], ...]
    files: Mapping[str, tuple[str, ...]]
    fingerprint: str
    schema_version: str
    version: str


def write_card(root: Path) -> Path:
    """Write `README.md` of the finished build in `root` and return its path. Raises StoreError."""
    path = root / "README.md"
    replace_file(path, render_card(card_facts(open_build(root))).encode())
    return path


def card_facts(build: BuildReader) -> CardFacts:
    """Return what the card of `build` says."""
    config = _config(build.root)
    counts = build.scenes.counts
    sets = tuple(_question_set(name, found) for name, found in build.sets.items())
    sampled = config["source"].get("path") == "@samples"
    return CardFacts(
        name=config["name"],
        source_kind=config["source"]["kind"],
        images_kept=config["output"]["images"],
        images=counts.get("images", 0),
        objects=counts.get("objects", 0),
        records=build.scenes.records,
        rejects=counts.get("rejects", {}),
        object_rejects=counts.get("object_rejects", {}),
        models=tuple(_models(build)),
        photos=tuple(e for e in entries() if e.role == "photo") if sampled else (),
        sets=sets,
        samples=tuple(_samples(build, sets[0].name)) if sets else (),
        files={table: _file_names(build.scenes, table) for table in ("images", "scenes", "rejects")},
        fingerprint=build.scenes.fingerprint,
        schema_version=build.scenes.schema_version,
        version=__version__,
    )


def render_card(facts: CardFacts) -> str:
    """Return the card's text: Markdown with the front matter that `datasets` reads."""
    environment = Environment(
        loader=FileSystemLoader(_CARDS),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown; the filter `cell` escapes
    )
    environment.filters["cell"] = _cell
    front = yaml.safe_dump(_front_matter(facts), sort_keys=False, allow_unicode=True)
    return environment.get_template(_TEMPLATE).render(front_matter=front, **asdict(facts))


def _config(root: Path) -> dict[str, Any]:
    path = BuildPaths(root).config
    try:
        config: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise StoreError(f"{path}: cannot read the configuration of this build: {error}") from error
    return config


def _question_set(name: str, manifest: Manifest) -> QuestionSet:
    by_type = dict(sorted(manifest.counts.get("questions", {}).items()))
    files = tuple(f"qa/{name}/{path}" for path in _file_names(manifest, "questions"))
    return QuestionSet(name, sum(by_type.values()), by_type, files)


def _file_names(manifest: Manifest, table: str) -> tuple[str, ...]:
    return tuple(shard.files[table].path for shard in manifest.shards if table in shard.files)


def _models(build: BuildReader) -> Iterator[ModelLine]:
    listed = {e.name: e.license_source for e in entries()}
    seen: set[tuple[str, str, str, str]] = set()
    for row in build.rows("scenes", columns=["models"]):
        seen.update((m["role"], m["name"], m["version"], m["license"]) for m in row["models"])
    for role, name, version, licence in sorted(seen):
        yield ModelLine(role, name, version, licence, listed.get(name, ""))


def _samples(build: BuildReader, qa: str) -> Iterator[Mapping[str, Any]]:
    """Yield decided questions of different types, a few an image, from the first rows."""
    types: set[str] = set()
    images: Counter[str] = Counter()
    columns = ["image_id", "question_type", "form", "question", "answer", "status"]
    for row in islice(build.rows("questions", qa, columns), _LOOKED_AT):
        if row["status"] == "decided" and row["question_type"] not in types and images[row["image_id"]] < _AN_IMAGE:
            types.add(row["question_type"])
            images[row["image_id"]] += 1
            yield row
        if len(types) == _SAMPLE_ROWS:
            return


def _front_matter(facts: CardFacts) -> dict[str, Any]:
    tables = {f"questions_{s.name}": s.files for s in facts.sets} | {t: facts.files[t] for t in ("images", "scenes")}
    configs: list[dict[str, Any]] = [
        {"config_name": name, "data_files": list(files) if len(files) <= _MOST_FILES else _glob(files[0])}
        for name, files in tables.items()
        if files
    ]
    if configs:
        configs[0]["default"] = True
    return {
        "pretty_name": facts.name,
        "task_categories": ["visual-question-answering"],
        "language": ["en"],
        "tags": ["spatial-reasoning", "3d", "spatialgen"],
        "configs": configs,
    }


def _glob(path: str) -> str:
    return f"{path.rsplit('/', 1)[0]}/*.parquet"


def _cell(value: object) -> str:
    """Return `value` as a cell of a Markdown table: one line, nothing that means something to Markdown or HTML."""
    text = " ".join(str(value).split())
    for character in "\\`*_[]<>|":
        text = text.replace(character, f"\\{character}" if character != "<" else "&lt;")
    return text
