"""Images a second of the same CPU stages in process and on Ray with one and with two workers, as ratios.

Start-up is left aside: a rate counts from the moment when a tenth of the units is committed to the last commit.

    python bench/engine.py [--frames 2000] [--size 192x144]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from frames import frames_config, write_frames

from spatialgen.build import perceive
from spatialgen.reports import Silent, UnitDone


class Rate(Silent):
    """Notes when each unit was committed."""

    def __init__(self) -> None:
        self.commits: list[tuple[float, int]] = []

    def update(self, done: UnitDone) -> None:
        """Note one commit."""
        self.commits.append((time.perf_counter(), done.images))

    @property
    def images_per_s(self) -> float:
        """The rate from a tenth of the units on."""
        first = len(self.commits) // 10
        seconds = self.commits[-1][0] - self.commits[first][0]
        return sum(images for _, images in self.commits[first + 1 :]) / seconds


def measure(frames: Path, out: Path, executor: str, workers: int) -> float:
    """Perceive `frames` and return the rate."""
    pools = [f"ray.pools.perceive.min_workers={workers}", f"ray.pools.perceive.max_workers={workers}"]
    config = frames_config(frames, out, f"run.executor={executor}", f"ray.num_cpus={workers}", *pools)
    rate = Rate()
    perceive(config, rate)
    return rate.images_per_s


def main() -> None:
    """Print the three rates and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--size", default="192x144", help="WIDTHxHEIGHT of a frame")
    given = parser.parse_args()
    width, height = (int(side) for side in given.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        frames = Path(folder, "frames")
        write_frames(frames, given.frames, (width, height))
        print(f"{given.frames} frames of {given.size}, {len(os.sched_getaffinity(0))} cores")
        rates = {}
        for name, executor, workers in (("in process", "inprocess", 1), ("Ray, 1", "ray", 1), ("Ray, 2", "ray", 2)):
            load = os.getloadavg()[0]
            rates[name] = measure(frames, Path(folder, name.replace(", ", "-")), executor, workers)
            print(f"{name:12s} {rates[name]:8.1f} images/s   (load before: {load:.1f})")
    print(f"Ray with one worker / in process:  {rates['Ray, 1'] / rates['in process']:.2f}")
    print(f"Ray with two workers / with one:   {rates['Ray, 2'] / rates['Ray, 1']:.2f}  (should reach 1.6)")


if __name__ == "__main__":
    main()
