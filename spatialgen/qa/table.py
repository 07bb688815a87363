"""From written questions to rows of `schema.QUESTIONS`, by the column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from spatialgen.qa.arrays import SceneArrays
from spatialgen.qa.asks import Asks
from spatialgen.qa.facts import F64, I64, STATUSES
from spatialgen.qa.keys import U64, hex_digests, mix, text_key, text_keys
from spatialgen.qa.types import TYPES
from spatialgen.qa.writing import Written
from spatialgen.schema import QUESTIONS, split_of

_SIGMA_MASK = np.uint64(0xFFFFFC0000000000)


def questions_table(blocks: Sequence[Asks], written: Sequence[Written], a: SceneArrays) -> pa.Table:
    """Return the rows, scenes in order, then by type in the order of the spec, then by key."""
    if not blocks:
        return QUESTIONS.empty_table()
    scene = np.concatenate([b.facts.scene for b in blocks])
    keys = np.concatenate([b.keys for b in blocks])
    type_rank = np.repeat([TYPES.index(b.type) for b in blocks], [len(b) for b in blocks])
    order = np.lexsort((keys, type_rank, scene))
    block = np.repeat(np.arange(len(blocks)), [len(b) for b in blocks])[order]
    scene, keys = scene[order], keys[order]
    templates = _ordered([w.templates for w in written], order)
    values = np.concatenate([b.facts.value for b in blocks])[order]
    sigma = np.concatenate([b.facts.sigma for b in blocks])[order]
    status = np.concatenate([b.facts.status for b in blocks])[order]
    types = [b.type for b in blocks]
    columns = {
        "qa_id": pa.array(hex_digests(_row_ids(types, block, keys, templates))),
        "image_id": _each([s.image_id for s in a.scenes], scene),
        "question": pa.array(_ordered([w.questions for w in written], order)),
        "answer": pa.array(_ordered([w.answers for w in written], order)),
        "question_type": _each(types, block),
        "form": _each([b.form for b in blocks], block),
        "subjects": pa.chunked_array([_subjects(b, a) for b in blocks]).combine_chunks().take(pa.array(order)),
        "status": _each(STATUSES, status),
        "answer_value": pa.array(values, mask=np.isnan(values)),
        "answer_values": _all_values(blocks, order),
        "answer_unit": _each([b.family.units[b.type] for b in blocks], block),
        "sigma": pa.array(_coarse(sigma), mask=np.isnan(sigma)),
        "params": pa.array(_ordered([b.facts.params or ["{}"] * len(b) for b in blocks], order)),
        "template_id": pa.array(templates),
        "seed_key": pa.array(keys),
        "content_sha256": _each([s.content_sha256 for s in a.scenes], scene),
        "split": _each([split_of(s.content_sha256) for s in a.scenes], scene),
    }
    return pa.table([columns[name] for name in QUESTIONS.names], schema=QUESTIONS)


def _ordered(parts: Sequence[Sequence[str]], order: I64) -> list[str]:
    flat = [text for part in parts for text in part]
    return [flat[k] for k in order.tolist()]


def _row_ids(types: Sequence[str], block: I64, keys: U64, templates: Sequence[str]) -> U64:
    """The key already holds image, subjects, form and params; the type and the template are mixed in."""
    return mix(mix(keys, np.array([text_key(t) for t in types], np.uint64)[block]), text_keys(templates))


def _each(texts: Sequence[str], index: I64) -> pa.Array:
    return pa.array(texts, pa.string()).take(pa.array(index))


def _subjects(asks: Asks, a: SceneArrays) -> pa.ListArray:
    subjects = asks.facts.subjects
    known = subjects >= 0
    offsets = np.concatenate([[0], np.cumsum(known.sum(axis=1))]).astype(np.int32)
    ids = [a.objects[k].object_id for k in subjects[known].tolist()]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(ids, pa.string()))


def _all_values(blocks: Sequence[Asks], order: I64) -> pa.Array:
    parts = pa.chunked_array([_values(b) for b in blocks], pa.list_(pa.float64()))
    return parts.combine_chunks().take(pa.array(order))


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
