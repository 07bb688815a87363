"""The objects and pairs of many scenes as flat arrays, so that one numpy call serves them all.

Every value depends on its own scene only. Lengths are metres in the canonical frame of each scene.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spatialgen.qa.keys import U64, mix, text_keys
from spatialgen.qa.names import Naming
from spatialgen.records import ObjectGeometry, PairGeometry, Scene, SceneObject

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

MAX_GRAVITY_SIGMA_DEG = 10.0
TRUSTED_SCALE_SIGMA = 0.05
MOSTLY_HIDDEN_SHARE = 0.4
ON_FLOOR, UNSUPPORTED = -1, -2


@dataclass(frozen=True, slots=True, eq=False)
class SceneColumns:
    """What is known of each scene, (S,) or (S, k)."""

    key: U64
    camera: F64  # (S, 3) canonical
    size_wh: F64  # (S, 2) pixels
    scale_sigma: F64  # relative, focal length included
    gravity_sigma: F64  # radians; 0 where gravity is unknown
    forward: Bool  # gravity is known and forward is defined
    gravity: Bool
    floor: Bool
    floor_sigma: F64
    depth_range: F64  # (S, 2)
    depth_noise: F64  # relative, of one pixel's depth


@dataclass(frozen=True, slots=True, eq=False)
class ObjectColumns:
    """What is known of each object, (M,) or (M, k); geometry is NaN where there is none."""

    scene: I64
    key: U64
    solid: Bool  # has a geometry
    hidden: Bool  # no geometry since the border cuts it or it is mostly hidden
    cut_sides: Bool  # by the left or the right border
    cut_ends: Bool  # by the top or the bottom border
    center: F64
    cov: F64  # (M, 3, 3)
    size: F64  # length, width, height
    size_sigma: F64
    volume: F64
    volume_sigma: F64  # relative
    yaw: F64  # NaN for round footprints
    yaw_sigma: F64
    x: F64  # (M, 2)
    x_sigma: F64  # of the interval's length
    z: F64  # (M, 2)
    z_sigma: F64
    support: I64  # index of the supporting object, ON_FLOOR or UNSUPPORTED
    facing: F64  # NaN unless the orientation is known
    facing_sigma: F64
    box: F64  # (M, 4) pixels
    centroid: F64  # (M, 2) pixels
    pixels: F64
    depth: F64  # median z
    near_depth: F64
    depth_sigma: F64
    camera_vector: F64  # (M, 3) centre minus camera
    camera_distance: F64
    camera_distance_sigma: F64


@dataclass(frozen=True, slots=True, eq=False)
class PairColumns:
    """Unordered pairs of askable solid objects, oriented by key and never by order of listing, (P,)."""

    scene: I64
    i: I64
    j: I64
    delta: F64  # (P, 3) centre of j minus centre of i
    cov: F64  # (P, 3, 3) of delta, gravity included
    gap: F64
    gap_sigma: F64
    inside_ij: F64  # share of the footprint of i inside that of j
    inside_ji: F64
    rest_ij: F64  # bottom of i minus surface of j under it
    rest_ji: F64
    rest_sigma: F64


@dataclass(frozen=True, slots=True, eq=False)
class SceneArrays:
    """Many scenes by the column. `askable` marks objects that a phrase singles out.

    `heads` are the labels with synonyms merged; `doubled` marks near-duplicate boxes of one object;
    `absent_labels` are what `exists` may ask about in vain; `max_sets` limits the sets of three and more
    objects that are looked at, for each scene and type (None: all of them).
    """

    scenes: Sequence[Scene]
    objects: Sequence[SceneObject]
    s: SceneColumns
    o: ObjectColumns
    p: PairColumns
    askable: Bool
    first: I64  # (S + 1,) objects of scene n are first[n] .. first[n + 1]
    heads: Sequence[str]
    doubled: Bool
    absent_labels: tuple[str, ...]
    max_sets: int | None


def projected_sigma(cov: F64, direction: F64) -> F64:
    """Return the standard deviation of a vector's component along `direction`: (n, 3, 3), (n, 3) -> (n,)."""
    total = np.zeros(len(cov))
    for row in range(3):
        for column in range(3):
            total = total + cov[:, row, column] * direction[:, row] * direction[:, column]
    return np.sqrt(np.maximum(total, 0.0))


def length_sigma(cov: F64, vectors: F64, axes: int = 3) -> F64:
    """Return the error of the length of (n, 3) vectors that use the first `axes` axes.

    A vector as short as its own error has no direction to speak of: the widest of its axes counts there.
    """
    variances = np.stack([cov[:, axis, axis] for axis in range(axes)], axis=1)
    widest = np.sqrt(np.max(variances, axis=1, initial=0.0))
    return np.where(norm(vectors) < 3.0 * widest, widest, projected_sigma(cov, unit(vectors)))


def unit(vectors: F64) -> F64:
    """Return the vectors scaled to length 1 (zero vectors stay zero), (n, k)."""
    return vectors / np.maximum(norm(vectors), 1e-12)[:, None]


def norm(vectors: F64) -> F64:
    """Return the lengths of (n, k) vectors, (n,)."""
    total = np.zeros(len(vectors))
    for column in range(vectors.shape[1]):
        total = total + vectors[:, column] ** 2
    return np.sqrt(total)


def build(
    scenes: Sequence[Scene],
    naming: Naming,
    seed: int,
    absent_labels: tuple[str, ...] = (),
    max_sets: int | None = None,
) -> SceneArrays:
    """Return the columns of `scenes`; `naming` says which of all their objects may be named."""
    objects = [o for scene in scenes for o in scene.objects]
    first = np.cumsum([0, *[len(s.objects) for s in scenes]])
    s = _scene_columns(scenes, seed)
    o = _object_columns(scenes, objects, s)
    return SceneArrays(
        scenes=scenes,
        objects=objects,
        s=s,
        o=o,
        p=_pair_columns(scenes, s, o, naming.askable, first),
        askable=naming.askable,
        first=first,
        heads=naming.heads,
        doubled=naming.doubled,
        absent_labels=absent_labels,
        max_sets=max_sets,
    )


def _scene_columns(scenes: Sequence[Scene], seed: int) -> SceneColumns:
    gravity = np.array([s.gravity is not None and s.gravity.sigma_deg <= MAX_GRAVITY_SIGMA_DEG for s in scenes], bool)
    sigma_deg = _column(scenes, lambda s: s.gravity.sigma_deg if s.gravity is not None else 0.0)
    scale = _column(scenes, lambda s: np.hypot(s.scale.sigma, s.camera.sigma))
    return SceneColumns(
        key=mix(text_keys([s.image_id for s in scenes]), text_keys([str(seed)])[0]),
        camera=_rows(scenes, lambda s: s.camera_center_m, 3),
        size_wh=_rows(scenes, lambda s: (s.width, s.height), 2),
        scale_sigma=scale,
        gravity_sigma=np.radians(sigma_deg),
        forward=gravity & np.array([s.forward_defined for s in scenes], bool),
        gravity=gravity,
        floor=gravity & np.array([s.floor is not None for s in scenes], bool),
        floor_sigma=_column(scenes, lambda s: s.floor.sigma_m if s.floor is not None else 0.0),
        depth_range=_rows(scenes, lambda s: s.depth_range_m, 2),
        depth_noise=_column(scenes, lambda s: s.depth_sigma),
    )


def _column(items: Sequence[object], get: Callable[..., object]) -> F64:
    return np.array([get(item) for item in items], np.float64).reshape(len(items))


def _rows(items: Sequence[object], get: Callable[..., object], width: int) -> F64:
    return np.array([get(item) for item in items], np.float64).reshape(len(items), width)


_NO_GEOMETRY = ObjectGeometry(
    center_m=np.full(3, np.nan),
    center_cov_m2=np.full((3, 3), np.nan),
    size_m=np.full(3, np.nan),
    size_sigma_m=np.full(3, np.nan),
    volume_sigma=np.nan,
    yaw_deg=None,
    yaw_sigma_deg=np.nan,
    x_interval_m=np.full(2, np.nan),
    width_sigma_m=np.nan,
    z_interval_m=np.full(2, np.nan),
    z_sigma_m=np.full(2, np.nan),
    support_id=None,
    points_m=np.zeros((0, 3), np.float32),
)


def _object_columns(scenes: Sequence[Scene], objects: Sequence[SceneObject], s: SceneColumns) -> ObjectColumns:
    scene = np.repeat(np.arange(len(scenes)), [len(x.objects) for x in scenes]).astype(np.int64)
    solid = np.array([o.geometry is not None for o in objects], bool)
    shapes = [o.geometry or _NO_GEOMETRY for o in objects]
    center = _rows(shapes, lambda g: g.center_m, 3)
    cov = np.array([g.center_cov_m2 for g in shapes], np.float64).reshape(len(objects), 3, 3)
    size = _rows(shapes, lambda g: g.size_m, 3)
    vector = center - s.camera[scene]
    cut = np.array([bool(o.cut) for o in objects], bool)
    hidden = np.array([o.visible_share < MOSTLY_HIDDEN_SHARE for o in objects], bool)
    return ObjectColumns(
        scene=scene,
        key=text_keys([o.object_id for o in objects]),
        solid=solid,
        hidden=~solid & (cut | hidden),
        cut_sides=np.array([bool({"left", "right"} & set(o.cut)) for o in objects], bool),
        cut_ends=np.array([bool({"top", "bottom"} & set(o.cut)) for o in objects], bool),
        center=center,
        cov=cov,
        size=size,
        size_sigma=_rows(shapes, lambda g: g.size_sigma_m, 3),
        volume=size[:, 0] * size[:, 1] * size[:, 2],
        volume_sigma=_column(shapes, lambda g: g.volume_sigma),
        yaw=_column(shapes, lambda g: np.nan if g.yaw_deg is None else g.yaw_deg),
        yaw_sigma=_column(shapes, lambda g: g.yaw_sigma_deg),
        x=_rows(shapes, lambda g: g.x_interval_m, 2),
        x_sigma=_column(shapes, lambda g: g.width_sigma_m),
        z=_rows(shapes, lambda g: g.z_interval_m, 2),
        z_sigma=_rows(shapes, lambda g: g.z_sigma_m, 2),
        support=_supports(scenes, shapes),
        facing=_column(shapes, lambda g: np.nan if g.facing_deg is None else g.facing_deg),
        facing_sigma=_column(shapes, lambda g: g.facing_sigma_deg),
        box=_rows(objects, lambda o: o.box_px, 4),
        centroid=_rows(objects, lambda o: o.centroid_px, 2),
        pixels=_column(objects, lambda o: o.pixels),
        depth=_column(objects, lambda o: o.median_depth_m),
        near_depth=_column(objects, lambda o: o.nearest_depth_m),
        depth_sigma=_column(objects, lambda o: o.depth_sigma_m),
        camera_vector=vector,
        camera_distance=norm(vector),
        camera_distance_sigma=projected_sigma(cov, unit(vector)),
    )


def _supports(scenes: Sequence[Scene], shapes: Sequence[ObjectGeometry]) -> I64:
    result, start = [], 0
    for scene in scenes:
        index = {o.object_id: start + k for k, o in enumerate(scene.objects)}
        names = {None: UNSUPPORTED, "floor": ON_FLOOR} | index
        result += [names.get(g.support_id, UNSUPPORTED) for g in shapes[start : start + len(scene.objects)]]
        start += len(scene.objects)
    return np.array(result, np.int64)


def _pair_columns(scenes: Sequence[Scene], s: SceneColumns, o: ObjectColumns, askable: Bool, first: I64) -> PairColumns:
    usable = o.solid & askable
    blocks = []
    for n in range(len(scenes)):
        members = first[n] + np.flatnonzero(usable[first[n] : first[n + 1]])
        a, b = np.triu_indices(len(members), 1)
        blocks.append(np.stack([members[a], members[b]], axis=1))
    pairs = np.concatenate([np.zeros((0, 2), np.int64), *blocks])
    swapped = o.key[pairs[:, 0]] > o.key[pairs[:, 1]]
    i = np.where(swapped, pairs[:, 1], pairs[:, 0])
    j = np.where(swapped, pairs[:, 0], pairs[:, 1])
    delta = o.center[j] - o.center[i]
    surfaces = _surface_rows(scenes, first, i, j)
    return PairColumns(o.scene[i], i, j, delta, _pair_cov(s, o, i, j, delta), *surfaces)


def _pair_cov(s: SceneColumns, o: ObjectColumns, i: I64, j: I64, delta: F64) -> F64:
    """A tilt g of the vertical moves a height difference by g times the horizontal distance, and back.

    Both objects share it, so what each one's covariance holds of it about the camera is taken back first. They share
    the error of the floor too, as it counts for the heights of either.
    """
    cov = o.cov[i] + o.cov[j]
    g2 = s.gravity_sigma[o.scene[i]] ** 2
    for k in (i, j):
        ray = o.camera_vector[k]
        cov[:, 2, 2] -= g2 * (ray[:, 0] ** 2 + ray[:, 1] ** 2) / 2.0
        for axis in (0, 1):
            cov[:, axis, axis] -= g2 * ray[:, 2] ** 2
        cov[:, 2, 2] -= s.floor_sigma[o.scene[k]] ** 2 / 2.0
    for axis in range(3):
        cov[:, axis, axis] = np.maximum(cov[:, axis, axis], 0.0)
    cov[:, 2, 2] += g2 * (delta[:, 0] ** 2 + delta[:, 1] ** 2)
    on_floor = (o.support == ON_FLOOR).astype(np.float64)
    cov[:, 2, 2] += (s.floor_sigma[o.scene[i]] * (on_floor[i] - on_floor[j]) / 2.0) ** 2
    for axis in (0, 1):
        cov[:, axis, axis] += g2 * delta[:, 2] ** 2
    return cov


def _surface_rows(scenes: Sequence[Scene], first: I64, i: I64, j: I64) -> tuple[F64, ...]:
    table = {(first[n] + p.a, first[n] + p.b): p for n, scene in enumerate(scenes) for p in scene.pairs}
    rows = np.full((len(i), 7), np.nan)
    for k, (a, b) in enumerate(zip(i.tolist(), j.tolist(), strict=True)):
        if (pair := table.get((a, b))) is not None:
            rows[k] = _surfaces(pair)
        elif (pair := table.get((b, a))) is not None:
            gap, gap_sigma, ab, ba, rest_ab, rest_ba, sigma = _surfaces(pair)
            rows[k] = gap, gap_sigma, ba, ab, rest_ba, rest_ab, sigma
    return tuple(np.ascontiguousarray(rows[:, k]) for k in range(7))


def _surfaces(p: PairGeometry) -> tuple[float, ...]:
    return p.gap_m, p.gap_sigma_m, p.inside_ab, p.inside_ba, p.rest_ab_m, p.rest_ba_m, p.rest_sigma_m
