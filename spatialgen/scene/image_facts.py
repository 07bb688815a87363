"""What the visible mask of an object says in the image plane, whatever its geometry."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from pycocotools import mask as coco

from spatialgen.geometry.crops import Crop
from spatialgen.records import F32, F64, Bool

BORDER_PX = 2
BORDER_SHARE = 0.004  # of the longer side: networks cut masks on a coarse grid, whose cell grows with the picture
"""A mask that comes this close to the image border is taken as cut by it: masks are often a little too small."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageFacts:
    """Of the visible mask: bounds in edge coordinates, COCO counts, pixels, centroid, borders that cut it."""

    box_px: F32
    mask_rle: bytes
    pixels: int
    centroid_px: F64
    cut: tuple[str, ...]


def image_facts(crop: Crop, width: int, height: int, exact: bool = False) -> ImageFacts | None:
    """Return the facts of a crop's mask in a width x height image, None where the mask is empty.

    A mask that is `exact` to the pixel is cut only by a border that it touches.
    """
    mask = crop.mask.view(np.uint8)
    left, top, across, down = cv2.boundingRect(mask)
    if not across:
        return None
    columns, rows = (cv2.reduce(mask, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() for axis in (0, 1))
    pixels = int(rows.sum())
    box = (crop.u0 + left, crop.v0 + top, crop.u0 + left + across, crop.v0 + top + down)
    means = (float(counts @ np.arange(len(counts))) / pixels for counts in (columns, rows))
    centroid = np.array((crop.u0, crop.v0)) + np.array((*means,))
    rle = encode_mask(crop.mask, crop.u0, crop.v0, width, height)
    return ImageFacts(np.array(box, np.float32), rle, pixels, centroid, _cut(box, width, height, exact))


def _cut(box_px: tuple[int, int, int, int], width: int, height: int, exact: bool) -> tuple[str, ...]:
    x0, y0, x1, y1 = box_px
    near = 0 if exact else max(BORDER_PX, int(BORDER_SHARE * max(width, height)))
    touched = {
        "left": x0 <= near,
        "right": x1 >= width - near,
        "top": y0 <= near,
        "bottom": y1 >= height - near,
    }
    return tuple(side for side, is_cut in touched.items() if is_cut)


def encode_mask(mask: Bool, u0: int, v0: int, width: int, height: int) -> bytes:
    """Return the compressed COCO counts of a mask (h, w) whose first pixel is (u0, v0) of a width x height image.

    Only the crop is scanned: COCO runs go down the columns, so the crop's runs are those of the image, moved.
    """
    tall = min(mask.shape[0] + 1, height)  # a run goes on into the next column only where the crop is as high as that
    columns = np.zeros((mask.shape[1], tall), bool)
    columns[:, : mask.shape[0]] = mask.T
    flat = columns.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat[0]:
        edges = np.append(0, edges)
    if len(edges) % 2:
        edges = np.append(edges, flat.size)
    column, row = np.divmod(edges, tall)
    starts = np.zeros(len(edges) + 2, np.intp)
    starts[1:-1], starts[-1] = (u0 + column) * height + v0 + row, width * height
    counts = starts[1:] - starts[:-1]
    if counts[-1] == 0:
        counts = counts[:-1]
    return bytes(coco.frPyObjects({"size": [height, width], "counts": counts.tolist()}, height, width)["counts"])
