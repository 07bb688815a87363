"""Lifting alone against the truth, without questions: sizes, centres, gaps of every object and pair.

    python -m spatialgen.verify.lift --scenes 100 --condition noise_1 [--kind room] [--worst 15] [--types width,gap]

prints, for each measure, how many were told (2 sigma within 10 % or 1 cm) of those that could be (not cut, 400
visible pixels), how many of these are within 10 % or 1 cm and 25 %, error quantiles, calibration, and the worst
cases with scene kind, seed and object ids.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import combinations
from typing import get_args

import numpy as np

from spatialgen.records import F64, ObjectGeometry, PairGeometry, Reject, Scene
from spatialgen.testing.degrade import Degradation, degrade
from spatialgen.testing.frames import to_frame
from spatialgen.testing.render import render
from spatialgen.testing.scenes import AnalyticScene, Kind, sample_scene
from spatialgen.testing.truth.scene import TrueObject, TrueScene, from_analytic
from spatialgen.verify.askable import whole_objects
from spatialgen.verify.conditions import CONDITIONS, condition
from spatialgen.verify.judged import Judged, by_type
from spatialgen.verify.run import gravity_errors_deg
from spatialgen.verify.tables import plain_table

Measure = tuple[float | np.float64, float | np.float64, float | np.float64]  # estimate, sigma, truth


def lift_scene(scene: AnalyticScene, how: Degradation) -> tuple[Scene, TrueScene]:
    """Return the scene that `LiftStage` makes of the (spoiled) picture, and the truth. Raises RuntimeError on a
    reject."""
    from spatialgen.scene.stage import LiftStage

    picture = render(scene)
    frame = to_frame(scene, degrade(picture, how, seed=scene.texture_seed), how)
    stage = LiftStage()
    stage.setup()
    result = stage([frame])[0]
    if isinstance(result, Reject) or result.scene is None:
        raise RuntimeError(f"{scene.scene_id} was not lifted: {result}")
    return result.scene, from_analytic(scene, picture)


def judge_scene(scene: Scene, truth: TrueScene) -> list[Judged]:
    """Return every measure of every object and pair beside its truth, silent ones included."""
    whole = whole_objects(truth)
    geometry = {item.object_id: item.geometry for item in scene.objects}
    out: list[Judged] = []
    for item in truth.objects:
        found = geometry.get(item.object_id)
        measures = {} if found is None else object_measures(scene, found, truth, item)
        out += [
            _judged(name, truth, (item.object_id,), measures.get(name), item.object_id in whole)
            for name in _OBJECT_TYPES
        ]
    pairs = _pairs_by_ids(scene)
    for a, b in combinations(truth.objects, 2):
        key = (a.object_id, b.object_id)
        askable = a.object_id in whole and b.object_id in whole
        ga, gb = geometry.get(key[0]), geometry.get(key[1])
        measures = {} if ga is None or gb is None else pair_measures((ga, gb), pairs.get(key), truth, (a, b))
        out += [_judged(name, truth, key, measures.get(name), askable) for name in _PAIR_TYPES]
    return out


_OBJECT_TYPES = ("width", "length", "height", "longest_side", "volume", "bottom", "top", "distance_to_camera")
_PAIR_TYPES = ("distance", "horizontal_distance", "vertical_distance", "lateral", "forward", "gap")


def object_measures(scene: Scene, g: ObjectGeometry, truth: TrueScene, item: TrueObject) -> dict[str, Measure]:
    """Return estimate, sigma and truth of each measure of one object."""
    box, x = item.box, item.x_interval_m
    volume = float(np.prod(g.size_m))
    longest, true_longest = int(np.argmax(g.size_m)), max(box.length_m, box.height_m)
    away = g.center_m - scene.camera_center_m
    out = {
        "width": (float(np.ptp(g.x_interval_m)), g.width_sigma_m, x[1] - x[0]),
        "length": (g.size_m[0], g.size_sigma_m[0], box.length_m),
        "height": (g.size_m[2], g.size_sigma_m[2], box.height_m),
        "longest_side": (g.size_m[longest], g.size_sigma_m[longest], true_longest),
        "volume": (volume, volume * g.volume_sigma, box.volume_m3),
        "distance_to_camera": (
            float(np.linalg.norm(away)),
            _along(g.center_cov_m2, away),
            float(np.linalg.norm(box.center_m - truth.camera_center_m)),
        ),
    }
    if scene.floor is not None:
        out["bottom"] = (g.z_interval_m[0], g.z_sigma_m[0], item.z_interval_m[0])
        out["top"] = (g.z_interval_m[1], g.z_sigma_m[1], item.z_interval_m[1])
    return out


def pair_measures(
    found: tuple[ObjectGeometry, ObjectGeometry],
    pair: PairGeometry | None,
    truth: TrueScene,
    true: tuple[TrueObject, TrueObject],
) -> dict[str, Measure]:
    """Return estimate, sigma and truth of each measure of a pair; the error of gravity is left out."""
    (ga, gb), (a, b) = found, true
    delta, exact = gb.center_m - ga.center_m, b.box.center_m - a.box.center_m
    cov = ga.center_cov_m2 + gb.center_cov_m2
    level = np.array([1.0, 1.0, 0.0])
    flat, exact_flat = delta * level, exact * level
    out = {
        "distance": (float(np.linalg.norm(delta)), _along(cov, delta), float(np.linalg.norm(exact))),
        "horizontal_distance": (float(np.linalg.norm(flat)), _along(cov, flat), float(np.linalg.norm(exact_flat))),
        "vertical_distance": (abs(delta[2]), float(np.sqrt(cov[2, 2])), abs(exact[2])),
        "lateral": (delta[0], float(np.sqrt(cov[0, 0])), exact[0]),
        "forward": (delta[1], float(np.sqrt(cov[1, 1])), exact[1]),
    }
    if pair is not None:
        out["gap"] = (pair.gap_m, pair.gap_sigma_m, truth.gap_m(a, b))
    return out


def _along(cov: F64, direction: F64) -> float:
    unit = direction / max(float(np.linalg.norm(direction)), 1e-9)
    return float(np.sqrt(max(float(unit @ cov @ unit), 0.0)))


def _pairs_by_ids(scene: Scene) -> dict[tuple[str, str], PairGeometry]:
    ids = [item.object_id for item in scene.objects]
    both = {}
    for pair in scene.pairs:
        both[ids[pair.a], ids[pair.b]] = both[ids[pair.b], ids[pair.a]] = pair
    return both


def _judged(name: str, truth: TrueScene, subjects: tuple[str, ...], measure: Measure | None, askable: bool) -> Judged:
    unit = "m3" if name == "volume" else "m"
    labels = ", ".join(truth.by_id(s).label for s in subjects)
    if measure is None or not _confident(measure, unit):
        note = "" if measure is None else f"silent: {measure[0]:.3f} +- {measure[1]:.3f}"
        true = None if measure is None else measure[2]
        return Judged(name, "quantity", truth.scene_id, subjects, None, true, unit, askable=askable, note=note)
    value, sigma, true_value = (float(x) for x in measure)
    return Judged(
        name, "quantity", truth.scene_id, subjects, value, true_value, unit, sigma, askable=askable, note=labels
    )


def _confident(measure: Measure, unit: str) -> bool:
    value, sigma, _ = measure
    return bool(2 * sigma <= max(0.10 * abs(value), 0.01 if unit == "m" else 0.0))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Lifting against the truth of analytic scenes.")
    parser.add_argument("--scenes", type=int, default=50)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--kind", default="room", choices=get_args(Kind))
    parser.add_argument("--condition", default="exact", choices=list(CONDITIONS))
    parser.add_argument("--worst", type=int, default=10, help="worst told cases to print")
    parser.add_argument("--silent", type=int, default=0, help="askable but silent cases to print")
    parser.add_argument("--types", default="", help="measures to look at, with commas; all if empty")
    return parser.parse_args()


def _lines(items: list[Judged], truths: dict[str, TrueScene]) -> Iterator[str]:
    for item in items:
        labels = " / ".join(truths[item.scene_id].by_id(s).label for s in item.subjects)
        told = "silent" if item.value is None else f"{item.value:.3f} +- {item.sigma:.3f}"
        true = "?" if item.truth is None else f"{item.truth:.3f}"
        tail = f" ({item.note})" if item.value is None else ""
        yield f"  {item.type:20s} {item.scene_id}:{','.join(item.subjects)} {labels}: {told}, true {true}{tail}"


def main() -> None:
    """Print the report that the module's docstring describes."""
    options = _arguments()
    kind: Kind = options.kind
    judged: list[Judged] = []
    truths: dict[str, TrueScene] = {}
    gravity: list[float] = []
    for seed in range(options.first, options.first + options.scenes):
        scene, truth = lift_scene(sample_scene(seed, kind=kind), condition(options.condition))
        truths[truth.scene_id] = truth
        judged += judge_scene(scene, truth)
        gravity += gravity_errors_deg(scene, truth)
    wanted = set(filter(None, options.types.split(",")))
    judged = [item for item in judged if not wanted or item.type in wanted]
    print(plain_table(by_type(judged)))
    if gravity:
        quantiles = np.quantile(gravity, [0.5, 0.95, 1.0]).round(3).tolist()
        print(f"gravity told in {len(gravity)} of {options.scenes}; error 50 / 95 / 100 %: {quantiles} degrees")
    told = [item for item in judged if item.asked and not item.within(0.10)]
    told.sort(key=lambda item: -item.error / max(abs(item.truth or 0.0), 0.1))
    print(
        f"worst of {len(told)} that are off by more than 10 % and 1 cm:",
        *_lines(told[: options.worst], truths),
        sep="\n",
    )
    silent = [item for item in judged if item.askable and not item.asked]
    if options.silent:
        print(f"first of {len(silent)} askable but silent:", *_lines(silent[: options.silent], truths), sep="\n")


if __name__ == "__main__":
    main()
