"""Peak memory of a build, all processes together, for a thousand and for ten thousand small manifest frames.

Memory must not grow with the number of images: the two peaks, each the median of three, lie within 10 %.

    python bench/memory.py [--frames 1000 10000] [--repeat 3] [--job perceive|generate]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from frames import CONFIG, write_frames

_PAGE = os.sysconf("SC_PAGE_SIZE")


def session_rss(session: int) -> int:
    """Return the resident bytes of all processes of a session together; shared pages count in each."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_text().rpartition(")")[2].split()[3]) == session:
                total += int((folder / "statm").read_text().split()[1]) * _PAGE
        except OSError:
            continue
    return total


def peak(frames: Path, out: Path, job: str, executor: str) -> tuple[int, float]:
    """Run a build in a session of its own; return its peak in bytes and its seconds."""
    overrides = [f"source.path={frames}", f"output.path={out}", f"run.executor={executor}"]
    settings = [part for override in overrides for part in ("--set", override)]
    command = [sys.executable, "-m", "spatialgen", job, "--config", str(CONFIG), *settings]
    began, highest = time.monotonic(), 0
    process = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    with process.stderr as errors:
        while process.poll() is None:
            highest = max(highest, session_rss(process.pid))
            time.sleep(0.25)
        if process.returncode:
            raise SystemExit(errors.read())
    return highest, time.monotonic() - began


def main() -> None:
    """Print the peaks and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs=2, default=[1000, 10000])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--job", default="generate", choices=["perceive", "generate"])
    parser.add_argument("--executor", default="ray", choices=["ray", "inprocess"])
    given = parser.parse_args()
    medians = []
    for count in given.frames:
        peaks = []
        for k in range(given.repeat):
            with tempfile.TemporaryDirectory() as folder:
                write_frames(Path(folder, "frames"), count, (64, 48), objects=(1, 2))
                highest, seconds = peak(Path(folder, "frames"), Path(folder, "out"), given.job, given.executor)
            peaks.append(highest)
            print(f"{count:6d} frames, run {k + 1}: {highest / 1e6:8.0f} MB in {seconds:.0f} s", flush=True)
        medians.append(statistics.median(peaks))
    print(
        f"median {medians[0] / 1e6:.0f} MB and {medians[1] / 1e6:.0f} MB: ratio {medians[1] / medians[0]:.3f} (<= 1.10)"
    )


if __name__ == "__main__":
    main()
