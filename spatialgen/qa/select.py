"""Which questions of an image to keep: all, or the N most informative, none a near-duplicate of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.asks import Asks, rank_in_group
from spatialgen.qa.config import AskConfig
from spatialgen.qa.facts import DECIDED, F64, I64, Bool
from spatialgen.qa.family import Kind
from spatialgen.qa.keys import U64, mix, text_key, uniform
from spatialgen.qa.names import Naming

MATCHED_INTEREST = 0.7
GIVEN_AWAY = {
    "side": frozenset({"left_of", "right_of", "leftmost", "rightmost", "image_third", "refer", "lateral_offset"}),
    "depth": frozenset({"nearer", "farther", "in_front_of", "behind", "forward_offset", "closest_to_camera"}),
    "support": frozenset({"on_top_of", "touching", "clearance", "above", "below", "gap"}),
}


@dataclass(frozen=True, slots=True, eq=False)
class _Drafted:
    """All drafted questions as columns, (n,); `subjects` (n, k) padded with -1."""

    scene: I64
    keys: U64
    block: I64
    subjects: I64
    interest: F64
    concept: U64
    type: I64


def selected(blocks: Sequence[Asks], a: SceneArrays, naming: Naming, config: AskConfig) -> list[Asks]:
    """Return the questions to keep by `per_image` and by the caps. Each scene is judged on its own."""
    limits = (config.max_per_type, config.max_per_object)
    if config.per_image == "all" and limits == (None, None):
        return list(blocks)
    if not blocks:
        return []
    drafted = _columns(blocks, a, naming, "prior" in config.balance)
    types = int(drafted.type.max()) + 1
    turn = rank_in_group(drafted.scene * types + drafted.type, _descending(drafted.interest, drafted.keys))
    surplus = np.array([b.way == "surplus" for b in blocks])[drafted.block]
    order = np.lexsort((drafted.keys, -drafted.interest, turn, surplus, drafted.scene))
    if config.per_image != "all":
        order = order[drafted.interest[order] > 0.0]
    keep = np.zeros(len(drafted.scene), bool)
    keep[_walk(order, drafted, config)] = True
    ends = np.cumsum([len(b) for b in blocks])[:-1]
    return kept(blocks, np.split(keep, ends))


def _columns(blocks: Sequence[Asks], a: SceneArrays, naming: Naming, evened: bool) -> _Drafted:
    block = np.repeat(np.arange(len(blocks)), [len(b) for b in blocks])
    scene = np.concatenate([b.facts.scene for b in blocks])
    keys = np.concatenate([b.keys for b in blocks])
    subjects = np.full((len(scene), max(b.facts.subjects.shape[1] for b in blocks)), -1, np.int64)
    start = 0
    for b in blocks:
        subjects[start : start + len(b), : b.facts.subjects.shape[1]] = b.facts.subjects
        start += len(b)
    numbers = {t: k for k, t in enumerate(sorted({b.type for b in blocks}))}
    return _Drafted(
        scene=scene,
        keys=keys,
        block=block,
        subjects=subjects,
        interest=_interest(blocks, block, keys, subjects, a, naming, evened),
        concept=_concepts(blocks, block, scene, subjects, a),
        type=np.array([numbers[b.type] for b in blocks])[block],
    )


def _descending(interest: F64, keys: U64) -> U64:
    """Keys that sort by falling interest, then by the key."""
    steps = (1023 - np.clip(interest * 1023.0, 0.0, 1023.0)).astype(np.uint64)
    return (steps << np.uint64(54)) | (keys >> np.uint64(10))


def _interest(
    blocks: Sequence[Asks], block: I64, keys: U64, subjects: I64, a: SceneArrays, naming: Naming, evened: bool
) -> F64:
    """0 .. 1: decided but not trivial, precise, about things well seen, not given away by a name.

    Facts that were set against each other so that a closed form tells nothing stay so: which of them are kept has
    nothing to do with what they say. With `evened` answers, that goes for all.
    """
    margin = np.nan_to_num(np.concatenate([b.facts.margin for b in blocks]), nan=1.0)
    status = np.concatenate([b.facts.status for b in blocks])
    holds = np.concatenate([b.facts.value for b in blocks]) > 0.5
    kinds = [b.family.kind for b in blocks]
    compared = np.array([k in (Kind.RELATION, Kind.PREDICATE) for k in kinds])[block]
    predicate = np.array([k is Kind.PREDICATE for k in kinds])[block]
    near = 1.0 / (1.0 + np.abs(np.log(np.maximum(margin, 1e-3) / 2.0)))
    sure = np.where(compared, near, np.minimum(margin, 4.0) / 4.0)
    value = np.where(status == DECIDED, 0.5 + 0.5 * sure, 0.6)
    value = np.where(predicate, np.where(holds, 1.0, 0.6 * value), value)
    known = subjects >= 0
    pixels = np.where(known, a.o.pixels[subjects] if len(a.o.pixels) else 1e4, 1e4)
    seen = np.clip(np.log10(np.maximum(pixels, 1.0)) / 4.0, 0.1, 1.0).min(axis=1, initial=1.0)
    told = _told(blocks, block, subjects, naming)
    value = np.where(told.any(axis=1), 0.1 * value, value) * seen
    matched = np.array([evened or _matched(b) for b in blocks])[block]
    value = np.where(matched, MATCHED_INTEREST, value)
    related = np.array([k is Kind.RELATION for k in kinds])[block]
    empty = related & (told | ~known).all(axis=1)  # is the chair on the left to the left of the chair on the right?
    result: F64 = np.where((margin > 0.0) & ~empty, value, 0.0) * (0.8 + 0.2 * uniform(keys, "interest"))
    return result


def _matched(asks: Asks) -> bool:
    """Whether a block's facts were chosen against each other, so that each answer is as frequent as the others."""
    closed = asks.form != "open" and asks.family.kind in (Kind.PREDICATE, Kind.VALUED)
    return closed or asks.way in ("tie", "telling")


def _told(blocks: Sequence[Asks], block: I64, subjects: I64, naming: Naming) -> Bool:
    """Whether each subject's name, such as "the chair on the left", gives the answer away, (n, k)."""
    numbers = {reveal: k for k, reveal in enumerate(GIVEN_AWAY)}
    tells = np.zeros((len(blocks), len(numbers) + 1), bool)
    for row, b in enumerate(blocks):
        for reveal, types in GIVEN_AWAY.items():
            tells[row, numbers[reveal]] = b.type in types
    reveal_of = np.array([*[numbers.get(r, len(numbers)) for r in naming.reveals], len(numbers)])
    told: Bool = tells[block[:, None], reveal_of[subjects]]
    return told


def _concepts(blocks: Sequence[Asks], block: I64, scene: I64, subjects: I64, a: SceneArrays) -> U64:
    """A key that near-duplicates share: one concept about the same set of objects, whatever their order."""
    named = np.append(a.o.key, np.uint64(0))[subjects]
    members = np.bitwise_xor.reduce(named, axis=1) if subjects.shape[1] else np.zeros(len(block), np.uint64)
    apart = [b.keys if not b.facts.subjects.shape[1] else np.zeros(len(b), np.uint64) for b in blocks]
    concept = np.array([text_key(_concept(b)) for b in blocks], np.uint64)[block]
    return mix(mix(members ^ np.concatenate(apart), concept), a.s.key[scene])


def _concept(asks: Asks) -> str:
    own = asks.family.name if asks.family.kind is Kind.RELATION else asks.type
    return asks.family.concepts.get(asks.type, own)


def _walk(order: I64, drafted: _Drafted, config: AskConfig) -> I64:
    """Take questions in order of merit until a scene has enough, skipping near-duplicates and what is capped."""
    wanted = np.inf if config.per_image == "all" else config.per_image
    subjects = drafted.subjects.tolist() if config.max_per_object else None
    columns = (drafted.scene[order].tolist(), drafted.type[order].tolist(), drafted.concept[order].tolist())
    taken: list[int] = []
    seen: set[int] = set()
    per_scene: dict[int, int] = {}
    per_type: dict[tuple[int, int], int] = {}
    per_object: dict[int, int] = {}
    for row, n, type_, same in zip(order.tolist(), *columns, strict=True):
        count = per_scene.get(n, 0)
        if count >= wanted or (same in seen and wanted != np.inf):
            continue
        if config.max_per_type:
            if per_type.get((n, type_), 0) >= config.max_per_type:
                continue
            per_type[n, type_] = per_type.get((n, type_), 0) + 1
        if subjects and config.max_per_object:
            members = [k for k in subjects[row] if k >= 0]
            if any(per_object.get(k, 0) >= config.max_per_object for k in members):
                continue
            for k in members:
                per_object[k] = per_object.get(k, 0) + 1
        seen.add(same)
        per_scene[n] = count + 1
        taken.append(row)
    return np.array(taken, np.int64)


def kept(blocks: Sequence[Asks], masks: Sequence[Bool]) -> list[Asks]:
    """Return the questions where the masks are true, without empty blocks."""
    parts = [b.take(mask) for b, mask in zip(blocks, masks, strict=True)]
    return [part for part in parts if len(part)]
