"""From written questions to rows of `schema.QUESTIONS`, by the column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.asks import Asks
from spatialgen.qa.facts import F64, I64, STATUSES
from spatialgen.qa.keys import U64, hex_digests, mix, text_key, text_keys
from spatialgen.qa.render import Written
from spatialgen.qa.types import TYPES
from spatialgen.schema import QUESTIONS, split_of

_SIGMA_MASK = np.uint64(0xFFFFFC0000000000)


def questions_table(blocks: Sequence[Asks], written: Sequence[Written], a: SceneArrays) -> pa.Table:
    """Return the rows, scenes in order, then by type in the order of the spec, then by key."""
    if not blocks:
        return QUESTIONS.empty_table()
    scene = np.concatenate([b.facts.scene for b in blocks])
    keys = np.concatenate([b.keys for b in blocks])
    templates = [t for w in written for t in w.templates]
    type_rank = np.repeat([TYPES.index(b.type) for b in blocks], [len(b) for b in blocks])
    values = np.concatenate([b.facts.value for b in blocks])
    sigma = np.concatenate([b.facts.sigma for b in blocks])
    status = np.concatenate([b.facts.status for b in blocks]).astype(np.int64)
    columns = {
        "qa_id": pa.array(hex_digests(_row_ids(blocks, keys, templates))),
        "image_id": _by_scene([s.image_id for s in a.scenes], scene),
        "question": pa.array([q for w in written for q in w.questions]),
        "answer": pa.array([x for w in written for x in w.answers]),
        "question_type": _by_block([b.type for b in blocks], blocks),
        "form": _by_block([b.form for b in blocks], blocks),
        "subjects": pa.chunked_array([_subjects(b, a) for b in blocks]),
        "status": pa.array(STATUSES).take(pa.array(status)),
        "answer_value": pa.array(values, mask=np.isnan(values)),
        "answer_values": pa.chunked_array([_values(b) for b in blocks], pa.list_(pa.float64())),
        "answer_unit": _by_block([b.family.units[b.type] for b in blocks], blocks),
        "sigma": pa.array(_coarse(sigma), mask=np.isnan(sigma)),
        "params": pa.array([p for b in blocks for p in (b.facts.params or ["{}"] * len(b))]),
        "template_id": pa.array(templates),
        "seed_key": pa.array(keys),
        "content_sha256": _by_scene([s.content_sha256 for s in a.scenes], scene),
        "split": _by_scene([split_of(s.content_sha256) for s in a.scenes], scene),
    }
    table = pa.table([columns[name] for name in QUESTIONS.names], schema=QUESTIONS)
    return table.take(pa.array(np.lexsort((keys, type_rank, scene))))


def _row_ids(blocks: Sequence[Asks], keys: U64, templates: Sequence[str]) -> U64:
    """The key already holds image, type, subjects, form and params; the template is mixed in."""
    types = np.repeat([text_key(b.type) for b in blocks], [len(b) for b in blocks])
    return mix(mix(keys, types), text_keys(templates))


def _by_scene(texts: Sequence[str], scene: I64) -> pa.Array:
    return pa.array(texts, pa.string()).take(pa.array(scene))


def _by_block(texts: Sequence[str], blocks: Sequence[Asks]) -> pa.Array:
    index = np.repeat(np.arange(len(blocks)), [len(b) for b in blocks])
    return pa.array(texts, pa.string()).take(pa.array(index))


def _subjects(asks: Asks, a: SceneArrays) -> pa.ListArray:
    subjects = asks.facts.subjects
    known = subjects >= 0
    offsets = np.concatenate([[0], np.cumsum(known.sum(axis=1))]).astype(np.int32)
    ids = [a.objects[k].object_id for k in subjects[known].tolist()]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(ids, pa.string()))


def _values(asks: Asks) -> pa.ListArray:
    values = asks.facts.values
    if values is None:
        return pa.nulls(len(asks), pa.list_(pa.float64()))
    offsets = np.arange(0, values.size + 1, values.shape[1], dtype=np.int32)
    flat: F64 = np.ascontiguousarray(values).ravel()
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat, mask=np.isnan(flat)))


def _coarse(sigma: F64) -> F64:
    """An error needs no more than three digits: the zero bytes that are left compress well."""
    return (sigma.view(np.uint64) & _SIGMA_MASK).view(np.float64)
