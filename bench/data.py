"""Samples a second of our loader against a LLaVA-style one (JSON list, a JPEG decoded for every question).

    python bench/data.py [--images 200] [--questions 20] [--check]

Both give the same samples (a question, its answer, its picture padded and resized, ids and labels) in one process on
one thread, so the ratio is per core. Memory is that of our loader on a build of one and of four times the pictures.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from PIL import Image

from spatialgen.seeding import rng
from spatialgen.train.config import DataConfig
from spatialgen.train.data import Lane, Mixture, mixture
from spatialgen.train.labels import Encoder
from spatialgen.train.pictures import decode, square
from spatialgen.train.pool import PoolSettings
from spatialgen.train.rows import collate
from spatialgen.train.templates import IMAGE, Turn, template
from spatialgen.train.vocabulary import learn_tokenizer

SIDE, TOKENS, CONTEXT = 336, 64, 2048
GREY = (122, 116, 104)


def question(i: int, q: int) -> tuple[str, str]:
    """Return a question of a picture, as long as ours are."""
    return (
        f"Which of the two, thing {q} or thing {i % 97}, is further left as seen from here?",
        f"Thing {q} is further left.",
    )


def jpeg(i: int) -> bytes:
    """Return a smooth random 640 x 480 JPEG."""
    small = rng(i, "bench").integers(0, 255, (12, 16, 3)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(small).resize((640, 480), Image.Resampling.BICUBIC).save(out, "JPEG", quality=92)
    return out.getvalue()


def write_both(folder: Path, images: int, questions: int) -> None:
    """Write the same samples as a build and as a LLaVA list with its JPEGs."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "train"))
    train_tiny: Any = importlib.import_module("train_tiny")

    sizes = {"images": images, "unit_images": 32, "units_a_shard": 8, "questions": questions}
    train_tiny.write_build(folder / "build", **sizes, image=_image, asked=_rows)
    (folder / "jpeg").mkdir()
    records = []
    for i in range(images):
        (folder / "jpeg" / f"{i}.jpg").write_bytes(jpeg(i))
        for q in range(questions):
            asked, said = question(i, q)
            turns = [{"from": "human", "value": f"{IMAGE}\n{asked}"}, {"from": "gpt", "value": said}]
            records.append({"id": f"{i}-{q}", "image": f"{i}.jpg", "conversations": turns})
    (folder / "llava.json").write_text(json.dumps(records))


def _image(i: int) -> dict[str, Any]:
    stored = {"bytes": jpeg(i), "path": f"{i}.jpg"}
    return {"image_id": f"img{i}", "image": stored, "width": 640, "height": 480, "content_sha256": "0" * 64}


def _rows(i: int, n: int) -> list[dict[str, Any]]:
    base: dict[str, Any] = {"image_id": f"img{i}", "question_type": "left_of", "form": "choice", "status": "decided"}
    base |= {"answer_value": 1.0, "answer_values": None, "answer_unit": "none", "sigma": 0.0, "params": "{}"}
    base |= {"template_id": "t", "seed_key": 1, "content_sha256": "0" * 64, "split": "train"}
    rows = []
    for q in range(n):
        asked, said = question(i, q)
        rows.append({**base, "qa_id": f"{i}-{q}", "subjects": [f"{q}", f"{i % 97}"], "question": asked, "answer": said})
    return rows


def stream(build: Path, tokenizer: Any) -> Mixture:
    """Return our loader over `build`."""
    source = {"kind": "build", "path": str(build), "turns": 10}
    data = DataConfig.model_validate_json(json.dumps({"sources": [source], "context": CONTEXT, "shuffle_images": 64}))
    settings = PoolSettings(0, CONTEXT, True, 4, SIDE, GREY, 0)
    return mixture(data, 1, Encoder(tokenizer, template("v1"), TOKENS, CONTEXT), settings)


def ours(folder: Path, tokenizer: Any) -> int:
    """Read one epoch and return the number of samples (questions)."""
    made = stream(folder / "build", tokenizer)
    lane, eos, samples = Lane(made, 0, made.start(0)), tokenizer.eos_token_id, 0
    while made.progress({0: lane.place}, 1.0) < 1:
        samples += int((lane.next().batch.labels == eos).sum())
    return samples


def theirs(folder: Path, tokenizer: Any, limit: int) -> int:
    """Read `limit` samples of the list as LLaVA's trainer does, a picture decoded for each; return how many."""
    records = json.loads((folder / "llava.json").read_text())
    encoder = Encoder(tokenizer, template("v1"), TOKENS, CONTEXT)
    order = rng(0, "llava").permutation(len(records))[:limit]
    for k in range(0, len(order), 16):
        rows = [records[i] for i in order[k : k + 16]]
        samples = [
            encoder.encode([(r["id"], (Turn(r["conversations"][0]["value"], r["conversations"][1]["value"]),))])[0]
            for r in rows
        ]
        pixels = {
            str(n): square(decode((folder / "jpeg" / r["image"]).read_bytes(), r["image"]), SIDE, GREY)
            for n, r in enumerate(rows)
        }
        collate([(n,) for n in range(len(rows))], samples, list(pixels), pixels, 0, SIDE, 0)
    return len(order)


def peak(folder: Path) -> float:
    """Return the peak memory (MB) of a process that reads one epoch of the build in `folder`."""
    run = [sys.executable, __file__, "--epoch-of", str(folder)]
    return float(subprocess.run(run, check=True, capture_output=True, text=True).stdout.split()[-1])


def main() -> None:
    """Measure and print; with --check end with 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--epoch-of", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = learn_tokenizer([" ".join(question(i, i)) for i in range(99)], 1000)
    if options.epoch_of:
        ours(options.epoch_of, tokenizer)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    with tempfile.TemporaryDirectory() as name:
        folder, larger = Path(name) / "one", Path(name) / "four"
        for place, images in ((folder, options.images), (larger, 4 * options.images)):
            place.mkdir()
            write_both(place, images, options.questions)
        began = time.perf_counter()
        samples = ours(folder, tokenizer)
        fast = samples / (time.perf_counter() - began)
        began = time.perf_counter()
        slow = theirs(folder, tokenizer, min(samples, 400)) / (time.perf_counter() - began)
        small, large = peak(folder), peak(larger)
    print(f"ours          {fast:8.0f} samples/s ({samples} samples)")
    print(f"JSON and JPEG {slow:8.0f} samples/s")
    print(f"ratio         {fast / slow:8.1f} (goal: 3)")
    print(f"peak memory   {small:8.0f} MB on {options.images} pictures, {large:.0f} MB on four times as many")
    if options.check and (fast / slow < 3 or large > 1.1 * small):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
