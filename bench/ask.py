"""Questions a second from scenes to rows written, one core: by step, and how it grows with objects.

A naive baseline words seven facts a pair, one at a time with `str.replace` as public generators do; the ratio to it
does not depend on the machine.

    python bench/ask.py [--scenes 64] [--objects 6]
"""

from __future__ import annotations

import argparse
import itertools
import random
import tempfile
import time
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from spatialgen.qa import arrays
from spatialgen.qa.ask import MAX_SETS, ask_scenes, draft
from spatialgen.qa.config import AskConfig
from spatialgen.qa.names import name_objects
from spatialgen.qa.render import write
from spatialgen.qa.select import selected
from spatialgen.qa.statements import with_statements
from spatialgen.qa.table import questions_table
from spatialgen.records import Scene, SceneObject
from spatialgen.testing.box_scenes import furnished_boxes, make_scene

CONFIG = AskConfig(per_image="all")


def scenes_of(count: int, objects: int) -> list[Scene]:
    """Return furnished scenes with that many objects each."""
    return [make_scene(furnished_boxes(seed, objects), f"room-{seed:06d}") for seed in range(count)]


def rate(scenes: Sequence[Scene], config: AskConfig, folder: Path) -> tuple[int, float, float]:
    """Return rows, rows a CPU second from scenes to Parquet, and bytes a row on disk."""
    start = time.process_time()
    table = ask_scenes(scenes, config)
    path = folder / "questions.parquet"
    pq.write_table(table, path, compression="zstd")
    seconds = time.process_time() - start
    return table.num_rows, table.num_rows / seconds, path.stat().st_size / table.num_rows


def steps(scenes: Sequence[Scene], config: AskConfig) -> dict[str, float]:
    """Return CPU seconds by step."""
    marks = [time.process_time()]
    naming = name_objects(scenes)
    marks.append(time.process_time())
    arrays.build(scenes, naming, config.seed, (), None if config.per_image == "all" else MAX_SETS)
    marks.append(time.process_time())
    naming, a, blocks = draft(scenes, config)
    marks.append(time.process_time())
    blocks = with_statements(selected(blocks, a, naming, config), blocks, config.asked_forms)
    marks.append(time.process_time())
    written = [write(block, naming, config.units) for block in blocks]
    marks.append(time.process_time())
    questions_table(blocks, written, a)
    marks.append(time.process_time())
    names, build, drafting, select, words, rows = (b - a for a, b in itertools.pairwise(marks))
    return {
        "names": names,
        "objects to columns": build,
        "facts and forms": max(drafting - names - build, 0.0),
        "selection": select,
        "words": words,
        "rows": rows,
    }


def naive(scenes: Sequence[Scene], folder: Path) -> float:
    """Return rows a CPU second when every pair and predicate is looked at and worded alone, with `str.replace`.

    It knows six comparisons and a distance, and neither margins nor errors, names that single out, or balance.
    """
    templates = [f"({k}) Is [A] {{}} [B] from the viewer's perspective?" for k in range(20)]
    generator = random.Random(0)
    start = time.process_time()
    rows = []
    for scene in scenes:
        for a, b in permutations(scene.objects, 2):
            for fact in naive_facts(a, b):
                words, value = fact
                text = generator.choice(templates).format(words).replace("[A]", f"the {a.name}")
                question = text.replace("[B]", f"the {b.name}")
                answer = f"{value:.2f}: the {a.name} is {words} the {b.name}."
                rows.append({"image_id": scene.image_id, "question": question, "answer": answer, "value": value})
    pq.write_table(pa.Table.from_pylist(rows), folder / "naive.parquet", compression="zstd")
    return len(rows) / (time.process_time() - start)


def naive_facts(a: SceneObject, b: SceneObject) -> list[tuple[str, float]]:
    """Return seven facts of a pair by comparing centres and sizes."""
    if a.geometry is None or b.geometry is None:
        return []
    centers, sizes = (a.geometry.center_m, b.geometry.center_m), (a.geometry.size_m, b.geometry.size_m)
    facts = [
        (f"{words} of", float(centers[0][k] < centers[1][k])) for k, words in enumerate(("left", "front", "below"))
    ]
    facts += [
        (f"{words} than", float(sizes[0][k] > sizes[1][k])) for k, words in enumerate(("longer", "wider", "taller"))
    ]
    return [*facts, ("away from", float(np.linalg.norm(centers[0] - centers[1])))]


def main() -> None:
    """Print rates, steps and growth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=64)
    parser.add_argument("--objects", type=int, default=6)
    given = parser.parse_args()
    scenes = scenes_of(given.scenes, given.objects)
    ask_scenes(scenes[:2], CONFIG)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows, per_second, size = rate(scenes, CONFIG, folder)
        print(f"{given.scenes} scenes of {given.objects} objects: {rows} questions, {per_second:,.0f} a second")
        print(f"{size:.0f} bytes a question on disk")
        baseline = naive(scenes, folder)
        print(f"naive baseline, seven facts a pair, one at a time: {baseline:,.0f} a second")
        print(f"ratio {per_second / baseline:.2f}")
        total = steps(scenes, CONFIG)
        for step, seconds in total.items():
            print(f"  {step:20s} {1e6 * seconds / rows:6.2f} us a question")
        for objects in (3, 6, 12, 18):
            few = scenes_of(max(4, 16 * 6 // objects), objects)
            rows, per_second, _ = rate(few, CONFIG, folder)
            print(f"  {objects:2d} objects: {rows / len(few):7.0f} questions a scene, {per_second:8,.0f} a second")
        rows, per_second, _ = rate(scenes, AskConfig(per_image=200), folder)
        print(f"200 an image at most: {rows / len(scenes):.0f} questions a scene, {per_second:,.0f} a second")


if __name__ == "__main__":
    main()
