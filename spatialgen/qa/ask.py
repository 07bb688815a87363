"""From scenes to questions: the second half of a build, on a CPU, as often as wanted."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from spatialgen.qa import arrays, balance
from spatialgen.qa.allocate import allocate
from spatialgen.qa.asks import Asks
from spatialgen.qa.balance import Acceptance, Counts
from spatialgen.qa.config import AskConfig
from spatialgen.qa.facts import DECIDED
from spatialgen.qa.family import facts_of, families
from spatialgen.qa.names import Naming, name_objects
from spatialgen.qa.phrase import plainest
from spatialgen.qa.render import write
from spatialgen.qa.select import selected
from spatialgen.qa.statements import with_statements
from spatialgen.qa.table import questions_table
from spatialgen.qa.vocabulary import HOUSEHOLD
from spatialgen.qa.writing import Written
from spatialgen.records import Scene

MAX_SETS = 40
CANDIDATES_AT_ONCE = 60_000


def ask_scenes(scenes: Sequence[Scene], config: AskConfig, acceptance: Acceptance | None = None) -> pa.Table:
    """Return the questions about `scenes`, rows of `schema.QUESTIONS`: scenes in order, each on its own.

    `acceptance`, frozen from the counts of the whole build, thins out what is too common (`config.balance`).
    """
    parts = [_ask(batch, config, acceptance) for batch in _batches(scenes, config)]
    return pa.concat_tables(parts).combine_chunks()


def count_scenes(scenes: Sequence[Scene], config: AskConfig) -> Counts:
    """Return what `acceptance` needs to know of `scenes`. Counts of units add up, in any order."""
    total = Counts()
    for batch in _batches(scenes, config):
        _, a, blocks = draft(batch, config)
        total = total.merged(balance.count(blocks, a, config))
    return total


def acceptance(counts: Counts, config: AskConfig) -> Acceptance:
    """Return the share of rows to keep in each stratum, from the counts of the whole build."""
    return balance.acceptance(counts, config)


def _batches(scenes: Sequence[Scene], config: AskConfig) -> list[Sequence[Scene]]:
    """Split scenes so that the candidates of a batch fit in memory; each scene is asked about on its own anyway."""
    batches: list[list[Scene]] = [[]]
    room = CANDIDATES_AT_ONCE
    for scene in scenes:
        n = len(scene.objects)
        room -= 25 * n * n + (3 * n**3 if config.per_image == "all" else 0)
        if room < 0 and batches[-1]:
            batches.append([])
            room = CANDIDATES_AT_ONCE
        batches[-1].append(scene)
    return list(batches)


def _ask(scenes: Sequence[Scene], config: AskConfig, accepted: Acceptance | None) -> pa.Table:
    a, blocks, written = compose(scenes, config, accepted)
    return questions_table(blocks, written, a)


def compose(
    scenes: Sequence[Scene], config: AskConfig, accepted: Acceptance | None = None
) -> tuple[arrays.SceneArrays, list[Asks], list[Written]]:
    """Return the questions about a batch of scenes before they become rows: the facts, and their words."""
    naming, a, blocks = draft(scenes, config)
    if accepted is not None:
        blocks = balance.accepted(blocks, a, config, accepted)
    blocks = with_statements(selected(blocks, a, naming, config), blocks, config.asked_forms)
    with plainest(config.wordings):
        return a, blocks, [write(block, naming, config.units) for block in blocks]


def draft(scenes: Sequence[Scene], config: AskConfig) -> tuple[Naming, arrays.SceneArrays, list[Asks]]:
    """Facts, and the form that each is asked in."""
    naming = name_objects(scenes, config.min_score)
    absent = HOUSEHOLD if config.absent_labels is None else config.absent_labels
    max_sets = None if config.per_image == "all" else MAX_SETS
    a = arrays.build(scenes, naming, config.seed, absent, max_sets)
    types, forms = frozenset(config.asked_types), config.asked_forms
    blocks: list[Asks] = []
    for family in families():
        if types.isdisjoint(family.types):
            continue
        for facts in facts_of(family, a):
            if family.kind.turns or facts.type in types:
                told = facts if config.undecided else facts.take(facts.status == DECIDED)
                blocks += allocate(family, told, a, types, forms)
    return naming, a, blocks
