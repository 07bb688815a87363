"""Necks, poles and legs that a mask a little off has lost altogether, told by the ridge that they are in depth."""

from __future__ import annotations

import cv2
import numpy as np

from spatialgen.records import F32, I32

_RIDGE = 0.02
"""So much nearer, relatively, than what is on both sides of it."""

_ALIKE, _APART = 0.02, 0.06
_SLENDER = 0.4
_FEWEST_TOUCHING, _FROM_ABOVE = 2, 30
"""So many pixels must touch; those above a thin part count for more: what is below it may only carry it."""

_AROUND = tuple((dv, du) for dv in (-1, 0, 1) for du in (-1, 0, 1) if dv or du)


def thin_parts(depth_m: F32, ids: I32, offset_px: int) -> I32:
    """Return (H, W) which of the `ids` (H, W) a thin part truly belongs to, 0 where it is no thin part.

    `offset_px`: by how much masks must grow. Shrunk and grown again, a mask lacks what is thinner than its shrinking
    took; grown masks of nearer things swallow what is as thin between them. The depth map still has it: a ridge, which
    touches the rest of its object at the same depth.
    """
    reach = abs(offset_px)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    square = np.ones_like(disc)  # the tip of a disc would reach into the base of a neck
    owners = np.maximum(ids, 0)
    if offset_px > 0:
        owners = np.where(ids > 0, ids, cv2.dilate(owners.astype(np.float32), disc).astype(np.int32))
    with np.errstate(divide="ignore"):
        inverse = np.nan_to_num(1 / depth_m, nan=0.0, posinf=0.0)
    ridge = inverse - cv2.morphologyEx(inverse, cv2.MORPH_OPEN, square) > _RIDGE * inverse
    ridge &= (owners == 0) == (offset_px > 0)
    before = cv2.dilate(np.where(ridge, inverse, np.float32(0)), np.ones((3, 3), np.uint8))
    ridge &= before < (1 + _APART) * inverse  # what passes behind another ridge is no part of it
    count, parts = cv2.connectedComponents(ridge.astype(np.uint8), connectivity=8)
    ridge[[0, -1]] = ridge[:, [0, -1]] = False
    at = np.flatnonzero(ridge)
    here, flat = inverse.ravel()[at], ridge.ravel()
    touched, weights = [], []
    for dv, du in _AROUND:
        beside = at + dv * ids.shape[1] + du
        alike = np.abs(inverse.ravel()[beside] - here) < _ALIKE * here
        keep = alike & ~flat[beside] & (owners.ravel()[beside] > 0)
        touched.append(np.stack([parts.ravel()[at[keep]], owners.ravel()[beside[keep]]]))
        weights.append(np.full(int(keep.sum()), _FROM_ABOVE if (dv, du) == (-1, 0) else 1))
    pairs, of_pair = np.unique(np.concatenate(touched, axis=1), axis=1, return_inverse=True)
    often = np.bincount(of_pair.ravel(), np.concatenate(weights), minlength=pairs.shape[1])
    owner = np.zeros(count, np.int32)
    for k in np.argsort(often, kind="stable"):
        if often[k] >= _FEWEST_TOUCHING:
            owner[pairs[0, k]] = pairs[1, k]
    found = owner[parts]
    if offset_px < 0:  # what is thin all over loses no part to what carries it
        named = np.maximum(ids, 0)
        slender = np.bincount(named[parts > 0], minlength=int(named.max()) + 1) > _SLENDER * np.bincount(named.ravel())
        found[slender[named]] = 0
    return np.asarray(found)
