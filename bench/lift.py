"""Lifting on one core: time by step, growth with pixels and objects, and the ratio to a straightforward pipeline.

    python bench/lift.py [--frames 6] [--rounds 5]

Processor time (`time.process_time`), the best of several rounds over the same frames, `up` given. The baseline does
the plain thing with open3d: for each object a cloud of all its pixels, statistical outliers removed, an oriented
box; the distances between all pairs of clouds; a RANSAC plane for the floor.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from spatialgen.engine.threads import single_thread
from spatialgen.geometry.camera import unproject
from spatialgen.geometry.o3d import load_open3d
from spatialgen.records import Frame
from spatialgen.scene import build
from spatialgen.scene.build import build_scene
from spatialgen.scene.config import LiftConfig
from spatialgen.testing.frames import to_frame
from spatialgen.testing.render import render
from spatialgen.testing.scenes import sample_scene

STEPS = (
    "depth_on_image_grid",
    "find_ground",
    "bounds_of",
    "crop_object",
    "lay_out",
    "edge_quality",
    "restored",
    "image_facts",
    "object_clouds",
    "estimate_wholes",
    "settle",
    "whole_surface",
    "visible_shares",
    "object_geometry",
    "pair_geometry",
    "depth_samples",
    "free_floor",
)


def frames_with(objects: int | None, count: int, size_wh: tuple[int, int] = (640, 480)) -> list[Frame]:
    """Return `count` furnished rooms of that many visible objects (None: any number)."""
    found: list[Frame] = []
    for seed in range(2000):
        scene = sample_scene(seed, size_wh=size_wh)
        if objects is not None and len(scene.objects) < objects:
            continue
        frame = to_frame(scene, render(scene, shadows=False))
        assert frame.detections is not None
        if objects is None or len(frame.detections) == objects:
            found.append(frame)
        if len(found) == count:
            break
    return found


def best_ms(work: Callable[[Frame], object], frames: list[Frame], rounds: int) -> float:
    """Return the best processor time a frame, milliseconds."""
    for frame in frames:
        work(frame)
    times = []
    for _ in range(rounds):
        start = time.process_time()
        for frame in frames:
            work(frame)
        times.append(time.process_time() - start)
    return 1e3 * min(times) / len(frames)


def lift(frame: Frame) -> object:
    """What is measured."""
    return build_scene(frame, LiftConfig())


def straightforward(frame: Frame) -> object:
    """The baseline, with open3d (see the module's docstring)."""
    o3d = load_open3d()
    assert frame.depth is not None
    assert frame.instances is not None
    assert frame.camera is not None
    depth, ids = frame.depth.depth_m, frame.instances.ids
    height, width = depth.shape
    points = unproject(frame.camera, np.arange(width), np.arange(height)[:, None], depth).reshape(3, -1)
    usable = np.isfinite(points[2])
    owner = ids.ravel()

    def cloud_of(member: np.ndarray[Any, Any]) -> Any:
        return o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points[:, member].T.astype(np.float64)))

    o3d.utility.random.seed(0)
    cloud_of(usable & (owner == 0)).segment_plane(0.02, 3, 200)
    clouds = []
    for k in range(1, int(ids.max()) + 1):
        cloud = cloud_of(usable & (owner == k))
        if len(cloud.points) < 20:
            continue
        cloud, _ = cloud.remove_statistical_outlier(20, 2.0)
        cloud.get_minimal_oriented_bounding_box(robust=True)
        clouds.append(cloud)
    return [np.asarray(a.compute_point_cloud_distance(b)).min() for i, a in enumerate(clouds) for b in clouds[i + 1 :]]


@contextmanager
def timed_steps(spent: dict[str, float]) -> Iterator[None]:
    """Add up in `spent` the seconds that each step of `build_scene` takes."""
    originals = {name: getattr(build, name) for name in STEPS}

    def timed(name: str) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            start = time.process_time()
            result = originals[name](*args, **options)
            spent[name] += time.process_time() - start
            return result

        return call

    for name in STEPS:
        setattr(build, name, timed(name))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(build, name, original)


def print_steps(frames: list[Frame], rounds: int) -> None:
    """Print the time by step, the largest first."""
    spent: dict[str, float] = defaultdict(float)
    with timed_steps(spent):
        for _ in range(rounds):
            for frame in frames:
                lift(frame)
    for name, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"  {name:22s}{1e3 * seconds / rounds / len(frames):8.2f} ms")


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    single_thread()
    six = frames_with(6, options.frames)
    ours = best_ms(lift, six, options.rounds)
    print(f"640 x 480, 6 objects, up given: {ours:.1f} ms a frame")
    print_steps(six, options.rounds)
    no_up = [replace(frame, up_camera=None) for frame in six]
    print(f"finding gravity as well: {best_ms(lift, no_up, options.rounds) - ours:+.1f} ms")
    try:
        plain = best_ms(straightforward, six, 1)
        print(f"straightforward open3d pipeline: {plain:.0f} ms a frame, {plain / ours:.1f} times as long")
    except ImportError as error:
        print(f"no baseline: {error}")
    for objects in (2, 4, 8, 12):
        frames = frames_with(objects, 3)
        if frames:
            print(f"{objects:3d} objects: {best_ms(lift, frames, options.rounds):6.1f} ms")
    for width in (320, 640, 1280, 1920):
        frames = frames_with(None, 3, (width, width * 3 // 4))
        print(f"{width:5d} pixels wide: {best_ms(lift, frames, options.rounds):6.1f} ms")


if __name__ == "__main__":
    main()
