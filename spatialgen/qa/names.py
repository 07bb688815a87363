"""What to call each object: a phrase that fits this object of the image and no other.

In turn: the given name; the label; colour and label; a short caption; the place among its kind ("the chair on
the left"); what it stands on ("the mug on the table"). Near-identical names count as the same name, as SpatialVLM
(Chen et al. 2024) clusters captions. All detected objects are compared, also those that are never asked about.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spatialgen.qa.english import capital, singular_thing
from spatialgen.qa.safety import unsafe_text
from spatialgen.records import Scene, SceneObject

COLORS = frozenset(
    [
        "red",
        "orange",
        "yellow",
        "green",
        "blue",
        "purple",
        "pink",
        "brown",
        "black",
        "white",
        "grey",
        "gold",
        "silver",
        "beige",
        "turquoise",
        "cyan",
        "magenta",
        "teal",
        "violet",
        "navy",
        "maroon",
        "olive",
        "tan",
        "cream",
        "lilac",
    ]
)
_SYNONYMS = {
    "couch": "sofa",
    "settee": "sofa",
    "gray": "grey",
    "television": "tv",
    "telly": "tv",
    "bookcase": "bookshelf",
    "refrigerator": "fridge",
    "cellphone": "phone",
    "bike": "bicycle",
    "motorbike": "motorcycle",
    "automobile": "car",
    "trashcan": "bin",
    "settle": "bench",
    "violet": "purple",
    "man": "person",
    "woman": "person",
    "boy": "person",
    "girl": "person",
}
_STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "this",
        "that",
        "of",
        "with",
        "and",
        "in",
        "on",
        "at",
        "to",
        "is",
        "are",
        "its",
        "his",
        "her",
        "my",
        "some",
    ]
)
_DOUBLED_IOU = 0.8
_PLACE_APART = 0.06  # of the image's width or height, between neighbours of one kind
_DEPTH_RATIO = 1.25
_CAPTION_WORDS = 6
_CAPTION_OVERLAP = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Naming:
    """The names of all objects of many scenes, in order.

    `phrases`: "the red mug"; empty where nothing singles the object out. `capitals`: the same, to begin a
    sentence with. `heads`: the label with synonyms merged. `doubled`: a near-duplicate box of another object.
    `reveals`: what the phrase gives away: "side", "depth", "support" or nothing.
    """

    phrases: Sequence[str]
    capitals: Sequence[str]
    askable: NDArray[np.bool_]
    heads: Sequence[str]
    doubled: NDArray[np.bool_]
    reveals: Sequence[str]


def name_objects(scenes: Sequence[Scene], min_score: float = 0.0) -> Naming:
    """Return what to call the objects of `scenes`; those with a lower score than `min_score` are not asked about."""
    named = [name for scene in scenes for name in _name_scene(scene)]
    phrases = [phrase for phrase, _, _, _ in named]
    scores = np.array([item.score for scene in scenes for item in scene.objects], np.float64)
    return Naming(
        phrases=phrases,
        capitals=[capital(phrase) for phrase in phrases],
        askable=np.array([bool(phrase) for phrase in phrases], bool) & (scores >= min_score),
        heads=[head for _, head, _, _ in named],
        doubled=np.array([doubled for _, _, doubled, _ in named], bool),
        reveals=[reveal for _, _, _, reveal in named],
    )


@lru_cache(maxsize=65536)
def words_of(text: str) -> frozenset[str]:
    """Return the meaning-bearing words of a phrase, lower case, plural and synonyms merged."""
    words = re.findall(r"[^\W_]+", text.lower())
    return frozenset(_SYNONYMS.get(w, w) for w in words if w not in _STOP_WORDS)


@lru_cache(maxsize=65536)
def head_of(label: str) -> str:
    """Return a label with synonyms merged, so that couch and sofa are one kind."""
    return " ".join(_SYNONYMS.get(w, w) for w in re.findall(r"[^\W_]+", label.lower()))


def _safe(text: str | None) -> str | None:
    return None if text is None or unsafe_text(text) else " ".join(text.split())


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """An object as words: everything that perception and the source said of it."""

    item: SceneObject
    head: str
    label: str | None
    name: str | None
    color: str | None
    words: frozenset[str]


def _known(item: SceneObject) -> _Known:
    label, name, color = _safe(item.label), _safe(item.name), _safe(item.text.color)
    words = words_of(" ".join(text for text in (label, name, color) if text))
    return _Known(item, head_of(item.label), label, name, color and color.lower(), words)


def _name_scene(scene: Scene) -> list[tuple[str, str, bool, str]]:
    known = [_known(item) for item in scene.objects]
    doubled = _doubled(known)
    result = []
    for k, thing in enumerate(known):
        phrase, reveal = ("", "")
        if not doubled[k] and thing.label:
            phrase, reveal = _plain(k, known) or _placed(k, known, scene) or _resting(k, known) or ("", "")
        result.append((phrase, thing.head, doubled[k], reveal))
    return _without_repeats(result)


def _without_repeats(named: list[tuple[str, str, bool, str]]) -> list[tuple[str, str, bool, str]]:
    phrases = [phrase for phrase, _, _, _ in named]
    return [(p if phrases.count(p) == 1 else "", h, d, r) for p, h, d, r in named]


def _plain(k: int, known: Sequence[_Known]) -> tuple[str, str] | None:
    thing = known[k]
    candidates = [thing.name, thing.label and singular_thing(thing.label)]
    if thing.color and thing.label and thing.color not in thing.words - {thing.color}:
        candidates.append(f"{thing.color} {thing.label}")
    candidates.append(_caption(k, known))
    for text in candidates:
        if text and not _fits_another(k, text, known):
            return _definite(text), ""
    return None


def _fits_another(k: int, text: str, known: Sequence[_Known]) -> bool:
    """A phrase fits another object when all its words do, or all but colours that nobody noted there."""
    words = words_of(text)
    for other, thing in enumerate(known):
        if other == k:
            continue
        needed = words if thing.color or thing.words & COLORS else words - COLORS
        if needed <= thing.words:
            return True
    return False


def _definite(text: str) -> str:
    first, _, rest = text.partition(" ")
    if first.lower() in ("a", "an", "the") and rest:
        return f"the {rest}"
    return text if first.lower() in ("my", "your", "his", "her", "our", "their") else f"the {text}"


def _caption(k: int, known: Sequence[_Known]) -> str | None:
    """A caption is used when it is short, names the kind, and is unlike the captions of all of its kind."""
    thing = known[k]
    text = _safe(thing.item.text.caption)
    if text is None or len(text.split()) > _CAPTION_WORDS or not words_of(thing.head) <= words_of(text):
        return None
    own = words_of(text)
    for other, rival in enumerate(known):
        if other == k or rival.head != thing.head:
            continue
        theirs = words_of(rival.item.text.caption or "")
        if not theirs or len(own & theirs) > _CAPTION_OVERLAP * len(own | theirs):
            return None
    return text.rstrip(".").lower()


def _placed(k: int, known: Sequence[_Known], scene: Scene) -> tuple[str, str] | None:
    group = [n for n, thing in enumerate(known) if _same_kind(known[k], thing)]
    label = singular_thing(known[k].label or "")
    if not 2 <= len(group) <= 3:
        return None
    across = {n: float(known[n].item.centroid_px[0]) / scene.width for n in group}
    side = _position(k, across, _PLACE_APART, ("on the left", "in the middle", "on the right"))
    if side is not None:
        return f"the {label} {side}", "side"
    if len(group) == 2:
        near, far = sorted(group, key=lambda n: known[n].item.median_depth_m)
        if known[near].item.median_depth_m * _DEPTH_RATIO < known[far].item.median_depth_m:
            return f"the {'nearer' if k == near else 'farther'} {label}", "depth"
        down = {n: float(known[n].item.centroid_px[1]) / scene.height for n in group}
        level = _position(k, down, _PLACE_APART, ("higher up in the picture", "", "lower down in the picture"))
        if level:
            return f"the {label} {level}", "side"
    return None


def _same_kind(a: _Known, b: _Known) -> bool:
    """Whether "the <label of a>" could mean b: the same label, or a name of b that has all its words."""
    return a.head == b.head or words_of(a.label or "") <= b.words


def _position(k: int, places: dict[int, float], apart: float, words: tuple[str, str, str]) -> str | None:
    order = sorted(places, key=lambda n: places[n])
    if any(places[b] - places[a] < apart for a, b in itertools.pairwise(order)):
        return None
    rank = order.index(k)
    return words[0] if rank == 0 else words[2] if rank == len(order) - 1 else words[1]


def _resting(k: int, known: Sequence[_Known]) -> tuple[str, str] | None:
    """ "the mug on the table", where no other mug may stand on it and the table has a plain name."""
    supports = [thing.item.geometry.support_id if thing.item.geometry else None for thing in known]
    own = supports[k]
    index = {thing.item.object_id: n for n, thing in enumerate(known)}
    group = [n for n, thing in enumerate(known) if n != k and _same_kind(known[k], thing)]
    if own not in index or any(supports[n] in (own, None) for n in group):
        return None
    below = _plain(index[own], known)
    return (f"the {singular_thing(known[k].label or '')} on {below[0]}", "support") if below else None


def _doubled(known: Sequence[_Known]) -> list[bool]:
    """Mark an object whose box nearly coincides with an earlier or better-scored one of its kind, and that one."""
    marks = [False] * len(known)
    for a in range(len(known)):
        for b in range(a):
            same = known[a].head == known[b].head
            if same and _iou(known[a].item.box_px, known[b].item.box_px) > _DOUBLED_IOU:
                marks[a] = marks[b] = True
    return marks


def _iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    ax0, ay0, ax1, ay1 = a.tolist()
    bx0, by0, bx1, by1 = b.tolist()
    overlap = max(0.0, min(ax1, bx1) - max(ax0, bx0)) * max(0.0, min(ay1, by1) - max(ay0, by0))
    union = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - overlap
    return overlap / union if union > 0 else 0.0
