"""The records that flow through the stages: frozen, validated where they are made.

Conventions, everywhere: pixel centres sit at integer (u, v), so an image spans -0.5 .. W - 0.5; boxes are
[x0, y0, x1, y1) in *edge* coordinates 0 .. W of the upright image (EXIF rotation applied); cameras follow
OpenCV (x right, y down, z forward), depth is z and not ray length; the canonical frame is metric,
right-handed, x right, y forward, z up. Suffixes say it: `_px`, `_m`, `_deg`, `_camera`, `_canonical`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]
Bool = NDArray[np.bool_]


class RejectCode(StrEnum):
    """Why a record, or one object of it, was left out. Stable: written to the rejects table."""

    MISSING_FILE = "missing_file"
    CHANGED_FILE = "changed_file"
    NOT_A_FILE = "not_a_file"
    NO_PERMISSION = "no_permission"
    EMPTY_FILE = "empty_file"
    NOT_AN_IMAGE = "not_an_image"
    TRUNCATED_IMAGE = "truncated_image"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    BAD_ASPECT = "bad_aspect"
    DUPLICATE = "duplicate"
    DUPLICATE_ID = "duplicate_id"
    UNSAFE_PATH = "unsafe_path"
    BAD_MANIFEST_LINE = "bad_manifest_line"
    BAD_DEPTH = "bad_depth"
    BAD_INSTANCES = "bad_instances"
    SIZE_MISMATCH = "size_mismatch"
    BAD_CAMERA = "bad_camera"
    BAD_GRAVITY = "bad_gravity"
    OBJECT_NOT_IN_MAP = "object_not_in_map"
    BAD_OBJECT = "bad_object"
    UNSAFE_TEXT = "unsafe_text"
    OUT_OF_MEMORY = "out_of_memory"
    KILLED_WORKER = "killed_worker"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class Reject:
    """A record, or one object of it, that was left out, and why. `object_id` is None for a whole record."""

    image_id: str
    stage: str
    code: RejectCode
    detail: str
    object_id: str | None = None


@dataclass(frozen=True, slots=True)
class Camera:
    """Pinhole intrinsics in pixels of the upright image; `sigma` is the relative error of the focal length."""

    fx: float
    fy: float
    cx: float
    cy: float
    source: str = "given"
    sigma: float = 0.0

    def __post_init__(self) -> None:
        values = (self.fx, self.fy, self.cx, self.cy)
        if not all(np.isfinite(values)) or self.fx <= 0 or self.fy <= 0:
            raise ValueError(f"camera intrinsics must be finite with positive focal lengths, not {values}")

    @property
    def K(self) -> F64:
        """The 3x3 intrinsic matrix."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])


@dataclass(frozen=True, slots=True, eq=False)
class Gravity:
    """`up_camera` (3,) float64: unit vector against gravity in OpenCV camera axes; one-sigma error in degrees."""

    up_camera: F64
    sigma_deg: float
    source: str  # "given", "floor", "vertical_structure", "prior"

    def __post_init__(self) -> None:
        if self.up_camera.shape != (3,) or abs(float(np.linalg.norm(self.up_camera)) - 1.0) > 1e-6:
            raise ValueError(f"up_camera must be a unit vector of shape (3,), not {self.up_camera!r}")


@dataclass(frozen=True, slots=True)
class Floor:
    """The floor, z = 0 of the canonical frame: the camera's height above it, with its one-sigma error (m)."""

    camera_height_m: float
    sigma_m: float


@dataclass(frozen=True, slots=True)
class Scale:
    """How far lengths can be trusted: one-sigma relative error common to all lengths of the scene."""

    sigma: float
    source: str  # "given" (a sensor), "model:<name>", "checked:<what>"


@dataclass(frozen=True, slots=True, eq=False)
class DepthMap:
    """z-depth, (h, w) float32, metres; NaN where there is no reading. May differ in size from the image.

    `sigma` is the relative one-sigma error of single readings, `scale_sigma` the one common to the whole map.
    """

    depth_m: F32
    source: str
    sigma: float = 0.0
    scale_sigma: float = 0.0

    def __post_init__(self) -> None:
        if self.depth_m.ndim != 2 or self.depth_m.dtype != np.float32:
            raise ValueError(f"depth must be (h, w) float32, not {self.depth_m.shape} {self.depth_m.dtype}")


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What a detector or a manifest found in one image, a struct of N-long fields.

    `boxes_px` (N, 4) float32 in edge coordinates; `scores` (N,) float32; `labels` lower-case class names;
    `object_ids` as text, unique in the image; `names` the words a source gave for an object, or None; `fronts` (N, 3)
    unit vectors that say where each one's front points, in OpenCV camera axes, NaN where not known, or None.
    """

    boxes_px: F32
    scores: F32
    labels: tuple[str, ...]
    object_ids: tuple[str, ...]
    names: tuple[str | None, ...]
    fronts: F64 | None = None

    def __post_init__(self) -> None:
        n = len(self.labels)
        if self.fronts is not None and self.fronts.shape != (n, 3):
            raise ValueError(f"{n} labels with fronts {self.fronts.shape}")
        if self.boxes_px.shape != (n, 4) or self.scores.shape != (n,):
            raise ValueError(f"{n} labels with boxes {self.boxes_px.shape} and scores {self.scores.shape}")
        if len(self.object_ids) != n or len(self.names) != n:
            raise ValueError(f"{n} labels with {len(self.object_ids)} ids and {len(self.names)} names")

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class InstanceMap:
    """Who each pixel belongs to: (H, W) int32 of the image's size, k + 1 for detection k, 0 for nobody.

    Values above the number of detections are unnamed things: geometry (occluders, supports) only.
    """

    ids: I32


@dataclass(frozen=True, slots=True)
class ObjectText:
    """The words perception found for one object. `color` is a plain colour word or None."""

    color: str | None = None
    caption: str | None = None


@dataclass(frozen=True, slots=True)
class ModelUse:
    """A model whose output a scene carries: role, name, revision or sha256, licence of the weights."""

    role: str
    name: str
    version: str
    license: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Frame:
    """What is known of one image on its way to a Scene. A stage returns it with more fields filled.

    `rgb` (H, W, 3) uint8, upright. `original_sha256` of the bytes as found; `content_sha256` of the pixels' file.
    `encoded` are the upright bytes to store once (None when images are stored by reference).
    Fields that a source gives (depth, camera, up, detections, instances) are used as they are.
    """

    image_id: str
    path: str
    original_sha256: str
    rgb: U8
    encoded: bytes | None = None
    image_format: str = ""
    exif_focal_35mm: float | None = None
    camera: Camera | None = None
    up_camera: F64 | None = None
    depth: DepthMap | None = None
    detections: Detections | None = None
    instances: InstanceMap | None = None
    texts: tuple[ObjectText, ...] | None = None
    gravity: Gravity | None = None
    scene: Scene | None = None
    models: tuple[ModelUse, ...] = ()
    object_rejects: tuple[Reject, ...] = ()

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of the upright image, pixels."""
        return self.rgb.shape[1], self.rgb.shape[0]


@dataclass(frozen=True, slots=True, eq=False)
class ObjectGeometry:
    """The estimated *whole* object in the canonical frame (metres), each value with its one-sigma error.

    Errors leave out the error of scale common to the scene (`Scale.sigma`); whoever needs lengths adds it.
    """

    center_m: F64  # (3,) centre of the upright box
    center_cov_m2: F64  # (3, 3)
    size_m: F64  # (3,) length >= width (horizontal), height
    size_sigma_m: F64  # (3,)
    volume_sigma: float  # relative one-sigma error of length * width * height
    yaw_deg: float | None  # [0, 180), +x to the length axis, counter-clockwise from above
    yaw_sigma_deg: float
    x_interval_m: F64  # (2,) min and max x over the whole object, the lateral interval
    width_sigma_m: float  # of the interval's length
    z_interval_m: F64  # (2,) bottom and top
    z_sigma_m: F64  # (2,)
    support_id: str | None  # object it stands on, "floor", or None when unknown
    points_m: F32  # (P, 3) a summary of the visible surface, P <= 64
    facing_deg: float | None = None  # where its front points, if known: [0, 360), clockwise from forward (+y)
    facing_sigma_deg: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class SceneObject:
    """One object of a scene. `geometry` is None where the whole object cannot be told (cut, mostly hidden)."""

    object_id: str
    label: str
    name: str | None  # given words, e.g. "purple table"
    text: ObjectText
    score: float
    box_px: F32  # (4,) bounds of the visible mask, edge coordinates
    mask_rle: bytes  # COCO compressed counts of the visible mask, size (H, W)
    pixels: int
    centroid_px: F64  # (2,) u, v of the visible mask
    cut: tuple[str, ...]  # image borders that cut it: "left", "right", "top", "bottom"
    visible_share: float  # estimated share of the silhouette that nothing hides, (0, 1]
    median_depth_m: float
    nearest_depth_m: float  # 2nd percentile of the visible z-depth
    depth_sigma_m: float  # one-sigma error of the two above, scale aside
    geometry: ObjectGeometry | None


@dataclass(frozen=True, slots=True)
class PairGeometry:
    """What takes both objects' surfaces to know. `a` and `b` are indices into `Scene.objects`, both with geometry.

    `gap_m`: smallest distance between the two whole surfaces. `inside_ab`: share of A's footprint inside B's;
    `rest_ab_m`: A's bottom minus B's surface under A (NaN where footprints are apart); and the same for B on A.
    """

    a: int
    b: int
    gap_m: float
    gap_sigma_m: float
    inside_ab: float
    inside_ba: float
    rest_ab_m: float
    rest_ba_m: float
    rest_sigma_m: float


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Everything that questions need, so that asking again takes neither image nor GPU."""

    image_id: str
    content_sha256: str
    width: int
    height: int
    camera: Camera
    gravity: Gravity | None  # None: nothing that needs gravity is asked
    forward_defined: bool  # False when the optical axis is within 15 degrees of vertical
    floor: Floor | None
    scale: Scale
    depth_source: str
    depth_sigma: float  # relative one-sigma error of single readings, as given or as measured in the scene
    depth_range_m: tuple[float, float]  # 1st and 99th percentile of the valid depth
    camera_center_m: F64  # (3,) canonical: (0, 0, camera height) with a floor, else the origin
    objects: tuple[SceneObject, ...]
    pairs: tuple[PairGeometry, ...]
    depth_samples: F32  # (D, 4) u_px, v_px, z-depth m, sigma m: points that depth_at_point may ask about
    free_floor_m: F32  # (F, 5) x, y canonical, clear radius m, u_px, v_px: seen, empty floor
    models: tuple[ModelUse, ...] = ()


@dataclass(frozen=True, slots=True)
class QA:
    """One question with its answer and the fact behind it: a row of the questions table (see `schema.py`)."""

    qa_id: str
    image_id: str
    question: str
    answer: str
    question_type: str
    form: str
    subjects: tuple[str, ...]
    status: str  # "decided", "same", "unknown"
    answer_value: float | None
    answer_values: tuple[float, ...] | None
    answer_unit: str
    sigma: float | None
    params: dict[str, Any] = field(default_factory=dict)
    template_id: str = ""
