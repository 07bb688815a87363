"""Which questions of an image to keep: all, or the N most informative, none a near-duplicate of another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.asks import Asks, rank_in_group
from spatialgen.qa.config import AskConfig
from spatialgen.qa.facts import DECIDED, F64, I64, Bool
from spatialgen.qa.family import Kind
from spatialgen.qa.keys import U64, mix, text_key, uniform
from spatialgen.qa.names import Naming

GIVEN_AWAY = {
    "side": frozenset({"left_of", "right_of", "leftmost", "rightmost", "image_third", "refer", "lateral_offset"}),
    "depth": frozenset({"nearer", "farther", "in_front_of", "behind", "forward_offset", "closest_to_camera"}),
    "support": frozenset({"on_top_of", "touching", "clearance", "above", "below", "gap"}),
}


def selected(blocks: Sequence[Asks], a: SceneArrays, naming: Naming, config: AskConfig) -> list[Asks]:
    """Return the questions to keep by `per_image` and by the caps. Each scene is judged on its own."""
    limits = (config.max_per_type, config.max_per_object)
    if config.per_image == "all" and limits == (None, None):
        return list(blocks)
    if not blocks:
        return []
    scene = np.concatenate([b.facts.scene for b in blocks])
    keys = np.concatenate([b.keys for b in blocks])
    types = np.repeat(np.arange(len(blocks)), [len(b) for b in blocks])
    type_number = {t: k for k, t in enumerate(sorted({b.type for b in blocks}))}
    type_of = np.array([type_number[b.type] for b in blocks])[types]
    interest = np.concatenate([_interest(b, a, naming) for b in blocks])
    turn = rank_in_group(scene * len(type_number) + type_of, _descending(interest, keys))
    order = np.lexsort((keys, -interest, turn, scene))
    if config.per_image != "all":
        order = order[interest[order] > 0.0]
    concept = np.concatenate([_concepts(b, a) for b in blocks])
    keep = np.zeros(len(scene), bool)
    keep[_walk(order, scene, type_of, concept, blocks, config)] = True
    ends = np.cumsum([len(b) for b in blocks])[:-1]
    parts = [b.take(mask) for b, mask in zip(blocks, np.split(keep, ends), strict=True)]
    return [part for part in parts if len(part)]


def _descending(interest: F64, keys: U64) -> U64:
    """Keys that sort by falling interest, then by the key."""
    steps = (1023 - np.clip(interest * 1023.0, 0.0, 1023.0)).astype(np.uint64)
    return (steps << np.uint64(54)) | (keys >> np.uint64(10))


def _interest(asks: Asks, a: SceneArrays, naming: Naming) -> F64:
    """0 .. 1: decided but not trivial, precise, about things well seen, not given away by a name."""
    facts = asks.facts
    plain = np.nan_to_num(facts.margin, nan=1.0)
    margin = np.maximum(plain, 1e-3)
    if asks.family.kind in (Kind.RELATION, Kind.PREDICATE):
        sure = 1.0 / (1.0 + np.abs(np.log(margin / 2.0)))
    else:
        sure = np.minimum(margin, 4.0) / 4.0
    value = np.where(facts.status == DECIDED, 0.5 + 0.5 * sure, 0.6)
    if asks.family.kind is Kind.PREDICATE:
        value = np.where(facts.value > 0.5, 1.0, 0.6 * value)
    seen = np.ones(len(facts))
    hidden_names = GIVEN_AWAY_OF.get(asks.type, frozenset())
    for column in range(facts.subjects.shape[1]):
        index = facts.subjects[:, column]
        known = index >= 0
        pixels = np.where(known, a.o.pixels[index], 1e4)
        seen = np.minimum(seen, np.clip(np.log10(np.maximum(pixels, 1.0)) / 4.0, 0.1, 1.0))
        if hidden_names:
            told = np.array([k >= 0 and naming.reveals[k] in hidden_names for k in index.tolist()], bool)
            value = np.where(told, 0.1 * value, value)
    value = np.where(plain > 0.0, value, 0.0)
    result: F64 = value * seen * (0.8 + 0.2 * uniform(asks.keys, "interest"))
    return result


GIVEN_AWAY_OF: dict[str, frozenset[str]] = {
    type_: frozenset(reveal for reveal, types in GIVEN_AWAY.items() if type_ in types)
    for type_ in frozenset().union(*GIVEN_AWAY.values())
}


def _concepts(asks: Asks, a: SceneArrays) -> U64:
    """A key that near-duplicates share: one concept about the same set of objects, whatever their order."""
    facts = asks.facts
    concept = asks.family.concepts.get(asks.type, asks.family.name if asks.family.kind is Kind.RELATION else asks.type)
    members = np.zeros(len(facts), np.uint64)
    for column in range(facts.subjects.shape[1]):
        index = facts.subjects[:, column]
        members = members ^ np.where(index >= 0, a.o.key[index], np.uint64(0))
    if facts.params is not None and not facts.subjects.shape[1]:
        members = members ^ asks.keys
    return mix(mix(members, text_key(concept)), a.s.key[facts.scene])


def _walk(order: I64, scene: I64, type_of: I64, concept: U64, blocks: Sequence[Asks], config: AskConfig) -> I64:
    """Take questions in order of merit until a scene has enough, skipping near-duplicates and what is capped."""
    subjects = _subject_lists(blocks) if config.max_per_object else None
    taken: list[int] = []
    seen: set[int] = set()
    per_scene: dict[int, int] = {}
    per_type: dict[tuple[int, int], int] = {}
    per_object: dict[int, int] = {}
    rows = zip(order.tolist(), scene[order].tolist(), type_of[order].tolist(), concept[order].tolist(), strict=True)
    wanted = np.inf if config.per_image == "all" else config.per_image
    for row, n, type_, same in rows:
        if per_scene.get(n, 0) >= wanted or (same in seen and wanted != np.inf):
            continue
        if config.max_per_type and per_type.get((n, type_), 0) >= config.max_per_type:
            continue
        if subjects and config.max_per_object:
            if any(per_object.get(k, 0) >= config.max_per_object for k in subjects[row]):
                continue
            for k in subjects[row]:
                per_object[k] = per_object.get(k, 0) + 1
        seen.add(same)
        per_scene[n] = per_scene.get(n, 0) + 1
        per_type[n, type_] = per_type.get((n, type_), 0) + 1
        taken.append(row)
    return np.array(sorted(taken), np.int64)


def _subject_lists(blocks: Sequence[Asks]) -> list[list[int]]:
    return [[k for k in row if k >= 0] for b in blocks for row in b.facts.subjects.tolist()]


def kept(blocks: Sequence[Asks], masks: Sequence[Bool]) -> list[Asks]:
    """Return the questions where the masks are true, without empty blocks."""
    parts = [b.take(mask) for b, mask in zip(blocks, masks, strict=True)]
    return [part for part in parts if len(part)]
