"""Pictures as a vision tower sees them: padded to a square with the mean colour, resized, uint8."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageOps

from spatialgen.records import U8
from spatialgen.train.errors import TrainError

_POINT = re.compile(r"\[\s*(-?\d+(?:\.\d+)?)\s*((?:,\s*-?\d+(?:\.\d+)?\s*){1}|(?:,\s*-?\d+(?:\.\d+)?\s*){3})\]")


def decode(data: bytes, name: str) -> Image.Image:
    """Return the upright RGB picture in `data`. Raises TrainError naming the picture."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise TrainError(f"{name}: cannot be read as a picture: {error}") from error


def square(image: Image.Image, side: int, background: tuple[int, int, int]) -> U8:
    """Return `image` padded to a square (content centred, `background` around) and resized: (side, side, 3) uint8.

    The padding is (S - w) // 2 on the left and (S - h) // 2 on top, S the longer side: that of LLaVA, of
    transformers' LlavaImageProcessor and of the 0..999 grid of our questions.
    """
    width, height = image.size
    if width != height:
        longer = max(width, height)
        padded = Image.new("RGB", (longer, longer), background)
        padded.paste(image, ((longer - width) // 2, (longer - height) // 2))
        image = padded
    return np.array(image.resize((side, side), Image.Resampling.BICUBIC))


def pad_coordinates(text: str, kind: str, width: int, height: int) -> str:
    """Return `text` with its [x, y] and [x1, y1, x2, y2] moved into the frame of the square-padded picture.

    `kind` says what the numbers are: "unit" (shares of width and height), "grid1000" (thousandths), "pixel", or
    "padded" (nothing to do). They keep their unit: shares stay shares (3 decimals), the others whole numbers.
    Lists that cannot be such coordinates (out of range) are left as they are.
    """
    if kind == "padded":
        return text
    move = _mover(kind, width, height)

    def moved(match: re.Match[str]) -> str:
        values = [float(v) for v in re.findall(r"-?\d+(?:\.\d+)?", match[0])]
        limits = {"unit": (1.0, 1.0), "grid1000": (1000.0, 1000.0), "pixel": (width, height)}[kind]
        if any(not 0 <= v <= limits[i % 2] for i, v in enumerate(values)):
            return match[0]
        return "[" + ", ".join(move(v, i % 2) for i, v in enumerate(values)) + "]"

    return _POINT.sub(moved, text)


def _mover(kind: str, width: int, height: int) -> Callable[[float, int], str]:
    longer = max(width, height)
    pads: Sequence[int] = ((longer - width) // 2, (longer - height) // 2)
    sides = (width, height)

    def move(value: float, axis: int) -> str:
        if kind == "pixel":
            return f"{value + pads[axis]:.0f}"
        if kind == "unit":
            return f"{(value * sides[axis] + pads[axis]) / longer:.3f}"
        # A thousandth stands for its middle, so that a grid moved on to another stays within half a cell.
        pixel = (value + 0.5) / 1000 * sides[axis]
        return str(min(999, int(1000 * (pixel + pads[axis]) / longer)))

    return move
