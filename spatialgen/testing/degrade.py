"""What sensors and networks do to depth and masks: noise, flying pixels, holes, masks too small or too large.

observed = degrade(render(scene), Degradation(smooth_noise=0.01, mask_px=-2), seed=3)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from spatialgen.records import F32, I32, U8, Bool
from spatialgen.seeding import rng
from spatialgen.testing.render import Rendered


@dataclass(frozen=True, slots=True)
class Degradation:
    """How an exact picture is spoiled.

    `smooth_noise`: relative sigma of a smooth multiplicative depth error: white noise under a Gaussian filter of
    `smooth_px` pixels, scaled to unit standard deviation over the image, depth *= 1 + sigma * field.
    `white_noise`: relative sigma of an independent error of each pixel. `mask_px`: masks grown by that many pixels
    (negative: eroded); where grown masks meet, the nearer object wins. `flying_px`: half width of the band at depth
    edges whose readings lie anywhere between the two sides. `holes`: share of the readings lost, in round patches.
    `depth_scale`: size of the depth map relative to the image. `give_up`, `give_camera`: what the source tells.
    """

    smooth_noise: float = 0.0
    smooth_px: float = 24.0
    white_noise: float = 0.0
    mask_px: int = 0
    flying_px: int = 0
    holes: float = 0.0
    depth_scale: float = 1.0
    give_up: bool = True
    give_camera: bool = True


EXACT = Degradation()

_FAR = np.float32(1e6)


def degrade(picture: Rendered, how: Degradation, seed: int) -> Rendered:
    """Return the picture as a worse sensor would give it; the same seed gives the same picture."""
    random = rng("degrade", seed)
    depth: NDArray[np.floating[Any]] = picture.depth_m
    if how.flying_px:
        depth = with_flying_pixels(picture.depth_m, how.flying_px, random)
    if how.smooth_noise:
        depth = depth * (1 + how.smooth_noise * smooth_field(depth.shape, how.smooth_px, random))
    if how.white_noise:
        depth = depth * (1 + how.white_noise * random.standard_normal(depth.shape))
    if how.holes:
        depth = np.where(_patches(depth.shape, how.holes, random), np.nan, depth)
    if how.depth_scale != 1.0:
        depth = resized_depth(depth, how.depth_scale)
    ids = resized_masks(picture.ids, picture.depth_m, how.mask_px) if how.mask_px else picture.ids
    return Rendered(picture.rgb, depth.astype(np.float32), ids)


def smooth_field(shape: tuple[int, ...], sigma_px: float, random: np.random.Generator) -> F32:
    """Return a Gaussian-filtered random field (H, W) float32 of zero mean and unit standard deviation."""
    height, width = shape
    step = max(int(sigma_px / 4), 1)  # the field is smooth, so it may be drawn coarsely and enlarged
    coarse = random.standard_normal((-(-height // step) + 1, -(-width // step) + 1)).astype(np.float32)
    blurred = cv2.GaussianBlur(coarse, (0, 0), sigma_px / step)
    field = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_CUBIC)
    unit: F32 = ((field - field.mean()) / field.std()).astype(np.float32)
    return unit


def with_flying_pixels(depth_m: F32, half_px: int, random: np.random.Generator) -> F32:
    """Return the depth with readings at edges (jumps over 5 %) drawn evenly from between the two sides."""
    kernel = np.ones((2 * half_px + 1, 2 * half_px + 1), np.uint8)
    near = cv2.erode(np.where(np.isnan(depth_m), _FAR, depth_m), kernel)
    far = cv2.dilate(np.where(np.isnan(depth_m), 0.0, depth_m), kernel)
    edge = (far > 1.05 * near) & np.isfinite(depth_m)
    mix = random.random(depth_m.shape).astype(np.float32)
    return np.where(edge, near + mix * (far - near), depth_m).astype(np.float32)


def resized_masks(ids: I32, depth_m: F32, grow_px: int) -> I32:
    """Return the instance map with every mask grown (or eroded) by a disc of `grow_px` pixels."""
    reach = abs(grow_px)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    change = cv2.dilate if grow_px > 0 else cv2.erode
    out = np.zeros_like(ids)
    known = [int(k) for k in np.unique(ids) if k]
    for k in sorted(known, key=lambda k: -float(np.nanmedian(depth_m[ids == k]))):
        mask: U8 = (ids == k).astype(np.uint8)
        out[change(mask, disc) > 0] = k
    return out


def resized_depth(depth_m: NDArray[np.floating[Any]], scale: float) -> NDArray[np.floating[Any]]:
    """Return the depth map sampled, nearest, at another size, pixel areas aligned."""
    height, width = (max(round(side * scale), 1) for side in depth_m.shape)
    rows = np.floor((np.arange(height) + 0.5) * depth_m.shape[0] / height).astype(int)
    columns = np.floor((np.arange(width) + 0.5) * depth_m.shape[1] / width).astype(int)
    return depth_m[np.ix_(rows, columns)]


def _patches(shape: tuple[int, ...], share: float, random: np.random.Generator) -> Bool:
    field = smooth_field(shape, 6.0, random)
    lost: Bool = field > np.quantile(field, 1 - share)
    return lost
