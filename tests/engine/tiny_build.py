"""A small source and cheap stages to try the engine with, also as a program that tests start and kill."""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from spatialgen.config.models import RayConfig, RunConfig
from spatialgen.engine.executor import open_executor
from spatialgen.engine.making import Hands, settle
from spatialgen.engine.perceiving import PerceiveSpec, plan_perceive, run_perceive
from spatialgen.engine.plan import Pool
from spatialgen.engine.run import Tally, terminable
from spatialgen.engine.stage import Resources, Stage
from spatialgen.errors import SpatialgenError
from spatialgen.records import (
    Camera,
    DepthMap,
    Frame,
    ObjectText,
    Reject,
    RejectCode,
    Scale,
    Scene,
    SceneObject,
)
from spatialgen.reports import Silent
from spatialgen.seeding import rng
from spatialgen.sources.base import PlanRow
from spatialgen.store.layout import BuildPaths
from spatialgen.store.lease import Lease
from spatialgen.store.manifest import Manifest
from spatialgen.store.plan import UnitLimits

BAD = "img00005"
LISTED_BAD = "img00009"
ONE_CPU = Resources()


@dataclass(frozen=True)
class TinySource:
    """`count` pictures with depth, made from their names. One is refused when listed, one when read."""

    count: int
    side: int = 24
    bad: tuple[str, ...] = (BAD,)
    listed_bad: tuple[str, ...] = (LISTED_BAD,)

    def list(self) -> Iterator[PlanRow | Reject]:
        for i in range(self.count):
            name = f"img{i:05d}"
            if name in self.listed_bad:
                yield Reject(name, "list", RejectCode.EMPTY_FILE, "the file has no bytes")
            else:
                yield PlanRow(name, name.encode(), 1000, 0)

    def read(self, row: PlanRow) -> tuple[Frame | Reject, tuple[Reject, ...]]:
        name = row.image_id
        if name in self.bad:
            return Reject(name, "read", RejectCode.TRUNCATED_IMAGE, "cut short"), ()
        random = rng("tiny", name)
        rgb = random.integers(0, 256, (self.side, self.side, 3), np.uint8)
        sink = io.BytesIO()
        Image.fromarray(rgb).save(sink, "PNG")
        note = Reject(name, "read", RejectCode.OBJECT_NOT_IN_MAP, "id 7 is not in the map", "7")
        frame = Frame(
            image_id=name,
            path=name,
            original_sha256=hashlib.sha256(sink.getvalue()).hexdigest(),
            rgb=rgb,
            encoded=sink.getvalue(),
            depth=DepthMap(random.uniform(1.0, 4.0, (self.side, self.side)).astype(np.float32), "given"),
        )
        return frame, (note,) if name.endswith("3") else ()


@dataclass
class Blur:
    """A stage whose result depends on how it is batched, as real networks' last bits do."""

    name: str = "blur"
    version: str = "1"
    resources: Resources = ONE_CPU
    batch_size: int = 4
    reads: frozenset[str] = frozenset({"rgb"})
    writes: frozenset[str] = frozenset({"camera"})
    seconds: float = 0.0

    def setup(self) -> None:
        self.ready = True

    def __call__(self, batch: Sequence[Frame]) -> list[Frame | Reject]:
        assert self.ready
        time.sleep(self.seconds * len(batch))
        focal = 20.0 + float(np.mean([f.rgb.mean() for f in batch]))
        return [replace(f, camera=Camera(focal, focal, 11.5, 11.5, "blur", 0.1)) for f in batch]

    def close(self) -> None:
        self.ready = False


@dataclass
class Faulty:
    """Fails as it is told, on the records it is told. `marker` files make it fail only so often."""

    kills: tuple[str, ...] = ()
    raises: tuple[str, ...] = ()
    once: str = ""  # a folder: die at each record of `kills` only once
    name: str = "faulty"
    version: str = "1"
    resources: Resources = ONE_CPU
    batch_size: int = 8
    reads: frozenset[str] = frozenset({"rgb"})
    writes: frozenset[str] = frozenset()

    def setup(self) -> None:
        pass

    def __call__(self, batch: Sequence[Frame]) -> list[Frame | Reject]:
        for frame in batch:
            if frame.image_id in self.kills and self._first(frame.image_id):
                os._exit(9)
            if frame.image_id in self.raises:
                raise ZeroDivisionError(f"no luck with {frame.image_id}")
        return list(batch)

    def _first(self, name: str) -> bool:
        if not self.once:
            return True
        try:
            os.close(os.open(Path(self.once, name), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def close(self) -> None:
        pass


@dataclass
class TinyLift:
    """Makes a scene with one object of each frame."""

    name: str = "lift"
    version: str = "1"
    resources: Resources = ONE_CPU
    batch_size: int = 1
    reads: frozenset[str] = frozenset({"camera", "depth"})
    writes: frozenset[str] = frozenset({"scene"})

    def setup(self) -> None:
        pass

    def __call__(self, batch: Sequence[Frame]) -> list[Frame | Reject]:
        return [replace(f, scene=_scene(f)) for f in batch]

    def close(self) -> None:
        pass


def _scene(frame: Frame) -> Scene:
    assert frame.camera is not None
    assert frame.depth is not None
    depth = frame.depth.depth_m
    width, height = frame.size_wh
    thing = SceneObject(
        object_id="1",
        label="mug",
        name=None,
        text=ObjectText("red"),
        score=0.5,
        box_px=np.array([1, 1, 5, 5], np.float32),
        mask_rle=b"",
        pixels=16,
        centroid_px=np.array([2.5, 2.5]),
        cut=(),
        visible_share=1.0,
        median_depth_m=float(np.median(depth)),
        nearest_depth_m=float(depth.min()),
        depth_sigma_m=0.01,
        geometry=None,
    )
    return Scene(
        image_id=frame.image_id,
        content_sha256=frame.original_sha256,
        width=width,
        height=height,
        camera=frame.camera,
        gravity=None,
        forward_defined=True,
        floor=None,
        scale=Scale(0.0, "given"),
        depth_source="given",
        depth_sigma=0.0,
        depth_range_m=(1.0, 4.0),
        camera_center_m=np.zeros(3),
        objects=(thing,),
        pairs=(),
        depth_samples=np.zeros((0, 4), np.float32),
        free_floor_m=np.zeros((0, 5), np.float32),
    )


FUSED = (("all", ("read", "blur", "faulty", "lift", "write")),)
POOLED = (("in", ("read", "blur")), ("middle", ("faulty",)), ("out", ("lift", "write")))


@dataclass(frozen=True)
class Tiny:
    """One tiny build. `workers` is the number of actors of each pool on Ray."""

    out: Path
    count: int = 100
    executor: str = "inprocess"
    pools: tuple[tuple[str, tuple[str, ...]], ...] = FUSED
    workers: int = 1
    unit_images: int = 8
    seconds: float = 0.0
    shard_bytes: int = 30_000
    faulty: Faulty = field(default_factory=Faulty)
    source: TinySource | None = None
    parts: tuple[tuple[str, object], ...] = (("seed", 0),)
    max_internal_errors: int = 100
    max_reject_fraction: float = 0.5
    address: str | None = None

    def spec(self) -> PerceiveSpec:
        stages: tuple[Stage, ...] = (Blur(seconds=self.seconds), self.faulty, TinyLift())
        return PerceiveSpec(
            root=self.out,
            source=self.source or TinySource(self.count),
            stages=stages,
            pools=tuple(Pool(n, s, 1.0, 0.0, self.workers, self.workers) for n, s in self.pools),
            parts=dict(self.parts),
            limits=UnitLimits(self.unit_images),
            shard_bytes=self.shard_bytes,
            run=RunConfig(
                max_internal_errors=self.max_internal_errors,
                max_reject_fraction=self.max_reject_fraction,
            ),
        )

    def make(self, extend: bool = False, retry_rejects: bool = False) -> tuple[Manifest, Tally | None]:
        """Plan and run, as `spatialgen perceive` does."""
        self.out.mkdir(parents=True, exist_ok=True)
        ray = RayConfig(num_cpus=max(2, self.workers * len(self.pools)), address=self.address)
        lease = Lease(BuildPaths(self.out).lease, 60.0)
        with terminable(), lease, open_executor(self.executor, ray) as executor:
            info = plan_perceive(self.spec(), extend, Silent())
            made = run_perceive(self.spec(), info, Hands(lease, executor, Silent()), retry_rejects)
        settle(self.spec().run, made)
        return made


def contents(out: Path) -> dict[str, bytes]:
    """Return every file of a finished build but the runs, by its path."""
    files = (p for p in sorted(out.rglob("*")) if p.is_file() and "runs" not in p.parts)
    return {str(p.relative_to(out)): p.read_bytes() for p in files}


def main() -> int:
    """Make a tiny build from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--executor", default="inprocess")
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--address")
    given = parser.parse_args()
    tiny = Tiny(
        given.out,
        given.count,
        given.executor,
        seconds=given.seconds,
        workers=given.workers,
        address=given.address,
    )
    try:
        tiny.make()
    except SpatialgenError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    # Under its own name, so that Ray's workers find the classes.
    from tiny_build import main as named_main

    sys.exit(named_main())
