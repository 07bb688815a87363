"""The picture of `inspect`: on the left masks, boxes and names, on the right what is known of depth.

A build keeps no depth maps. The right half shows what its scenes do keep: each object's mask in the colour of its
median depth, and the measured points (`points_m` of objects, `depth_samples`) in the colour of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw
from pycocotools import mask as coco

from spatialgen.geometry.frames import View, canonical_from_camera
from spatialgen.records import F64, U8, Bool, ObjectGeometry, Scene, SceneObject

_LEAST_WIDTH, _MOST_SIDE = 640, 1100
_MASK_STRENGTH = 0.45
_BAR = 46
_EDGES = ((0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7))

Color = tuple[int, int, int]


def scene_picture(rgb: U8, scene: Scene) -> Image.Image:
    """Return `rgb` (H, W, 3) beside itself, with what `scene` says about it drawn in."""
    zoom = _zoom(*rgb.shape[:2])
    left = _objects_half(rgb, scene, zoom)
    right = _depth_half(rgb, scene, zoom)
    both = Image.new("RGB", (left.width + right.width, left.height), "black")
    both.paste(left, (0, 0))
    both.paste(right, (left.width, 0))
    return both


def object_mask(scene: Scene, item: SceneObject) -> Bool:
    """Return the visible mask (H, W) of an object."""
    mask: Bool = coco.decode({"size": [scene.height, scene.width], "counts": item.mask_rle}).astype(bool)
    return mask


def box_corners(geometry: ObjectGeometry) -> F64:
    """Return the corners (8, 3) of the upright box, canonical metres: the bottom four around, then the top four."""
    length, width, _ = geometry.size_m / 2
    turn = np.radians(geometry.yaw_deg or 0.0)
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    corners = [sx * length * along + sy * width * across for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    ground = geometry.center_m[:2] + np.array(corners)
    return np.vstack([np.column_stack([ground, np.full(4, z)]) for z in geometry.z_interval_m])


def _objects_half(rgb: U8, scene: Scene, zoom: float) -> Image.Image:
    colors = [_color(i) for i in range(len(scene.objects))]
    image = _zoomed(
        _tinted(rgb, [(object_mask(scene, o), c) for o, c in zip(scene.objects, colors, strict=True)]), zoom
    )
    draw = ImageDraw.Draw(image)
    for item, color in zip(scene.objects, colors, strict=True):
        _wireframe(draw, scene, item, color, zoom)
        x0, y0, x1, y1 = (float(v) * zoom for v in item.box_px)
        draw.rectangle((x0, y0, x1 - 1, y1 - 1), outline=color, width=2)
    for item in scene.objects:
        _label(
            draw, (item.box_px[0] * zoom + 2, item.box_px[1] * zoom + 2), f"{item.object_id} {item.name or item.label}"
        )
    return image


def _depth_half(rgb: U8, scene: Scene, zoom: float) -> Image.Image:
    near, far = scene.depth_range_m
    grey = np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None] // 3, 3, -1).astype(np.uint8)
    depths = np.array([o.median_depth_m for o in scene.objects])
    colors = _depth_colors(depths, near, far)
    image = _zoomed(
        _tinted(grey, [(object_mask(scene, o), c) for o, c in zip(scene.objects, colors, strict=True)], 0.8), zoom
    )
    draw = ImageDraw.Draw(image)
    for u, v, depth in _points(scene):
        color = _depth_colors(np.array([depth]), near, far)[0]
        x, y = (u + 0.5) * zoom, (v + 0.5) * zoom
        draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill=color, outline="black")
    for item in scene.objects:
        _label(
            draw,
            ((item.centroid_px[0] + 0.5) * zoom, (item.centroid_px[1] + 0.5) * zoom),
            f"{item.median_depth_m:.2f} m",
        )
    return _with_legend(image, near, far)


def _view(scene: Scene) -> View | None:
    if scene.gravity is None:
        return None
    return View(scene.camera, canonical_from_camera(scene.gravity.up_camera), float(scene.camera_center_m[2]))


def _wireframe(draw: ImageDraw.ImageDraw, scene: Scene, item: SceneObject, color: Color, zoom: float) -> None:
    view = _view(scene)
    if item.geometry is None or view is None:
        return
    u, v, depth = view.pixels(box_corners(item.geometry).T)
    if not (depth > 0).all():
        return
    ends = [((a + 0.5) * zoom, (b + 0.5) * zoom) for a, b in zip(u, v, strict=True)]
    for i, j in _EDGES:
        draw.line((*ends[i], *ends[j]), fill=color, width=1)


def _points(scene: Scene) -> list[tuple[float, float, float]]:
    """Return u, v, z-depth of all points whose depth was measured."""
    points = [(float(u), float(v), float(z)) for u, v, z, _ in scene.depth_samples]
    view = _view(scene)
    for item in scene.objects:
        if view is not None and item.geometry is not None and len(item.geometry.points_m):
            u, v, z = view.pixels(item.geometry.points_m.T)
            points += [(float(a), float(b), float(c)) for a, b, c in zip(u, v, z, strict=True) if c > 0]
    return points


def _tinted(rgb: U8, masks: Sequence[tuple[Bool, Color]], strength: float = _MASK_STRENGTH) -> U8:
    out = rgb.astype(np.float32)
    for mask, color in masks:
        out[mask] = (1 - strength) * out[mask] + strength * np.array(color, np.float32)
    return out.astype(np.uint8)


def _zoom(height: int, width: int) -> float:
    """Return the factor at which a picture is large enough to read and small enough to see at once."""
    if max(height, width) > _MOST_SIDE:
        return _MOST_SIDE / max(height, width)
    return float(max(1, min(-(-_LEAST_WIDTH // width), _MOST_SIDE // height)))


def _zoomed(rgb: U8, zoom: float) -> Image.Image:
    size = (round(rgb.shape[1] * zoom), round(rgb.shape[0] * zoom))
    return Image.fromarray(rgb).resize(size, Image.Resampling.NEAREST if zoom >= 1 else Image.Resampling.BOX)


def _color(index: int) -> Color:
    """Return the index-th of many colours that differ well."""
    hue = np.array([[[int(index * 180 * 0.618034) % 180, 220, 255]]], np.uint8)
    r, g, b = cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0]
    return int(r), int(g), int(b)


def _depth_colors(depth_m: F64, near: float, far: float) -> list[Color]:
    share = np.clip((depth_m - near) / max(far - near, 1e-6), 0, 1)
    table = cv2.applyColorMap(((1 - np.nan_to_num(share)) * 255).astype(np.uint8).reshape(-1, 1), cv2.COLORMAP_TURBO)
    return [(int(r), int(g), int(b)) for b, g, r in table[:, 0]]


def _with_legend(image: Image.Image, near: float, far: float) -> Image.Image:
    out = Image.new("RGB", (image.width + _BAR, image.height), "black")
    out.paste(image, (0, 0))
    draw = ImageDraw.Draw(out)
    for y, color in enumerate(_depth_colors(np.linspace(near, far, image.height), near, far)):
        draw.line((image.width + 4, y, image.width + 14, y), fill=color)
    for y, depth in ((0, near), (image.height // 2, (near + far) / 2), (image.height - 12, far)):
        draw.text((image.width + 17, y), f"{depth:.1f}m", fill="white")
    return out


def _label(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str) -> None:
    plain = text.encode("ascii", "replace").decode()
    draw.rectangle(draw.textbbox(at, plain), fill="black")
    draw.text(at, plain, fill="white")
