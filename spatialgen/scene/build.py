"""From what perception found in one image to its Scene: canonical frame, floor, whole objects, pairs."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from spatialgen.geometry.camera import depth_on_image_grid
from spatialgen.geometry.clouds import Cloud, at_places, object_clouds
from spatialgen.geometry.crops import Crop, bounds_of, crop_object, lay_out
from spatialgen.geometry.estimate import estimate_wholes
from spatialgen.geometry.floor import FloorFit, find_floor
from spatialgen.geometry.frames import PICTURE_UP, View, canonical_from_camera, forward_is_defined
from spatialgen.geometry.gravity import gravity_from_scene
from spatialgen.geometry.gravity_prior import settle_gravity
from spatialgen.geometry.grid import Grid, sample_grid
from spatialgen.geometry.kinds import deepest_board_m, with_hidden_back, with_hidden_front, with_hidden_handle
from spatialgen.geometry.masks import EdgeQuality, edge_quality, restored
from spatialgen.geometry.noise import DepthNoise, local_noise, measure_noise
from spatialgen.geometry.scale import checked_scale
from spatialgen.geometry.surfaces import seen_through, whole_surface
from spatialgen.geometry.thin import thin_parts
from spatialgen.geometry.visibility import visible_shares
from spatialgen.records import (
    F32,
    I32,
    Camera,
    Detections,
    Floor,
    Frame,
    Gravity,
    ObjectGeometry,
    ObjectText,
    PairGeometry,
    Scene,
    SceneObject,
)
from spatialgen.scene.config import LiftConfig
from spatialgen.scene.image_facts import ImageFacts, image_facts
from spatialgen.scene.measures import Errors, object_geometry, pair_geometry
from spatialgen.scene.samples import depth_samples, free_floor
from spatialgen.scene.supports import FLOOR, Standing, settle

_FLOOR_ROUNDING = 3e-8
"""Least relative error of the camera's height: that of its readings, which are all rounded alike."""

_LEVEL_FRONT = 0.5
"""Sine of the angle at which a front points so far up or down that its compass direction means little."""

_COVERED_SHARE = 0.03
"""A border so little of which something covers is covered by nothing: a thing meets what it stands on there."""

UNKNOWN_GRAVITY_SIGMA_DEG = 12.0
"""How far off the picture's top may be from up, where nothing better is known: distances survive it, no more."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The scene before its objects: gravity if known, the canonical view, the floor if found, the depth's noise."""

    gravity: Gravity | None
    view: View
    fit: FloorFit | None
    floor_sigma_m: float
    noise: DepthNoise


@dataclass(slots=True, eq=False)
class _Seen:
    """An object in the making: its index among the detections, image facts, visible surface and pixels."""

    index: int
    facts: ImageFacts
    cloud: Cloud | None
    crop: Crop
    share: float = 1.0


def build_scene(frame: Frame, config: LiftConfig) -> Scene:
    """Return the scene of a frame that has `camera`, `depth`, `detections` and `instances`.

    Gravity is taken from `up_camera` or a given `gravity`; else found in the scene, with `gravity` as the prior.
    Raises ValueError naming the field if one of the four is missing, or if instances and image differ in size.
    """
    camera, detections, ids = _required(frame)
    width, height = frame.size_wh
    assert frame.depth is not None
    depth = depth_on_image_grid(frame.depth.depth_m, width, height)
    grid = sample_grid(depth, ids, len(detections))
    ground = find_ground(frame, grid)
    seen, quality = _look(detections, depth, ids, ground)
    geometries, pairs = _lift(seen, quality, depth, ids, ground, detections, config)
    objects = tuple(
        _scene_object(s, geometries.get(k), detections, frame.texts, ground.noise) for k, s in enumerate(seen)
    )
    outlines = [_outline(g) for g in geometries.values()]
    floor = None if ground.fit is None else Floor(ground.fit.camera_height_m, ground.floor_sigma_m)
    return Scene(
        image_id=frame.image_id,
        content_sha256=frame.original_sha256,
        width=width,
        height=height,
        camera=camera,
        gravity=ground.gravity,
        forward_defined=ground.gravity is not None and forward_is_defined(ground.gravity.up_camera),
        floor=floor,
        scale=checked_scale(frame.depth, camera, floor, objects, config.check_scale),
        depth_source=frame.depth.source,
        depth_sigma=ground.noise.sigma,
        depth_range_m=_depth_range(depth),
        camera_center_m=np.array([0.0, 0.0, ground.view.height_m]),
        objects=objects,
        pairs=pairs,
        depth_samples=depth_samples(depth, ground.noise.sigma, config.depth_samples, frame.image_id),
        free_floor_m=np.zeros((0, 5), np.float32)
        if ground.fit is None
        else free_floor(grid, ground.fit.ratio, ground.view, outlines, config.free_floor_points, frame.image_id),
        models=frame.models,
    )


def _required(frame: Frame) -> tuple[Camera, Detections, I32]:
    for name in ("camera", "depth", "detections", "instances"):
        if getattr(frame, name) is None:
            raise ValueError(f"frame {frame.image_id} has no {name}; run the stage that fills it before lifting")
    assert frame.camera is not None
    assert frame.detections is not None
    assert frame.instances is not None
    ids = frame.instances.ids
    if ids.shape != frame.rgb.shape[:2]:
        raise ValueError(f"frame {frame.image_id}: instances {ids.shape} and image {frame.rgb.shape[:2]} differ")
    return frame.camera, frame.detections, ids


def find_ground(frame: Frame, grid: Grid) -> Ground:
    """Return gravity, view, floor and noise of a frame, from its sparse grid of depth samples."""
    assert frame.camera is not None
    assert frame.depth is not None
    gravity = _given_gravity(frame)
    if gravity is None:
        seen = gravity_from_scene(grid, frame.camera, frame.gravity)
        gravity = settle_gravity(seen, frame.gravity, frame.depth.sigma)
    up = PICTURE_UP if gravity is None else gravity.up_camera
    view = View(frame.camera, canonical_from_camera(up))
    fit = None if gravity is None else find_floor(grid, grid.points(view))
    noise = None if fit is None else measure_noise(fit.ratio, grid, frame.depth.sigma)
    noise = noise or local_noise(grid, frame.depth.sigma)
    if fit is None:
        return Ground(gravity, view, None, 0.0, noise)
    area = float(np.isfinite(fit.ratio).sum()) * grid.stride**2
    patches = max(area / (2 * np.pi * noise.reach_px**2), 1.0)
    sigma = fit.camera_height_m * max(noise.sigma / float(np.sqrt(patches)), _FLOOR_ROUNDING)
    return Ground(gravity, replace(view, height_m=fit.camera_height_m), fit, sigma, noise)


def _given_gravity(frame: Frame) -> Gravity | None:
    if frame.gravity is not None and frame.gravity.source == "given":
        return frame.gravity
    if frame.up_camera is None:
        return None
    up = np.asarray(frame.up_camera, np.float64)
    return Gravity(up / np.linalg.norm(up), 0.0, "given")


def _look(detections: Detections, depth: F32, ids: I32, ground: Ground) -> tuple[list[_Seen], EdgeQuality]:
    """Return the image facts and the visible surface of every object that has pixels, its mask set right."""
    height, width = ids.shape
    bounds = bounds_of(ids, len(detections))
    crops = {k: crop_object(depth, ids, k + 1, b) for k, b in enumerate(bounds) if b is not None}
    strip = lay_out(list(crops.values()))
    quality = edge_quality(strip)
    if not quality.is_clean:
        crops = _restored(crops, quality, depth, ids)
        strip = lay_out(list(crops.values()))
    floor_m = None if ground.fit is None else 0.01 + 2 * ground.noise.sigma * ground.view.height_m
    clouds = object_clouds(strip, ground.view, quality.look_px, floor_m, ground.noise.sigma, quality.sigma_px)
    seen: list[_Seen] = []
    for (k, crop), cloud in zip(crops.items(), clouds, strict=True):
        facts = image_facts(crop, width, height, quality.agrees)
        if facts is not None:
            seen.append(_Seen(k, facts, cloud, crop))
    return seen, quality


def _restored(crops: dict[int, Crop], quality: EdgeQuality, depth: F32, ids: I32) -> dict[int, Crop]:
    """Return the crops, by position among the detections, with their masks set right."""
    if quality.offset_px == 0:
        return {k: restored(crop, quality) for k, crop in crops.items()}
    thin = thin_parts(depth, ids, quality.offset_px)
    bounds = bounds_of(np.where(thin > 0, thin, ids), max(crops, default=-1) + 1)
    away = np.full(max(int(ids.max()), 0) + 1, np.inf)
    away[[k + 1 for k in crops]] = [_median_depth_m(crop) for crop in crops.values()]
    found: dict[int, Crop] = {}
    for k in crops:
        window = bounds[k]
        if window is not None:
            crop = crop_object(depth, ids, k + 1, window)
            own = crop_object(depth, thin, k + 1, window)
            found[k] = restored(crop, quality, k + 1, own.ids, away[np.maximum(crop.ids, 0)] < away[k + 1])
    return found


def _median_depth_m(crop: Crop) -> float:
    depths = crop.depth_m[crop.readings]
    return float(np.median(depths)) if len(depths) else float("inf")


def _lift(
    seen: list[_Seen],
    quality: EdgeQuality,
    depth: F32,
    ids: I32,
    ground: Ground,
    detections: Detections,
    config: LiftConfig,
) -> tuple[dict[int, ObjectGeometry], tuple[PairGeometry, ...]]:
    """Return the geometry of the objects that can be told, by position in `seen`, and of their pairs."""
    eye = np.array([0.0, 0.0, ground.view.height_m])
    gravity_sigma = UNKNOWN_GRAVITY_SIGMA_DEG if ground.gravity is None else ground.gravity.sigma_deg
    errors = Errors(ground.view, ground.noise, gravity_sigma, ground.floor_sigma_m)
    tolerance = 0.01 + 0.5 * ground.noise.sigma
    clouds: dict[int, Cloud] = {}
    for k, item in enumerate(seen):
        if item.cloud is not None:
            clouds[k] = item.cloud
    margin = 0.01 + 2 * ground.noise.sigma
    through = partial(seen_through, view=ground.view, depth_m=depth, margin=margin)
    ways = [through if _may_be_told(seen[k], config) else None for k in clouds]
    labels = [detections.labels[seen[k].index] for k in clouds]
    estimates = estimate_wholes(
        list(clouds.values()), [deepest_board_m(label) for label in labels], eye, tolerance, ways
    )
    wholes = [
        with_hidden_front(with_hidden_handle(whole, label, _is_unsure(cloud, quality)), label, eye)
        for whole, label, cloud in zip(estimates, labels, clouds.values(), strict=True)
    ]
    wholes = [
        with_hidden_back(whole, label, through) if cloud.rim.is_covered.any() else whole
        for whole, label, cloud in zip(wholes, labels, clouds.values(), strict=True)
    ]
    standings = settle(
        wholes,
        list(clouds.values()),
        None if ground.fit is None else ground.floor_sigma_m,
        ground.noise.sigma,
        ground.view.height_m,
        through,
        not quality.is_clean,
    )
    owners, pixels = [seen[k].index + 1 for k in clouds], [seen[k].facts.pixels for k in clouds]
    shares = visible_shares([s.whole for s in standings], owners, pixels, ground.view, depth, ids)
    for k, share in zip(clouds, shares, strict=True):
        seen[k].share = share
    names = [detections.object_ids[seen[k].index] for k in clouds]
    geometries = {
        k: object_geometry(s, _support_name(s, names), cloud, errors, _facing(detections, seen[k].index, errors))
        for (k, cloud), s in zip(clouds.items(), standings, strict=True)
        if _is_whole(seen[k], config, quality)
    }
    places = list(clouds)
    surfaces = {
        i: whole_surface(clouds[k], standings[i].whole, seen[k].crop, ground.view, depth, margin)
        for i, k in enumerate(places)
        if k in geometries
    }
    pairs = tuple(
        replace(
            pair_geometry(i, j, (standings[i], standings[j]), (surfaces[i], surfaces[j]), errors),
            a=places[i],
            b=places[j],
        )
        for i, j in itertools.combinations(surfaces, 2)
    )
    return geometries, pairs


def _is_unsure(cloud: Cloud, quality: EdgeQuality) -> bool:
    """Return whether a part may be missing at a side of what is seen: covered, unread, or lost by its mask."""
    covered = int(np.count_nonzero(cloud.rim.is_covered))
    unread = cloud.rim.lost_m.shape[1] > 0 or not cloud.rim.is_read.all()
    return not quality.is_clean or unread or covered > _COVERED_SHARE * len(cloud.rim.is_covered)


def _is_whole(item: _Seen, config: LiftConfig, quality: EdgeQuality) -> bool:
    """Return whether enough of an object is seen to tell its size: neither cut nor mostly hidden nor tiny."""
    least = config.min_visible_share if quality.is_clean else config.min_restored_share
    return _may_be_told(item, config) and item.share >= least


def _may_be_told(item: _Seen, config: LiftConfig) -> bool:
    """Return whether an object can be told at all, however much of it is hidden."""
    return item.facts.pixels >= config.min_pixels and not item.facts.cut


def _support_name(standing: Standing, names: list[str]) -> str | None:
    if standing.support is None:
        return None
    return "floor" if standing.support == FLOOR else names[standing.support]


def _facing(detections: Detections, index: int, errors: Errors) -> tuple[float, float] | None:
    """Return where a given front points and its error, degrees clockwise from forward; None where it is not level."""
    if detections.fronts is None or not np.isfinite(detections.fronts[index]).all():
        return None
    x, y, z = (errors.view.rotation @ detections.fronts[index]).tolist()
    if abs(z) > _LEVEL_FRONT:
        return None
    return math.degrees(math.atan2(x, y)) % 360.0, errors.gravity_sigma_deg


def _scene_object(
    item: _Seen,
    geometry: ObjectGeometry | None,
    detections: Detections,
    texts: tuple[ObjectText, ...] | None,
    noise: DepthNoise,
) -> SceneObject:
    k, facts, cloud = item.index, item.facts, item.cloud
    median = float("nan") if cloud is None else cloud.median_depth_m
    nearest = float("nan") if cloud is None else cloud.nearest_depth_m
    return SceneObject(
        object_id=detections.object_ids[k],
        label=detections.labels[k],
        name=detections.names[k],
        text=ObjectText() if texts is None else texts[k],
        score=float(detections.scores[k]),
        box_px=facts.box_px,
        mask_rle=facts.mask_rle,
        pixels=facts.pixels,
        centroid_px=facts.centroid_px,
        cut=facts.cut,
        visible_share=item.share,
        median_depth_m=median,
        nearest_depth_m=nearest,
        depth_sigma_m=0.0 if cloud is None else _depth_sigma_m(cloud, noise),
        geometry=geometry,
    )


def _depth_sigma_m(cloud: Cloud, noise: DepthNoise) -> float:
    """Return the error of an object's median and nearest depth: noise, and which pixels were taken for its own."""
    return float(np.hypot(noise.sigma * cloud.median_depth_m, cloud.depth_doubt_m))


def _outline(geometry: ObjectGeometry) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the corners (4, 2) of an object's footprint."""
    angle = np.radians(geometry.yaw_deg or 0.0)
    u = np.array([np.cos(angle), np.sin(angle)]) * geometry.size_m[0] / 2
    v = np.array([-np.sin(angle), np.cos(angle)]) * geometry.size_m[1] / 2
    return np.asarray(geometry.center_m[:2] + np.array([-u - v, u - v, u + v, v - u]))


def _depth_range(depth: F32) -> tuple[float, float]:
    """Return the 1st and 99th percentile of the valid depth.

    They are looked for below and above the 2nd and 98th of a sample, which mostly saves reordering the whole map.
    """
    some = depth[2::7, 2::7].ravel()
    some = some[np.isfinite(some)]
    if not len(some):
        return float("nan"), float("nan")
    low, high = np.partition(some, (len(some) // 50, -(len(some) // 50) - 1))[[len(some) // 50, -(len(some) // 50) - 1]]
    ends = depth[(depth <= low) | (depth >= high)]
    last = np.count_nonzero(np.isfinite(depth)) - 1
    place = 0.01 * last
    near_ends = np.count_nonzero(ends <= low)
    if math.ceil(place) >= min(near_ends, len(ends) - near_ends):  # too few lie beyond what the sample says
        near, far = at_places(depth[np.isfinite(depth)], [place, last - place])
    else:
        near, far = at_places(ends, [place, len(ends) - 1 - place])
    return near, far
