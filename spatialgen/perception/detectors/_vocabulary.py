"""The nouns that open-vocabulary detectors look for when a configuration names none: 107 common, countable things.

Left out on purpose: stuff without an extent of its own (floor, wall, sky, grass), parts of things (wheel, hand) and
pairs of synonyms (sofa and couch), which would give one thing two names.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

INDOOR = (
    "chair", "armchair", "sofa", "stool", "bench", "table", "coffee table", "desk", "bed", "nightstand", "dresser",
    "wardrobe", "cabinet", "bookshelf", "door", "window", "curtain", "mirror", "picture frame",
    "lamp", "chandelier", "rug", "pillow", "blanket", "television", "monitor", "laptop", "keyboard", "computer mouse",
    "printer", "phone", "speaker", "clock", "fan", "radiator", "fireplace", "refrigerator", "oven", "stove",
    "microwave", "dishwasher", "washing machine", "sink", "faucet", "toilet", "bathtub", "towel", "trash can",
    "potted plant", "vase", "flower", "basket", "box", "book", "bottle", "mug", "glass", "bowl", "plate",
    "pot", "kettle", "toaster", "knife", "spoon", "fork", "backpack", "handbag", "suitcase", "shoe", "hat", "umbrella",
    "teddy bear", "ball", "guitar", "piano",
)  # fmt: skip
FOOD = ("apple", "banana", "orange", "bread", "cake", "sandwich", "pizza")
OUTDOOR = (
    "person", "dog", "cat", "horse", "cow", "bird", "car", "truck", "bus", "van", "bicycle", "motorcycle", "train",
    "boat", "traffic light", "traffic sign", "street lamp", "fire hydrant", "mailbox", "parking meter", "tent",
    "statue", "fountain", "tree", "surfboard",
)  # fmt: skip
DEFAULT_CLASSES = (*INDOOR, *FOOD, *OUTDOOR)


def checked_classes(classes: tuple[str, ...]) -> tuple[str, ...]:
    """Return `classes` in lower case. Raises ValueError on a blank or repeated name, or one with a separator."""
    names = tuple(" ".join(name.lower().split()) for name in classes)
    for name in names:
        if not name or any(mark in name for mark in ".?") or not name.isprintable():
            raise ValueError(f"class name {name!r} must have words, and no full stop or question mark")
        if names.count(name) > 1:
            raise ValueError(f"class name {name!r} is there twice")
    return names


Classes = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(checked_classes)]
